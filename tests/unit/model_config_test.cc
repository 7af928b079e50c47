// Tests of src/model/config: defaults, checks of each key, what is refused and how it is named.
// Defaults and the rule for label counts are those of transformers 5.24.
#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace crossrank::model {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Result<Config> parse(const std::string& text) {
  return parse_config(base::Blob("dir/config.json", text));
}

// `members` behind the two keys that every config needs.
std::string bert(const std::string& members = "") {
  return R"({"architectures":["BertForSequenceClassification"],"model_type":"bert")" +
         (members.empty() ? "" : "," + members) + "}";
}

std::string electra(const std::string& members = "") {
  return R"({"architectures":["ElectraForSequenceClassification"],"model_type":"electra")" +
         (members.empty() ? "" : "," + members) + "}";
}

Config config_of(const std::string& text) {
  Result<Config> config = parse(text);
  EXPECT_TRUE(config.ok()) << text << ": " << config.error().message;
  return config.ok() ? *config : Config{};
}

// The message behind "dir/config.json: ".
std::string refusal(const std::string& text, ErrorCode code) {
  const Result<Config> config = parse(text);
  if (config.ok()) return "accepted";
  EXPECT_EQ(config.error().code, code) << config.error().message;
  EXPECT_THAT(config.error().message, StartsWith("dir/config.json: "));
  return config.error().message.substr(17);
}

std::string bad(const std::string& text) { return refusal(text, ErrorCode::kBadConfig); }
std::string unsupported(const std::string& text) {
  return refusal(text, ErrorCode::kUnsupportedModel);
}

TEST(ModelConfig, LabelNames) {
  using Names = std::vector<std::string>;
  const Config named = config_of(bert(R"("id2label":{"1":"yes","0":"no"})"));
  EXPECT_EQ(label_names_of(named, 2), (Names{"no", "yes"}));
  EXPECT_EQ(label_names_of(named, 3), (Names{"LABEL_0", "LABEL_1", "LABEL_2"}));
  EXPECT_EQ(label_names_of(config_of(bert()), 1), Names{"LABEL_0"});
  for (const char* unusable : {R"({"0":"no","2":"yes"})", R"({"0":"no","one":"yes"})",
                               R"({"0":"no","1":7})", R"({"-1":"no","0":"yes"})"}) {
    const Config config = config_of(bert(R"("id2label":)" + std::string(unusable)));
    EXPECT_EQ(label_names_of(config, 2), (Names{"LABEL_0", "LABEL_1"})) << unusable;
  }
}

// --- values ---------------------------------------------------------------------------------

TEST(ModelConfig, BertDefaults) {
  const Config c = config_of(bert());
  EXPECT_EQ(c.architecture, "BertForSequenceClassification");
  EXPECT_EQ(c.family, Family::kBert);
  EXPECT_EQ(c.vocab_size, 30522u);
  EXPECT_EQ(c.hidden_size, 768u);
  EXPECT_EQ(c.embedding_size, 768u);
  EXPECT_EQ(c.layers, 12u);
  EXPECT_EQ(c.heads, 12u);
  EXPECT_EQ(c.head_size(), 64u);
  EXPECT_EQ(c.intermediate_size, 3072u);
  EXPECT_EQ(c.max_positions, 512u);
  EXPECT_EQ(c.type_vocab_size, 2u);
  EXPECT_EQ(c.layer_norm_eps, 1e-12F);
  EXPECT_EQ(c.hidden_activation, HiddenActivation::kGelu);
  EXPECT_EQ(c.num_labels, std::nullopt);
  EXPECT_EQ(c.stated_activation, std::nullopt);
}

TEST(ModelConfig, ElectraDefaults) {
  const Config c = config_of(electra());
  EXPECT_EQ(c.family, Family::kElectra);
  EXPECT_EQ(c.vocab_size, 30522u);
  EXPECT_EQ(c.embedding_size, 128u);
  EXPECT_EQ(c.hidden_size, 256u);
  EXPECT_EQ(c.layers, 12u);
  EXPECT_EQ(c.heads, 4u);
  EXPECT_EQ(c.intermediate_size, 1024u);
  EXPECT_EQ(c.max_positions, 512u);
  EXPECT_EQ(c.type_vocab_size, 2u);
}

TEST(ModelConfig, EveryKeyIsRead) {
  const Config c = config_of(
      electra(R"("vocab_size":100,"embedding_size":24,"hidden_size":48,"num_hidden_layers":3,
      "num_attention_heads":6,"intermediate_size":80,"max_position_embeddings":64,
      "type_vocab_size":1,"layer_norm_eps":1e-5,"hidden_act":"relu","num_labels":7)"));
  EXPECT_EQ(c.vocab_size, 100u);
  EXPECT_EQ(c.embedding_size, 24u);
  EXPECT_EQ(c.hidden_size, 48u);
  EXPECT_EQ(c.layers, 3u);
  EXPECT_EQ(c.heads, 6u);
  EXPECT_EQ(c.head_size(), 8u);
  EXPECT_EQ(c.intermediate_size, 80u);
  EXPECT_EQ(c.max_positions, 64u);
  EXPECT_EQ(c.type_vocab_size, 1u);
  EXPECT_EQ(c.layer_norm_eps, 1e-5F);
  EXPECT_EQ(c.hidden_activation, HiddenActivation::kRelu);
  EXPECT_EQ(c.num_labels, 7u);
}

TEST(ModelConfig, BertHasNoEmbeddingSizeOfItsOwn) {
  EXPECT_EQ(config_of(bert(R"("hidden_size":24,"embedding_size":7)")).embedding_size, 24u);
}

TEST(ModelConfig, HiddenActivations) {
  const std::vector<std::pair<const char*, HiddenActivation>> names = {
      {"gelu", HiddenActivation::kGelu},
      {"gelu_python", HiddenActivation::kGelu},
      {"gelu_new", HiddenActivation::kGeluTanh},
      {"gelu_fast", HiddenActivation::kGeluTanh},
      {"gelu_accurate", HiddenActivation::kGeluTanh},
      {"gelu_pytorch_tanh", HiddenActivation::kGeluTanh},
      {"gelu_python_tanh", HiddenActivation::kGeluTanh},
      {"relu", HiddenActivation::kRelu},
      {"silu", HiddenActivation::kSilu},
      {"swish", HiddenActivation::kSilu},
      {"tanh", HiddenActivation::kTanh}};
  for (const auto& [name, expected] : names) {
    EXPECT_EQ(config_of(bert("\"hidden_act\":\"" + std::string(name) + "\"")).hidden_activation,
              expected)
        << name;
  }
  // Near relatives that are other functions.
  for (const char* name : {"quick_gelu", "gelu_10", "relu2", "relu6", "mish", "linear", "GELU"}) {
    EXPECT_THAT(unsupported(bert("\"hidden_act\":\"" + std::string(name) + "\"")),
                StartsWith("hidden_act \"" + std::string(name) + "\" is not supported"));
  }
  EXPECT_EQ(bad(bert(R"("hidden_act":5)")), "key `hidden_act` must be a string, not 5.");
}

// --- labels ---------------------------------------------------------------------------------

TEST(ModelConfig, LabelCounts) {
  EXPECT_EQ(config_of(bert(R"("id2label":{"0":"LABEL_0"})")).num_labels, 1u);
  EXPECT_EQ(config_of(bert(R"("id2label":{"0":"a","1":"b","2":"c"})")).num_labels, 3u);
  EXPECT_EQ(config_of(bert(R"("num_labels":4)")).num_labels, 4u);
  EXPECT_EQ(config_of(bert(R"("id2label":null,"num_labels":null)")).num_labels, std::nullopt);
}

TEST(ModelConfig, NumLabelsWinsOverId2label) {
  EXPECT_EQ(config_of(bert(R"("num_labels":3,"id2label":{"0":"a"})")).num_labels, 3u);
}

TEST(ModelConfig, MalformedLabels) {
  EXPECT_EQ(bad(bert(R"("id2label":["a"])")),
            "key `id2label` must be an object with a member for each label, not an array of 1.");
  EXPECT_EQ(bad(bert(R"("id2label":{})")),
            "key `id2label` must be an object with a member for each label, not an object.");
  EXPECT_EQ(bad(bert(R"("num_labels":0)")),
            "key `num_labels` must be an integer from 1 to 16777216, not 0.");
}

// --- architecture ---------------------------------------------------------------------------

TEST(ModelConfig, OtherArchitecturesAreNamed) {
  for (const char* name :
       {"DebertaV2ForSequenceClassification", "ModernBertForSequenceClassification",
        "DistilBertForSequenceClassification"}) {
    const std::string text = "{\"architectures\":[\"" + std::string(name) + "\"]}";
    EXPECT_EQ(
        unsupported(text),
        "architecture \"" + std::string(name) +
            "\" is not supported; supported are the ForSequenceClassification models of Bert, "
            "Electra, XLMRoberta, Roberta and Camembert.");
  }
  for (const char* type : {"deberta-v2", "modernbert", "BERT"}) {
    EXPECT_THAT(unsupported("{\"model_type\":\"" + std::string(type) + "\"}"),
                StartsWith("model_type \"" + std::string(type) + "\" is not supported"));
  }
}

TEST(ModelConfig, RobertasPositionsBeginBehindThePadding) {
  const auto roberta = [](const std::string& keys) {
    return R"({"model_type":"xlm-roberta","vocab_size":50,"max_position_embeddings":514)" + keys +
           "}";
  };
  for (const char* architecture : {"XLMRoberta", "Roberta", "Camembert"}) {
    const Config config = config_of(R"({"architectures":[")" + std::string(architecture) +
                                    R"(ForSequenceClassification"]})");
    EXPECT_EQ(config.family, Family::kRoberta);
    EXPECT_EQ(config.max_positions, 510U);
  }
  const Config absent = config_of(roberta(""));
  EXPECT_EQ(absent.max_positions, 512U);
  EXPECT_EQ(absent.position_offset, 2U);
  EXPECT_EQ(absent.pad_id, 1);
  const Config zero = config_of(roberta(R"(,"pad_token_id":0)"));
  EXPECT_EQ(zero.max_positions, 513U);
  EXPECT_EQ(zero.position_offset, 1U);
  EXPECT_THAT(bad(roberta(R"(,"pad_token_id":50)")), StartsWith("key `pad_token_id` must be"));
  EXPECT_THAT(bad(roberta(R"(,"pad_token_id":null)")), StartsWith("key `pad_token_id` must be"));
  EXPECT_THAT(bad(roberta(R"(,"pad_token_id":-1)")), StartsWith("key `pad_token_id` must be"));
  EXPECT_EQ(config_of(bert(R"("pad_token_id":7)")).position_offset, 0U);
}

TEST(ModelConfig, ModelsWithoutAClassifierAreNamed) {
  for (const char* name : {"BertModel", "BertForMaskedLM", "ElectraForPreTraining"}) {
    EXPECT_THAT(unsupported("{\"architectures\":[\"" + std::string(name) + "\"]}"),
                StartsWith("architecture \"" + std::string(name) +
                           "\" is not a sequence classifier; supported are"));
  }
}

TEST(ModelConfig, WithoutArchitecturesTheModelTypeDecides) {
  for (const char* list : {"", ",\"architectures\":null", ",\"architectures\":[]"}) {
    const std::string tail = std::string(list) + "}";
    EXPECT_EQ(config_of("{\"model_type\":\"bert\"" + tail).architecture,
              "BertForSequenceClassification");
    EXPECT_EQ(config_of("{\"model_type\":\"electra\"" + tail).family, Family::kElectra);
  }
  EXPECT_EQ(config_of(R"({"architectures":["ElectraForSequenceClassification"]})").family,
            Family::kElectra);  // configs older than the key model_type
  EXPECT_THAT(bad("{}"), StartsWith("neither `architectures` nor `model_type` says what model"));
}

TEST(ModelConfig, ContradictionsAndWrongTypes) {
  EXPECT_EQ(bad(R"({"architectures":["BertForSequenceClassification"],"model_type":"electra"})"),
            "`model_type` \"electra\" contradicts `architectures` "
            "\"BertForSequenceClassification\".");
  EXPECT_EQ(bad(R"({"architectures":"BertForSequenceClassification"})"),
            "key `architectures` must be an array, not \"BertForSequenceClassification\".");
  EXPECT_EQ(bad(R"({"architectures":[1]})"), "key `architectures[0]` must be a string, not 1.");
  EXPECT_EQ(bad(R"({"model_type":{}})"), "key `model_type` must be a string, not an object.");
}

// --- features -------------------------------------------------------------------------------

TEST(ModelConfig, OnlyAbsolutePositions) {
  EXPECT_TRUE(parse(bert(R"("position_embedding_type":"absolute")")).ok());
  EXPECT_TRUE(parse(bert(R"("position_embedding_type":null)")).ok());
  for (const char* type : {"relative_key", "relative_key_query"}) {
    EXPECT_EQ(unsupported(bert("\"position_embedding_type\":\"" + std::string(type) + "\"")),
              "position_embedding_type \"" + std::string(type) +
                  "\" is not supported, only "
                  "\"absolute\".");
  }
  EXPECT_THAT(bad(bert(R"("position_embedding_type":1)")), HasSubstr("must be a string, not 1"));
}

TEST(ModelConfig, OnlyEncoders) {
  for (const std::string key : {"is_decoder", "add_cross_attention"}) {
    EXPECT_TRUE(parse(bert("\"" + key + "\":false")).ok());
    EXPECT_EQ(unsupported(bert("\"" + key + "\":true")),
              key + " is true: a decoder is not supported, only an encoder.");
    EXPECT_EQ(bad(bert("\"" + key + "\":1")), "key `" + key + "` must be true or false, not 1.");
  }
}

// --- numbers --------------------------------------------------------------------------------

std::string member(const std::string& key, const std::string& value) {
  return "\"" + key + "\":" + value;
}
std::string not_a_size(const std::string& key, const std::string& max, const std::string& shown) {
  return "key `" + key + "` must be an integer from 1 to " + max + ", not " + shown + ".";
}

TEST(ModelConfig, SizesArePositiveIntegersOfSaneMagnitude) {
  const std::vector<std::pair<std::string, std::string>> keys = {
      {"vocab_size", "16777216"},        {"hidden_size", "16777216"},
      {"num_hidden_layers", "4096"},     {"num_attention_heads", "16777216"},
      {"intermediate_size", "16777216"}, {"max_position_embeddings", "16777216"},
      {"type_vocab_size", "16777216"},   {"embedding_size", "16777216"},
      {"num_labels", "16777216"}};
  const std::vector<std::pair<std::string, std::string>> values = {
      {"0", "0"},
      {"-1", "-1"},
      {"384.0", "384.0"},
      {"1.5", "1.5"},
      {"1e30", "1e+30"},
      {"16777217", "16777217"},
      {"2147483648", "2147483648"},
      {"18446744073709551615", "18446744073709551615"},
      {"36893488147419103232", "36893488147419103232.0"},
      {"true", "true"},
      {"\"384\"", "\"384\""},
      {"[384]", "an array of 1"},
      {"{}", "an object"}};
  for (const auto& [key, max] : keys) {
    for (const auto& [value, shown] : values) {
      EXPECT_EQ(bad(electra(member(key, value))), not_a_size(key, max, shown));
    }
  }
  EXPECT_EQ(bad(bert(R"("hidden_size":null)")),
            "key `hidden_size` must be an integer from 1 to 16777216, not null.");
}

TEST(ModelConfig, HeadsDivideTheHiddenSize) {
  EXPECT_EQ(bad(bert(R"("hidden_size":100,"num_attention_heads":12)")),
            "key `hidden_size` 100 is not a multiple of key `num_attention_heads` 12.");
  EXPECT_EQ(bad(bert(R"("hidden_size":2,"num_attention_heads":4)")),
            "key `hidden_size` 2 is not a multiple of key `num_attention_heads` 4.");
  EXPECT_THAT(bad(electra(R"("num_attention_heads":12)")), HasSubstr("256 is not a multiple"));
}

TEST(ModelConfig, LayerNormEpsIsASmallNumber) {
  for (const std::string value : {"0", "-1e-12", "1", "1e30", "\"1e-12\"", "null", "true"}) {
    EXPECT_THAT(bad(bert("\"layer_norm_eps\":" + value)),
                StartsWith("key `layer_norm_eps` must be a number between 0 and 1, not "))
        << value;
  }
}

// --- the file -------------------------------------------------------------------------------

TEST(ModelConfig, WhatIsNotAJsonObjectIsRefused) {
  EXPECT_THAT(bad(""), HasSubstr("not valid JSON at byte 0"));
  EXPECT_THAT(bad("{\"a\":"), HasSubstr("not valid JSON at byte 5"));
  EXPECT_THAT(bad("{\"a\":\"\xFF\"}"), HasSubstr("invalid UTF-8 at byte 6"));
  EXPECT_THAT(bad(std::string(100'000, '[')), HasSubstr("nested more than"));
  EXPECT_EQ(bad("[]"), "the file must be an object, not an array of 0.");
  EXPECT_EQ(bad("null"), "the file must be an object, not null.");
}

TEST(ModelConfig, UnknownKeysAreIgnored) {
  EXPECT_TRUE(parse(bert(R"("hidden_dropout_prob":"x","torch_dtype":"float16","q":{})")).ok());
}

TEST(ModelConfig, ForeignTextInMessagesIsEscapedAndShort) {
  const std::string message =
      unsupported(R"({"model_type":"\u001b[31m)" + std::string(10'000, 'x') + "\"}");
  EXPECT_THAT(message, AllOf(HasSubstr(R"("\u001b[31mxxx)"), HasSubstr("xxx\"... is not")));
  EXPECT_LT(message.size(), 250u);
}

// --- activation -----------------------------------------------------------------------------

std::optional<Activation> stated(const std::string& members, const std::string& own_file = "") {
  base::Blob own;
  if (!own_file.empty()) own = base::Blob("dir/config_sentence_transformers.json", own_file);
  const std::string text = bert(members);
  const Result<Config> config = parse_config(base::Blob("dir/config.json", text), own);
  EXPECT_TRUE(config.ok()) << config.error().message;
  return config.ok() ? config->stated_activation : std::nullopt;
}

TEST(ModelConfig, ActivationNames) {
  const std::vector<std::pair<std::string, Activation>> names = {
      {"torch.nn.modules.linear.Identity", Activation::kIdentity},
      {"torch.nn.Identity", Activation::kIdentity},
      {"torch.nn.modules.activation.Sigmoid", Activation::kSigmoid},
      {"torch.nn.Sigmoid", Activation::kSigmoid},
      {"torch.nn.modules.activation.Tanh", Activation::kTanh},
      {"torch.nn.Tanh", Activation::kTanh},
      {"torch.nn.modules.activation.Softmax", Activation::kSoftmax},
      {"torch.nn.Softmax", Activation::kSoftmax},
      {"torch.nn.modules.Softmax", Activation::kSoftmax}};
  for (const auto& [name, expected] : names) {
    EXPECT_EQ(stated(R"("sentence_transformers":{"activation_fn":")" + name + "\"}"), expected);
    EXPECT_EQ(stated(R"("sbert_ce_default_activation_function":")" + name + "\""), expected);
    EXPECT_EQ(stated("", R"({"activation_fn":")" + name + "\"}"), expected);
  }
}

TEST(ModelConfig, TheNewestPlaceOfTheActivationWins) {
  const std::string legacy = R"("sbert_ce_default_activation_function":"torch.nn.Tanh")";
  const std::string object = R"("sentence_transformers":{"activation_fn":"torch.nn.Sigmoid"})";
  const std::string own = R"({"activation_fn":"torch.nn.Identity"})";
  EXPECT_EQ(stated(legacy), Activation::kTanh);
  EXPECT_EQ(stated(legacy + "," + object), Activation::kSigmoid);
  EXPECT_EQ(stated(legacy + "," + object, own), Activation::kIdentity);
  EXPECT_EQ(stated(legacy + R"(,"sentence_transformers":{"version":"4"})"), Activation::kTanh);
  EXPECT_EQ(stated(legacy + R"(,"sentence_transformers":null)"), Activation::kTanh);
  // There, null in config.json's object means the default and hides the legacy key; in the file of
  // its own it does not.
  EXPECT_EQ(stated(legacy + R"(,"sentence_transformers":{"activation_fn":null})"), std::nullopt);
  EXPECT_EQ(stated(object, R"({"activation_fn":null})"), Activation::kSigmoid);
  EXPECT_EQ(stated(object, "{}"), Activation::kSigmoid);
  EXPECT_EQ(stated(R"("sbert_ce_default_activation_function":null)"), std::nullopt);
}

TEST(ModelConfig, OtherActivationsAreNamed) {
  EXPECT_EQ(unsupported(bert(R"("sentence_transformers":{"activation_fn":"my.Act"})")),
            "activation \"my.Act\" (key `sentence_transformers.activation_fn`) is not supported; "
            "supported are torch.nn.Identity, Sigmoid, Tanh and Softmax.");
  EXPECT_THAT(unsupported(bert(
                  R"("sbert_ce_default_activation_function":"torch.nn.modules.activation.ReLU")")),
              HasSubstr("activation \"torch.nn.modules.activation.ReLU\" (key "
                        "`sbert_ce_default_activation_function`)"));
  EXPECT_THAT(unsupported(bert(R"("sentence_transformers":{"activation_fn":"Identity"})")),
              HasSubstr("activation \"Identity\""));
}

TEST(ModelConfig, MalformedActivations) {
  EXPECT_EQ(bad(bert(R"("sentence_transformers":"x")")),
            "key `sentence_transformers` must be an object, not \"x\".");
  EXPECT_EQ(bad(bert(R"("sentence_transformers":{"activation_fn":1})")),
            "key `sentence_transformers.activation_fn` must be a string, not 1.");
  const std::string text = bert();
  for (const char* own : {"", "[]", R"({"activation_fn":1})"}) {
    const Result<Config> config =
        parse_config(base::Blob("dir/config.json", text),
                     base::Blob("dir/config_sentence_transformers.json", own));
    ASSERT_FALSE(config.ok()) << own;
    EXPECT_EQ(config.error().code, ErrorCode::kBadConfig);
    EXPECT_THAT(config.error().message, StartsWith("dir/config_sentence_transformers.json: "));
  }
}

TEST(ModelConfig, WithoutAStatementTheLabelCountDecides) {
  Config config;
  EXPECT_EQ(score_activation_for(config, 1), Activation::kSigmoid);
  EXPECT_EQ(score_activation_for(config, 2), Activation::kIdentity);
  config.stated_activation = Activation::kTanh;
  EXPECT_EQ(score_activation_for(config, 1), Activation::kTanh);
  EXPECT_EQ(score_activation_for(config, 3), Activation::kTanh);
}

}  // namespace
}  // namespace crossrank::model
