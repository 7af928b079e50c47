// Models that must be refused, with the right code and the name of what is wrong, and spellings
// that must not change a bit.
#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "golden_data.h"
#include "model_editor.h"

namespace crossrank::golden {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr const char* kBert = "act_gelu_new";
constexpr const char* kElectra = "electra";

void expect_refused(const ModelEditor& model, ErrorCode code, const std::string& named) {
  const Result<CrossEncoder> encoder = model.load();
  ASSERT_FALSE(encoder.ok()) << "accepted; expected " << to_string(code) << " naming " << named;
  EXPECT_EQ(to_string(encoder.error().code), to_string(code)) << encoder.error().message;
  EXPECT_THAT(encoder.error().message, HasSubstr(named));
}

class OddTensors : public testing::TestWithParam<const char*> {};

TEST_P(OddTensors, EachTensorIsNeeded) {
  ModelEditor model(GetParam());
  const auto all = model.tensors;
  ASSERT_GE(all.size(), 20u);
  for (const auto& [name, tensor] : all) {
    SCOPED_TRACE(name);
    model.tensors = all;
    model.tensors.erase(name);
    expect_refused(model, ErrorCode::kBadWeights, name);
  }
}

TEST_P(OddTensors, EachTensorHasItsShape) {
  ModelEditor model(GetParam());
  const auto all = model.tensors;
  for (const auto& [name, tensor] : all) {
    SCOPED_TRACE(name);
    // One row less than there should be. The classifier's rows are the label count.
    model.tensors = all;
    EditedTensor& edited = model.tensors[name];
    const std::size_t row = edited.bytes.size() / edited.shape[0];
    --edited.shape[0];
    edited.bytes.resize(edited.bytes.size() - row);
    const bool labels = name == "classifier.weight" || name == "classifier.out_proj.weight";
    expect_refused(model, labels ? ErrorCode::kBadConfig : ErrorCode::kBadWeights, name);

    // The right number of elements in another arrangement.
    model.tensors = all;
    std::vector<std::size_t>& shape = model.tensors[name].shape;
    shape.insert(shape.begin(), 1);
    expect_refused(model, ErrorCode::kBadWeights, name);
  }
}

TEST_P(OddTensors, NoTensorHoldsNanOrInfinity) {
  ModelEditor model(GetParam());
  const auto all = model.tensors;
  const float odd[] = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity()};
  std::size_t turn = 0;
  for (const auto& [name, tensor] : all) {
    SCOPED_TRACE(name);
    model.tensors = all;
    const std::size_t elements = tensor.bytes.size() / sizeof(float);
    // First, last and some element between: a check by vectors has a beginning and a tail.
    const std::size_t places[] = {0, elements / 2, elements - 1};
    ModelEditor::set_float(model.tensors[name], places[turn % 3], odd[turn / 3 % 3]);
    expect_refused(model, ErrorCode::kBadWeights, name);
    ++turn;
  }
}

TEST_P(OddTensors, NoTensorHoldsIntegers) {
  ModelEditor model(GetParam());
  const auto all = model.tensors;
  for (const char* dtype : {"I32", "U32"}) {
    for (const auto& [name, tensor] : all) {
      SCOPED_TRACE(name);
      model.tensors = all;
      model.tensors[name].dtype = dtype;
      expect_refused(model, ErrorCode::kBadWeights, name);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, OddTensors, testing::Values(kBert, kElectra),
                         [](const auto& test) { return std::string(test.param); });

TEST(OddWeights, ANeededTensorOfATypeFromTheFuture) {
  ModelEditor model(kBert);
  const std::string name = "bert.encoder.layer.0.output.dense.bias";
  model.tensors.at(name).dtype = "F4_NEW";
  expect_refused(model, ErrorCode::kBadWeights, name + "\" is of type \"F4_NEW\"");
}

TEST(OddWeights, MessagesShowOfALongShapeTheBeginning) {
  ModelEditor model(kBert);
  const std::string name = "bert.encoder.layer.0.output.dense.bias";
  std::vector<std::size_t>& shape = model.tensors.at(name).shape;
  shape.insert(shape.begin(), 100'000, 1);
  const Result<CrossEncoder> encoder = model.load();
  ASSERT_FALSE(encoder.ok());
  EXPECT_EQ(encoder.error().code, ErrorCode::kBadWeights);
  EXPECT_LT(encoder.error().message.size(), 300u);
  EXPECT_THAT(encoder.error().message, HasSubstr(", ... 100001 dimensions]"));
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// A config may claim any size; memory is taken for tensors that are there.
TEST(OddWeights, MemoryIsBoundedByTheFile) {
  ModelEditor wide(kBert);
  wide.config["intermediate_size"] = 2'000'000;  // 288 MB a matrix
  ModelEditor deep(kBert);  // the embeddings agree, 7 MB, and query, key and value would be 432 MB
  deep.config["hidden_size"] = 6000;
  for (auto& [name, tensor] : deep.tensors) {
    if (!name.starts_with("bert.embeddings.")) continue;
    tensor.shape.back() = 6000;
    const std::size_t rows = tensor.shape.size() == 2 ? tensor.shape[0] : 1;
    tensor.bytes.assign(rows * 6000 * sizeof(float), '\0');
  }
  const long before = peak_kilobytes();
  expect_refused(wide, ErrorCode::kBadWeights, "intermediate.dense.weight");
  expect_refused(deep, ErrorCode::kBadWeights, "attention.self.query.weight");
  EXPECT_LT(peak_kilobytes() - before, 150'000);
}

TEST(OddWeights, HalfPrecisionNan) {
  const std::string name = "bert.encoder.layer.0.output.dense.bias";
  for (const auto& [dtype, nan] : {std::pair{"F16", "\x01\x7E"}, std::pair{"BF16", "\xC0\x7F"}}) {
    ModelEditor model(kBert);
    EditedTensor& bias = model.tensors.at(name);
    bias.dtype = dtype;
    bias.bytes.assign(bias.shape[0] * 2, '\0');
    ASSERT_TRUE(model.load().ok()) << dtype;
    bias.bytes.replace(bias.bytes.size() - 2, 2, nan);
    expect_refused(model, ErrorCode::kBadWeights, name);
  }
}

TEST(OddConfig, LabelCountsThatDisagree) {
  ModelEditor model(kBert);
  model.config["id2label"] = {{"0", "a"}, {"1", "b"}, {"2", "c"}};
  expect_refused(model, ErrorCode::kBadConfig, "3 labels");
  model.config.erase("id2label");
  model.config["num_labels"] = 4;
  expect_refused(model, ErrorCode::kBadConfig, "4 labels");
  // transformers takes a config that says nothing for two labels.
  model.config.erase("num_labels");
  model.config.erase("label2id");
  expect_refused(model, ErrorCode::kBadConfig, "2 labels");
  model.config["num_labels"] = 1;
  EXPECT_TRUE(model.load().ok());
}

TEST(OddConfig, OtherArchitecturesAreNamed) {
  const std::pair<const char*, const char*> others[] = {
      {"deberta-v2", "DebertaV2ForSequenceClassification"},
      {"modernbert", "ModernBertForSequenceClassification"},
      {"distilbert", "DistilBertForSequenceClassification"},
      {"albert", "AlbertForSequenceClassification"},
      {"qwen3", "Qwen3ForCausalLM"},
  };
  for (const auto& [type, architecture] : others) {
    SCOPED_TRACE(type);
    ModelEditor model(kBert);
    model.config["model_type"] = type;
    model.config["architectures"] = {architecture};
    const Result<CrossEncoder> encoder = model.load();
    ASSERT_FALSE(encoder.ok());
    EXPECT_EQ(to_string(encoder.error().code), "UnsupportedModel") << encoder.error().message;
    EXPECT_THAT(encoder.error().message, AnyOf(HasSubstr(type), HasSubstr(architecture)));
  }
}

TEST(OddConfig, FeaturesThatChangeNumbersAreNamed) {
  for (const char* type : {"relative_key", "relative_key_query"}) {
    ModelEditor model(kBert);
    model.config["position_embedding_type"] = type;
    expect_refused(model, ErrorCode::kUnsupportedModel, type);
  }
  ModelEditor decoder(kBert);
  decoder.config["is_decoder"] = true;
  expect_refused(decoder, ErrorCode::kUnsupportedModel, "is_decoder");
  ModelEditor activation(kBert);
  activation.config["hidden_act"] = "quick_gelu";
  expect_refused(activation, ErrorCode::kUnsupportedModel, "quick_gelu");
}

TEST(OddConfig, SizesThatContradict) {
  // Far too large ones must be refused by a look at the tensors, before memory is asked for.
  const std::tuple<const char*, json::Value, ErrorCode> changes[] = {
      {"num_attention_heads", 5, ErrorCode::kBadConfig},  // 36 is no multiple of 5
      {"num_attention_heads", 0, ErrorCode::kBadConfig},
      {"hidden_size", 0, ErrorCode::kBadConfig},
      {"hidden_size", -36, ErrorCode::kBadConfig},
      {"hidden_size", "36", ErrorCode::kBadConfig},
      {"hidden_size", 37.5, ErrorCode::kBadConfig},
      {"layer_norm_eps", "small", ErrorCode::kBadConfig},
      {"max_position_embeddings", 0, ErrorCode::kBadConfig},
  };
  for (const auto& [key, value, code] : changes) {
    SCOPED_TRACE(std::string(key) + " = " + json::dump(value));
    ModelEditor model(kBert);
    model.config[key] = value;
    expect_refused(model, code, key);
  }
  for (const char* key : {"hidden_size", "intermediate_size", "vocab_size", "type_vocab_size",
                          "max_position_embeddings", "num_hidden_layers", "num_attention_heads"}) {
    for (const std::uint64_t value : {std::uint64_t{1} << 30, std::uint64_t{1} << 60}) {
      SCOPED_TRACE(std::string(key) + " = " + std::to_string(value));
      ModelEditor model(kBert);
      model.config[key] = value;
      const Result<CrossEncoder> encoder = model.load();
      ASSERT_FALSE(encoder.ok());
      EXPECT_THAT(encoder.error().code, AnyOf(ErrorCode::kBadConfig, ErrorCode::kBadWeights))
          << to_string(encoder.error().code) << ": " << encoder.error().message;
    }
  }
}

TEST(OddConfig, TokenizerWithMoreIdsThanTheTable) {
  ModelEditor model(kBert);
  EditedTensor& words = model.tensors.at("bert.embeddings.word_embeddings.weight");
  words.bytes.resize(words.bytes.size() - words.bytes.size() / words.shape[0]);
  --words.shape[0];
  model.config["vocab_size"] = words.shape[0];
  expect_refused(model, ErrorCode::kBadConfig, "vocab_size");
}

// --- spellings of the same model ------------------------------------------------------------

std::vector<std::uint32_t> bits_of(const ModelEditor& model) {
  const std::vector<PairCase> pairs = read_pairs(kBert);
  const Predictions predictions = model.load().value().predict(views(pairs)).value();
  std::vector<std::uint32_t> out;
  for (const ScoredPair& pair : predictions)
    out.push_back(std::bit_cast<std::uint32_t>(pair.logit));
  return out;
}

TEST(OddSpelling, NamesAndForeignTensorsChangeNoBit) {
  ModelEditor model(kBert);
  const std::vector<std::uint32_t> expected = bits_of(model);
  std::map<std::string, EditedTensor> renamed;
  for (auto& [name, tensor] : model.tensors) {
    std::string other = name.starts_with("bert.") ? name.substr(5) : name;
    if (const auto at = other.find("LayerNorm.weight"); at != std::string::npos) {
      other = other.substr(0, at) + "LayerNorm.gamma";
    }
    if (const auto at = other.find("LayerNorm.bias"); at != std::string::npos) {
      other = other.substr(0, at) + "LayerNorm.beta";
    }
    renamed[other] = tensor;
  }
  ASSERT_NE(renamed.size(), 0u);
  model.tensors = renamed;
  EXPECT_EQ(bits_of(model), expected);

  model.tensors["embeddings.position_ids"] = {
      "I64", {1, 64}, std::string(std::size_t{64} * 8, '\x05')};
  model.tensors["cls.predictions.bias"] = {"F64", {1}, std::string(8, '\xFF')};
  model.tensors["cls.seq_relationship.weight"] = {"F8_E4M3", {3}, "\x7F\x7F\x7F"};
  model.tensors["cls.predictions.decoder.weight"] = {"F4", {3}, "\x12\x03"};
  model.tensors["encoder.layer.1.output.dense.bias"] = {"F32", {1}, std::string(4, '\0')};
  EXPECT_EQ(bits_of(model), expected);
}

TEST(OddSpelling, UnalignedTensorsChangeNoBit) {
  ModelEditor model(kBert);
  const std::vector<std::uint32_t> expected = bits_of(model);
  for (std::size_t padding = 1; padding < 8; ++padding) {
    model.header_padding = padding;
    EXPECT_EQ(bits_of(model), expected) << padding;
  }
}

TEST(OddSpelling, UnknownConfigKeysChangeNoBit) {
  ModelEditor model(kBert);
  const std::vector<std::uint32_t> expected = bits_of(model);
  model.config["classifier_dropout"] = nullptr;
  model.config["hidden_dropout_prob"] = 0.9;
  model.config["transformers_version"] = "1.0";
  model.config["some_list"] = {1, nullptr, json::Value::object()};
  model.config.erase("position_embedding_type");
  EXPECT_EQ(bits_of(model), expected);
}

}  // namespace
}  // namespace crossrank::golden
