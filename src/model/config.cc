// Reads config.json: types and ranges of every key that changes a number, with transformers'
// defaults (5.24) for the absent ones.
#include "model/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "json/reader.h"

namespace crossrank::model {
namespace {

// The largest size accepted for anything: products of two, times 8 bytes, still fit 64 bits, and
// no vocabulary or width comes near (the largest vocabularies have some 10^6 entries).
constexpr std::size_t kMaxSize = 1 << 24;
constexpr std::size_t kMaxLayers = 1 << 12;  // the deepest published encoders have fewer than 100

struct Architecture {
  std::string_view model_type;
  std::string_view name;
  Family family;
};

constexpr std::array<Architecture, 5> kArchitectures = {
    {{"bert", "BertForSequenceClassification", Family::kBert},
     {"electra", "ElectraForSequenceClassification", Family::kElectra},
     {"xlm-roberta", "XLMRobertaForSequenceClassification", Family::kRoberta},
     {"roberta", "RobertaForSequenceClassification", Family::kRoberta},
     {"camembert", "CamembertForSequenceClassification", Family::kRoberta}}};
constexpr const char* kSupported =
    "; supported are the ForSequenceClassification models of Bert, Electra, XLMRoberta, Roberta "
    "and "
    "Camembert.";

template <typename Key>
const Architecture* find_architecture(Key Architecture::*key, const std::string& value) {
  for (const Architecture& known : kArchitectures) {
    if (known.*key == value) return &known;
  }
  return nullptr;
}

// transformers' ACT2FN. Its names for one function differ in how PyTorch computes it, within
// rounding: gelu_python is erf written out, five names are the tanh approximation.
constexpr std::array<std::pair<std::string_view, HiddenActivation>, 11> kHiddenActivations = {
    {{"gelu", HiddenActivation::kGelu},
     {"gelu_python", HiddenActivation::kGelu},
     {"gelu_new", HiddenActivation::kGeluTanh},
     {"gelu_fast", HiddenActivation::kGeluTanh},
     {"gelu_accurate", HiddenActivation::kGeluTanh},
     {"gelu_pytorch_tanh", HiddenActivation::kGeluTanh},
     {"gelu_python_tanh", HiddenActivation::kGeluTanh},
     {"relu", HiddenActivation::kRelu},
     {"silu", HiddenActivation::kSilu},
     {"swish", HiddenActivation::kSilu},
     {"tanh", HiddenActivation::kTanh}}};

// Every path under which torch exports the four modules.
constexpr std::array<std::pair<std::string_view, Activation>, 12> kScoreActivations = {
    {{"torch.nn.modules.linear.Identity", Activation::kIdentity},
     {"torch.nn.modules.Identity", Activation::kIdentity},
     {"torch.nn.Identity", Activation::kIdentity},
     {"torch.nn.modules.activation.Sigmoid", Activation::kSigmoid},
     {"torch.nn.modules.Sigmoid", Activation::kSigmoid},
     {"torch.nn.Sigmoid", Activation::kSigmoid},
     {"torch.nn.modules.activation.Tanh", Activation::kTanh},
     {"torch.nn.modules.Tanh", Activation::kTanh},
     {"torch.nn.Tanh", Activation::kTanh},
     {"torch.nn.modules.activation.Softmax", Activation::kSoftmax},
     {"torch.nn.modules.Softmax", Activation::kSoftmax},
     {"torch.nn.Softmax", Activation::kSoftmax}}};

template <typename Table>
auto look_up(const Table& table, std::string_view name)
    -> std::optional<typename Table::value_type::second_type> {
  for (const auto& [key, value] : table) {
    if (key == name) return value;
  }
  return std::nullopt;
}

// `out` keeps its default when the key is absent; null is no size.
Result<void> read_size(const json::Reader& value, std::size_t& out, std::size_t max = kMaxSize) {
  if (value.is_absent()) return {};
  const json::Value& size = value.value();
  if (!size.is_number_unsigned() || size.get<std::size_t>() == 0 || size.get<std::size_t>() > max) {
    return value.bad("must be an integer from 1 to " + std::to_string(max));
  }
  out = size.get<std::size_t>();
  return {};
}

// Nothing for null.
Result<std::optional<std::string>> read_string(const json::Reader& value) {
  if (value.is_null()) return std::optional<std::string>();
  CR_TRY_ASSIGN(std::string text, value.string());
  return std::optional(std::move(text));
}

// `architectures` names the class whose weights these are; transformers itself goes by
// `model_type` alone and would put a random classifier on a BertModel, so both are checked.
Result<void> read_architecture(const json::Reader& in, Config& config) {
  CR_TRY_ASSIGN(const std::optional<std::string> model_type, read_string(in.member("model_type")));
  const Architecture* known = nullptr;
  if (model_type) known = find_architecture(&Architecture::model_type, *model_type);
  if (model_type && known == nullptr) {
    return in.unsupported("model_type " + json::quote(*model_type) + " is not supported" +
                          kSupported);
  }
  const json::Reader list = in.member("architectures");
  if (!list.is_null()) CR_TRY(list.expect_array());
  if (!list.value().empty()) {
    CR_TRY_ASSIGN(config.architecture, list.item(0).string());
  } else if (model_type) {
    // transformers writes the list only when it saves a model, so a config made by hand lacks it.
    // The weights will show whether there is a classifier.
    config.architecture = known->name;
  } else {
    return Error{ErrorCode::kBadConfig,
                 in.file() + ": neither `architectures` nor `model_type` says what model this is" +
                     kSupported};
  }
  const Architecture* named = find_architecture(&Architecture::name, config.architecture);
  if (named == nullptr) {
    const bool classifier = config.architecture.ends_with("ForSequenceClassification");
    return in.unsupported("architecture " + json::quote(config.architecture) +
                          (classifier ? " is not supported" : " is not a sequence classifier") +
                          kSupported);
  }
  config.family = named->family;
  if (model_type && known != named) {
    return Error{ErrorCode::kBadConfig, in.file() + ": `model_type` " + json::quote(*model_type) +
                                            " contradicts `architectures` " +
                                            json::quote(config.architecture) + "."};
  }
  return {};
}

// RoBERTa numbers positions from pad_token_id + 1 on, so the first rows of the table are never
// used.
Result<void> read_positions(const json::Reader& in, Config& config) {
  CR_TRY(read_size(in.member("max_position_embeddings"), config.max_positions));
  if (config.family != Family::kRoberta) return {};
  std::size_t pad = 1;
  if (const json::Reader given = in.member("pad_token_id"); !given.is_absent()) {
    CR_TRY_ASSIGN(pad, given.size());
    if (pad >= config.vocab_size || pad + 1 >= config.max_positions) {
      return given.bad("must be below vocab_size and max_position_embeddings - 1");
    }
  }
  config.pad_id = static_cast<std::int32_t>(pad);
  config.position_offset = pad + 1;
  config.max_positions -= std::min(config.max_positions, config.position_offset);
  return {};
}

Result<void> read_sizes(const json::Reader& in, Config& config) {
  if (config.family == Family::kElectra) {  // ElectraConfig's defaults where BertConfig's differ
    config.embedding_size = 128;
    config.hidden_size = 256;
    config.heads = 4;
    config.intermediate_size = 1024;
  }
  CR_TRY(read_size(in.member("vocab_size"), config.vocab_size));
  CR_TRY(read_size(in.member("hidden_size"), config.hidden_size));
  CR_TRY(read_size(in.member("num_hidden_layers"), config.layers, kMaxLayers));
  CR_TRY(read_size(in.member("num_attention_heads"), config.heads));
  CR_TRY(read_size(in.member("intermediate_size"), config.intermediate_size));
  CR_TRY(read_positions(in, config));
  CR_TRY(read_size(in.member("type_vocab_size"), config.type_vocab_size));
  if (config.family == Family::kElectra) {
    CR_TRY(read_size(in.member("embedding_size"), config.embedding_size));
  } else {
    config.embedding_size = config.hidden_size;
  }
  if (config.hidden_size % config.heads != 0) {
    return Error{ErrorCode::kBadConfig, in.file() + ": key `hidden_size` " +
                                            std::to_string(config.hidden_size) +
                                            " is not a multiple of key `num_attention_heads` " +
                                            std::to_string(config.heads) + "."};
  }
  if (const json::Reader eps = in.member("layer_norm_eps"); !eps.is_absent()) {
    const double value = eps.value().is_number() ? eps.value().get<double>() : -1;
    if (!(value > 0 && value < 1)) return eps.bad("must be a number between 0 and 1");
    config.layer_norm_eps = static_cast<float>(value);
  }
  return {};
}

Result<void> read_features(const json::Reader& in, Config& config) {
  CR_TRY_ASSIGN(const std::optional<std::string> hidden_act, read_string(in.member("hidden_act")));
  if (hidden_act) {
    const auto activation = look_up(kHiddenActivations, *hidden_act);
    if (!activation) {
      return in.unsupported("hidden_act " + json::quote(*hidden_act) +
                            " is not supported; supported are gelu, gelu_new, gelu_pytorch_tanh, "
                            "relu, silu and tanh.");
    }
    config.hidden_activation = *activation;
  }
  CR_TRY_ASSIGN(const std::optional<std::string> positions,
                read_string(in.member("position_embedding_type")));
  if (positions && *positions != "absolute") {
    return in.unsupported("position_embedding_type " + json::quote(*positions) +
                          " is not supported, only \"absolute\".");
  }
  for (const char* key : {"is_decoder", "add_cross_attention"}) {
    CR_TRY_ASSIGN(const bool decoder, in.member(key).boolean_or(false));
    if (decoder) {
      return in.unsupported(std::string(key) +
                            " is true: a decoder is not supported, only an "
                            "encoder.");
    }
  }
  return {};
}

// When both keys are there and disagree, transformers warns and lets num_labels win.
Result<void> read_labels(const json::Reader& in, Config& config) {
  if (const json::Reader labels = in.member("id2label"); !labels.is_null()) {
    const json::Value& value = labels.value();
    if (!value.is_object() || value.empty() || value.size() > kMaxSize) {
      return labels.bad("must be an object with a member for each label");
    }
    config.num_labels = value.size();
    for (const auto& item : value.items()) {
      const std::string& key = item.key();
      std::size_t id = 0;
      const auto [p, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || p != key.data() + key.size() || !item.value().is_string())
        continue;
      config.id2label[id] = item.value().get<std::string>();
    }
  }
  if (!in.member("num_labels").is_null()) {
    std::size_t count = 0;
    CR_TRY(read_size(in.member("num_labels"), count));
    config.num_labels = count;
  }
  return {};
}

// Nothing for null, which means: by the label count.
Result<std::optional<Activation>> read_activation(const json::Reader& value) {
  CR_TRY_ASSIGN(const std::optional<std::string> name, read_string(value));
  if (!name) return std::optional<Activation>();
  const std::optional<Activation> activation = look_up(kScoreActivations, *name);
  if (!activation) {
    return value.unsupported("activation " + json::quote(*name) + " (key `" + value.path() +
                             "`) is not supported; supported are torch.nn.Identity, Sigmoid, "
                             "Tanh and Softmax.");
  }
  return activation;
}

// In sentence-transformers' order: its own file, its object in config.json, the key it wrote before
// version 4. A null in config.json's object hides the older key.
Result<void> read_score_activation(const json::Reader& in,
                                   const base::Blob& sentence_transformers_json, Config& config) {
  if (sentence_transformers_json) {
    CR_TRY_ASSIGN(const json::Value own,
                  json::parse_object(sentence_transformers_json, ErrorCode::kBadConfig));
    CR_TRY_ASSIGN(
        config.stated_activation,
        read_activation(json::Reader(sentence_transformers_json.name(), own, ErrorCode::kBadConfig)
                            .member("activation_fn")));
    if (config.stated_activation) return {};
  }
  const json::Reader object = in.member("sentence_transformers");
  if (!object.is_null()) CR_TRY(object.expect_object());
  json::Reader value = object.member("activation_fn");
  if (value.is_absent()) value = in.member("sbert_ce_default_activation_function");
  CR_TRY_ASSIGN(config.stated_activation, read_activation(value));
  return {};
}

}  // namespace

Result<Config> parse_config(const base::Blob& config_json,
                            const base::Blob& sentence_transformers_json) {
  CR_TRY_ASSIGN(const json::Value root, json::parse_object(config_json, ErrorCode::kBadConfig));
  const json::Reader in(config_json.name(), root, ErrorCode::kBadConfig);
  Config config;
  CR_TRY(read_architecture(in, config));
  CR_TRY(read_sizes(in, config));
  CR_TRY(read_features(in, config));
  CR_TRY(read_labels(in, config));
  CR_TRY(read_score_activation(in, sentence_transformers_json, config));
  return config;
}

std::vector<std::string> label_names_of(const Config& config, std::size_t num_labels) {
  const bool all_named = config.id2label.size() == num_labels && num_labels > 0 &&
                         config.id2label.rbegin()->first == num_labels - 1;
  std::vector<std::string> names;
  names.reserve(num_labels);
  for (std::size_t i = 0; i < num_labels; ++i) {
    names.push_back(all_named ? config.id2label.at(i) : "LABEL_" + std::to_string(i));
  }
  return names;
}

Activation score_activation_for(const Config& config, std::size_t num_labels) {
  if (config.stated_activation) return *config.stated_activation;
  return num_labels == 1 ? Activation::kSigmoid : Activation::kIdentity;
}

}  // namespace crossrank::model
