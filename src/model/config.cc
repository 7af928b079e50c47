// Reads config.json: types and ranges of every key that changes a number, with transformers'
// defaults (5.24) for the absent ones.
#include "model/config.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "json/json.h"

namespace crossrank::model {
namespace {

// The largest size accepted for anything: products of two, times 8 bytes, still fit 64 bits, and
// no vocabulary or width comes near (the largest vocabularies have some 10^6 entries).
constexpr std::size_t kMaxSize = 1 << 24;
constexpr std::size_t kMaxLayers = 1 << 12;  // the deepest published encoders have fewer than 100

constexpr std::string_view kBertClassifier = "BertForSequenceClassification";
constexpr std::string_view kElectraClassifier = "ElectraForSequenceClassification";
constexpr const char* kSupported =
    "; supported are BertForSequenceClassification and ElectraForSequenceClassification.";

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

std::string shown(const json::Value& value) {
  if (value.is_array()) return "an array";
  if (value.is_object()) return "an object";
  if (value.is_string()) return json::quote(value.get_ref<const std::string&>());
  return json::dump(value);
}

// The members of a JSON object, read with their types checked.
class Reader {
 public:
  static Result<Reader> open(const base::Blob& file) {
    Result<json::Value> root = json::parse(file.bytes());
    if (!root.ok()) return Error{ErrorCode::kBadConfig, file.name() + ": " + root.error().message};
    if (!root->is_object()) {
      return Error{ErrorCode::kBadConfig, file.name() + ": not a JSON object."};
    }
    return Reader(file.name(), *std::move(root));
  }

  // Null when absent. What is null in the file counts as absent where transformers' own default is
  // null, so the callers decide.
  const json::Value* find(const char* key) const {
    const auto found = root_.find(key);
    return found == root_.end() ? nullptr : &*found;
  }
  const json::Value* find_non_null(const char* key) const {
    const json::Value* value = find(key);
    return value != nullptr && value->is_null() ? nullptr : value;
  }

  Error bad(const std::string& key, const std::string& must_be, const json::Value& found) const {
    return {ErrorCode::kBadConfig,
            name_ + ": key `" + key + "` must be " + must_be + ", not " + shown(found) + "."};
  }
  Error unsupported(const std::string& what) const {
    return {ErrorCode::kUnsupportedModel, name_ + ": " + what};
  }
  const std::string& name() const { return name_; }

  // `out` keeps its default when the key is absent.
  Result<void> size(const char* key, std::size_t& out, std::size_t max = kMaxSize) const {
    const json::Value* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_number_unsigned() || value->get<std::size_t>() == 0 ||
        value->get<std::size_t>() > max) {
      return bad(key, "an integer from 1 to " + std::to_string(max), *value);
    }
    out = value->get<std::size_t>();
    return {};
  }

  Result<std::optional<std::string>> text(const char* key) const {
    const json::Value* value = find_non_null(key);
    if (value == nullptr) return std::optional<std::string>();
    if (!value->is_string()) return bad(key, "a string", *value);
    return std::optional(value->get<std::string>());
  }

  Result<bool> flag(const char* key) const {
    const json::Value* value = find_non_null(key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) return bad(key, "true or false", *value);
    return value->get<bool>();
  }

 private:
  Reader(std::string name, json::Value root) : name_(std::move(name)), root_(std::move(root)) {}

  std::string name_;
  json::Value root_;
};

// `architectures` names the class whose weights these are; transformers itself goes by
// `model_type` alone and would put a random classifier on a BertModel, so both are checked.
Result<void> read_architecture(const Reader& in, Config& config) {
  CR_TRY_ASSIGN(const std::optional<std::string> model_type, in.text("model_type"));
  if (model_type && *model_type != "bert" && *model_type != "electra") {
    return in.unsupported("model_type " + json::quote(*model_type) + " is not supported" +
                          kSupported);
  }
  const json::Value* list = in.find_non_null("architectures");
  if (list != nullptr && !list->is_array()) return in.bad("architectures", "a list", *list);
  if (list != nullptr && !list->empty()) {
    const json::Value& first = list->front();
    if (!first.is_string()) return in.bad("architectures", "a list of strings", first);
    config.architecture = first.get<std::string>();
  } else if (model_type) {
    // transformers writes the list only when it saves a model, so a config made by hand lacks it.
    // The weights will show whether there is a classifier.
    config.architecture = *model_type == "bert" ? kBertClassifier : kElectraClassifier;
  } else {
    return Error{ErrorCode::kBadConfig,
                 in.name() + ": neither `architectures` nor `model_type` says what model this is" +
                     kSupported};
  }
  if (config.architecture != kBertClassifier && config.architecture != kElectraClassifier) {
    const bool classifier = config.architecture.ends_with("ForSequenceClassification");
    return in.unsupported("architecture " + json::quote(config.architecture) +
                          (classifier ? " is not supported" : " is not a sequence classifier") +
                          kSupported);
  }
  config.family = config.architecture == kBertClassifier ? Family::kBert : Family::kElectra;
  if (model_type && *model_type != (config.family == Family::kBert ? "bert" : "electra")) {
    return Error{ErrorCode::kBadConfig, in.name() + ": `model_type` " + json::quote(*model_type) +
                                            " contradicts `architectures` " +
                                            json::quote(config.architecture) + "."};
  }
  return {};
}

Result<void> read_sizes(const Reader& in, Config& config) {
  if (config.family == Family::kElectra) {  // ElectraConfig's defaults where BertConfig's differ
    config.embedding_size = 128;
    config.hidden_size = 256;
    config.heads = 4;
    config.intermediate_size = 1024;
  }
  CR_TRY(in.size("vocab_size", config.vocab_size));
  CR_TRY(in.size("hidden_size", config.hidden_size));
  CR_TRY(in.size("num_hidden_layers", config.layers, kMaxLayers));
  CR_TRY(in.size("num_attention_heads", config.heads));
  CR_TRY(in.size("intermediate_size", config.intermediate_size));
  CR_TRY(in.size("max_position_embeddings", config.max_positions));
  CR_TRY(in.size("type_vocab_size", config.type_vocab_size));
  if (config.family == Family::kElectra) {
    CR_TRY(in.size("embedding_size", config.embedding_size));
  } else {
    config.embedding_size = config.hidden_size;
  }
  if (config.hidden_size % config.heads != 0) {
    return Error{ErrorCode::kBadConfig, in.name() + ": key `hidden_size` " +
                                            std::to_string(config.hidden_size) +
                                            " is not a multiple of key `num_attention_heads` " +
                                            std::to_string(config.heads) + "."};
  }
  if (const json::Value* eps = in.find("layer_norm_eps"); eps != nullptr) {
    const double value = eps->is_number() ? eps->get<double>() : -1;
    if (!(value > 0 && value < 1)) {
      return in.bad("layer_norm_eps", "a number between 0 and 1", *eps);
    }
    config.layer_norm_eps = static_cast<float>(value);
  }
  return {};
}

Result<void> read_features(const Reader& in, Config& config) {
  CR_TRY_ASSIGN(const std::optional<std::string> hidden_act, in.text("hidden_act"));
  if (hidden_act) {
    const auto activation = look_up(kHiddenActivations, *hidden_act);
    if (!activation) {
      return in.unsupported("hidden_act " + json::quote(*hidden_act) +
                            " is not supported; supported are gelu, gelu_new, gelu_pytorch_tanh, "
                            "relu, silu and tanh.");
    }
    config.hidden_activation = *activation;
  }
  CR_TRY_ASSIGN(const std::optional<std::string> positions, in.text("position_embedding_type"));
  if (positions && *positions != "absolute") {
    return in.unsupported("position_embedding_type " + json::quote(*positions) +
                          " is not supported, only \"absolute\".");
  }
  for (const char* key : {"is_decoder", "add_cross_attention"}) {
    CR_TRY_ASSIGN(const bool decoder, in.flag(key));
    if (decoder) {
      return in.unsupported(std::string(key) +
                            " is true: a decoder is not supported, only an "
                            "encoder.");
    }
  }
  return {};
}

// When both keys are there and disagree, transformers warns and lets num_labels win.
Result<void> read_labels(const Reader& in, Config& config) {
  if (const json::Value* labels = in.find_non_null("id2label"); labels != nullptr) {
    if (!labels->is_object() || labels->empty() || labels->size() > kMaxSize) {
      return in.bad("id2label", "an object with a member for each label", *labels);
    }
    config.num_labels = labels->size();
  }
  if (in.find_non_null("num_labels") != nullptr) {
    std::size_t count = 0;
    CR_TRY(in.size("num_labels", count));
    config.num_labels = count;
  }
  return {};
}

Result<std::optional<Activation>> activation_of(const Reader& in, const std::string& key,
                                                const json::Value& value) {
  if (value.is_null()) return std::optional<Activation>();  // means: by the label count
  if (!value.is_string()) return in.bad(key, "a string", value);
  const auto& name = value.get_ref<const std::string&>();
  const std::optional<Activation> activation = look_up(kScoreActivations, name);
  if (!activation) {
    return in.unsupported("activation " + json::quote(name) + " (key `" + key +
                          "`) is not supported; supported are torch.nn.Identity, Sigmoid, Tanh "
                          "and Softmax.");
  }
  return activation;
}

// In sentence-transformers' order: its own file, its object in config.json, the key it wrote before
// version 4. A null in config.json's object hides the older key.
Result<void> read_score_activation(const Reader& in, const base::Blob& sentence_transformers_json,
                                   Config& config) {
  if (sentence_transformers_json) {
    CR_TRY_ASSIGN(const Reader own, Reader::open(sentence_transformers_json));
    if (const json::Value* value = own.find_non_null("activation_fn"); value != nullptr) {
      CR_TRY_ASSIGN(config.stated_activation, activation_of(own, "activation_fn", *value));
      return {};
    }
  }
  if (const json::Value* object = in.find_non_null("sentence_transformers"); object != nullptr) {
    if (!object->is_object()) return in.bad("sentence_transformers", "an object", *object);
    if (const auto found = object->find("activation_fn"); found != object->end()) {
      CR_TRY_ASSIGN(config.stated_activation,
                    activation_of(in, "sentence_transformers.activation_fn", *found));
      return {};
    }
  }
  const char* legacy = "sbert_ce_default_activation_function";
  if (const json::Value* value = in.find(legacy); value != nullptr) {
    CR_TRY_ASSIGN(config.stated_activation, activation_of(in, legacy, *value));
  }
  return {};
}

}  // namespace

Result<Config> parse_config(const base::Blob& config_json,
                            const base::Blob& sentence_transformers_json) {
  CR_TRY_ASSIGN(const Reader in, Reader::open(config_json));
  Config config;
  CR_TRY(read_architecture(in, config));
  CR_TRY(read_sizes(in, config));
  CR_TRY(read_features(in, config));
  CR_TRY(read_labels(in, config));
  CR_TRY(read_score_activation(in, sentence_transformers_json, config));
  return config;
}

Activation score_activation_for(const Config& config, std::size_t num_labels) {
  if (config.stated_activation) return *config.stated_activation;
  return num_labels == 1 ? Activation::kSigmoid : Activation::kIdentity;
}

}  // namespace crossrank::model
