// BertWeights: which tensors, under which names, of which shapes.
#include "model/bert_weights.h"

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "model/weight_map.h"

namespace crossrank::model {
namespace {

// Collects the expensive part of loading (checking is done at lookup, packing at run()), so that it
// can be spread over threads. A Linear is made after its tensors were found: the config alone may
// claim any size.
class Loader {
 public:
  Loader(const kernels::KernelTable& kernels, WeightMap& map) : kernels_(kernels), map_(map) {}

  // `name`.weight [n, k] and `name`.bias [n] at output row n_begin of `out`, which must be there at
  // run().
  Result<void> rows(Linear& out, std::size_t n_begin, const std::string& name, std::size_t n,
                    std::size_t k, bool in_encoder = true) {
    CR_TRY_ASSIGN(const Weight weight, get(name + ".weight", {n, k}, in_encoder));
    CR_TRY_ASSIGN(const Weight bias, get(name + ".bias", {n}, in_encoder));
    tasks_.push_back(
        [this, &out, n_begin, weight, bias] { out.set_rows(kernels_, n_begin, weight, bias); });
    return {};
  }

  Result<void> linear(Linear& out, const std::string& name, std::size_t n, std::size_t k) {
    CR_TRY(check_inputs(name, k));
    CR_TRY(rows(out, 0, name, n, k));
    out = Linear(kernels_.linear, n, k);
    return {};
  }

  // The sums of int8 are exact up to a number of inputs, and would wrap without a word above it.
  Result<void> check_inputs(const std::string& name, std::size_t k) const {
    const std::size_t most = kernels_.linear.max_k;
    if (most == 0 || k <= most) return {};
    return Error{ErrorCode::kUnsupportedPrecision,
                 "Tensor \"" + name + ".weight\" has " + std::to_string(k) +
                     " inputs; this precision takes " + std::to_string(most) +
                     " at most. Take fp32."};
  }

  Result<void> linear_fp32(Linear& out, const std::string& name, std::size_t n, std::size_t k,
                           bool in_encoder) {
    CR_TRY(rows(out, 0, name, n, k, in_encoder));
    out = Linear(kernels_.linear_fp32, n, k);
    return {};
  }

  Result<void> norm(LayerNorm& out, const std::string& name, std::size_t h, float eps) {
    CR_TRY_ASSIGN(const Weight gamma, map_.encoder(name + ".weight", {h}));
    CR_TRY_ASSIGN(const Weight beta, map_.encoder(name + ".bias", {h}));
    out = LayerNorm{to_float(kernels_, gamma), to_float(kernels_, beta), eps};
    return {};
  }

  void run(base::Parallel& parallel) {
    parallel.run(tasks_.size(), [this](std::size_t, std::size_t i) { tasks_[i](); });
  }

 private:
  Result<Weight> get(const std::string& name, std::initializer_list<std::size_t> shape,
                     bool in_encoder) {
    return in_encoder ? map_.encoder(name, shape) : map_.top_level(name, shape);
  }

  const kernels::KernelTable& kernels_;
  WeightMap& map_;
  std::vector<std::function<void()>> tasks_;
};

Result<void> load_embeddings(const Config& c, WeightMap& map, Loader& loader, Embeddings& out) {
  const std::size_t e = c.embedding_size;
  CR_TRY_ASSIGN(out.word, map.encoder("embeddings.word_embeddings.weight", {c.vocab_size, e}));
  CR_TRY_ASSIGN(out.position, map.encoder("embeddings.position_embeddings.weight",
                                          {c.position_offset + c.max_positions, e}));
  CR_TRY_ASSIGN(out.type,
                map.encoder("embeddings.token_type_embeddings.weight", {c.type_vocab_size, e}));
  CR_TRY(loader.norm(out.norm, "embeddings.LayerNorm", e, c.layer_norm_eps));
  if (e != c.hidden_size) {  // only ELECTRA's config can say so
    out.project.emplace();
    CR_TRY(loader.linear(*out.project, "embeddings_project", c.hidden_size, e));
  }
  return {};
}

Result<void> load_layer(const Config& c, const kernels::KernelTable& kernels, std::size_t index,
                        std::size_t qkv_stride, Loader& loader, EncoderLayer& out) {
  const std::string layer = "encoder.layer." + std::to_string(index) + ".";
  const std::size_t h = c.hidden_size;
  const std::size_t f = c.intermediate_size;
  CR_TRY(loader.check_inputs(layer + "attention.self.query", h));
  CR_TRY(loader.rows(out.qkv, 0, layer + "attention.self.query", h, h));
  CR_TRY(loader.rows(out.qkv, qkv_stride, layer + "attention.self.key", h, h));
  CR_TRY(loader.rows(out.qkv, 2 * qkv_stride, layer + "attention.self.value", h, h));
  out.qkv = Linear(kernels.linear, 2 * qkv_stride + h, h);
  CR_TRY(loader.linear(out.attention_output, layer + "attention.output.dense", h, h));
  CR_TRY(
      loader.norm(out.attention_norm, layer + "attention.output.LayerNorm", h, c.layer_norm_eps));
  CR_TRY(loader.linear(out.intermediate, layer + "intermediate.dense", f, h));
  CR_TRY(loader.linear(out.output, layer + "output.dense", h, f));
  return loader.norm(out.output_norm, layer + "output.LayerNorm", h, c.layer_norm_eps);
}

// The label count is the classifier's; a config that says otherwise describes other weights.
Result<std::size_t> label_count(const Config& c, const WeightMap& map,
                                const std::string& classifier) {
  CR_TRY_ASSIGN(const std::size_t rows, map.top_level_rows(classifier + ".weight"));
  // transformers reads a config that says nothing as 2 labels and then refuses other weights.
  const std::size_t expected = c.num_labels.value_or(2);
  if (rows != expected) {
    return Error{ErrorCode::kBadConfig,
                 "config.json: key \"" + std::string(c.num_labels ? "id2label" : "num_labels") +
                     "\" means " + std::to_string(expected) + " labels, but tensor \"" +
                     classifier + ".weight\" has " + std::to_string(rows) +
                     " rows. Set num_labels to " + std::to_string(rows) +
                     " if the weights are right."};
  }
  return rows;
}

// A layer too many or too few in config.json: transformers would score with less or with noise.
Result<void> check_layers(const Config& c, const WeightMap& map) {
  const auto first_tensor = [&](std::size_t layer) {
    return map.encoder_name("encoder.layer." + std::to_string(layer) +
                            ".attention.self.query.weight");
  };
  const std::string says =
      ", but config.json: key \"num_hidden_layers\" is " + std::to_string(c.layers) + ".";
  const std::string last = first_tensor(c.layers - 1);  // the config has at least one
  if (!map.has(last)) {
    return Error{ErrorCode::kBadWeights, "Tensor \"" + last + "\" is missing" + says};
  }
  const std::string more = first_tensor(c.layers);
  if (map.has(more)) {
    return Error{ErrorCode::kBadWeights, "There is a tensor \"" + more + "\"" + says};
  }
  return {};
}

std::string_view prefix_of(Family family) {
  switch (family) {
    case Family::kBert: return "bert.";
    case Family::kElectra: return "electra.";
    case Family::kRoberta: return "roberta.";
  }
  return "";
}

Result<void> load_head(const Config& c, WeightMap& map, Loader& loader, BertWeights& out) {
  const std::size_t h = c.hidden_size;
  if (c.family != Family::kBert) {
    // ElectraClassificationHead: dense, "gelu" whatever hidden_act says, out_proj.
    // RobertaClassificationHead: the same with tanh.
    CR_TRY_ASSIGN(out.num_labels, label_count(c, map, "classifier.out_proj"));
    out.head.activation =
        c.family == Family::kElectra ? kernels::Epilogue::kGelu : kernels::Epilogue::kTanh;
    CR_TRY(loader.linear_fp32(out.head.dense, "classifier.dense", h, h, false));
    return loader.linear_fp32(out.head.classifier, "classifier.out_proj", out.num_labels, h, false);
  }
  CR_TRY_ASSIGN(out.num_labels, label_count(c, map, "classifier"));
  out.head.activation = kernels::Epilogue::kTanh;
  CR_TRY(loader.linear_fp32(out.head.dense, "pooler.dense", h, h, true));
  return loader.linear_fp32(out.head.classifier, "classifier", out.num_labels, h, false);
}

}  // namespace

Result<BertWeights> load_bert_weights(const Config& config, const weights::TensorMap& tensors,
                                      const kernels::KernelTable& kernels,
                                      base::Parallel& parallel) {
  CR_TRY_ASSIGN(WeightMap map, WeightMap::create(tensors, kernels, prefix_of(config.family)));
  BertWeights out;
  out.qkv_stride =
      (config.hidden_size + kernels.linear_block - 1) / kernels.linear_block * kernels.linear_block;
  out.layers.resize(config.layers);
  Loader loader(kernels, map);
  CR_TRY(check_layers(config, map));
  CR_TRY(load_embeddings(config, map, loader, out.embeddings));
  for (std::size_t i = 0; i < config.layers; ++i) {
    CR_TRY(load_layer(config, kernels, i, out.qkv_stride, loader, out.layers[i]));
  }
  CR_TRY(load_head(config, map, loader, out));
  loader.run(parallel);
  out.parameters = map.elements();
  return out;
}

}  // namespace crossrank::model
