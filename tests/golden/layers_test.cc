// Hidden states after the embeddings and after every layer, against float64, on every ISA.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/thread_pool.h"
#include "golden_data.h"
#include "kernels/dispatch.h"
#include "model/bert.h"
#include "weights/model_dir.h"

namespace crossrank::golden {
namespace {

constexpr const char* kModels[] = {"act_gelu", "act_silu", "head5", "electra"};

template <typename T>
std::vector<T> values_of(const weights::TensorMap& tensors, const std::string& name) {
  const weights::TensorView& tensor = tensors.at(name);
  std::vector<T> out(tensor.elements());
  if (tensor.bytes.size() != out.size() * sizeof(T)) throw std::runtime_error(name + ": type");
  std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

struct Difference {
  double error = 0;  // Frobenius norm of the difference
  double norm = 0;   // and of the expected values
  std::size_t worst = 0;
  double worst_error = -1;
};

Difference compare(const float* actual, const float* expected, std::size_t n) {
  Difference d;
  for (std::size_t i = 0; i < n; ++i) {
    const double error = std::abs(double{actual[i]} - double{expected[i]});
    d.error += error * error;
    d.norm += double{expected[i]} * double{expected[i]};
    if (!(error <= d.worst_error)) d.worst = i, d.worst_error = error;
  }
  d.error = std::sqrt(d.error);
  d.norm = std::sqrt(d.norm);
  return d;
}

struct IsaName {
  const kernels::KernelTable* kernels;
  std::string model;
};
std::ostream& operator<<(std::ostream& out, const IsaName& p) {
  return out << p.kernels->name << " " << p.model;
}

std::vector<IsaName> all_parameters() {
  std::vector<IsaName> out;
  for (const kernels::KernelTable* table : kernels::available_kernels(kernels::Arithmetic::kFp32)) {
    for (const char* model : kModels) out.push_back({table, model});
  }
  return out;
}

class GoldenLayers : public testing::TestWithParam<IsaName> {};

TEST_P(GoldenLayers, MatchFloat64) {
  const kernels::KernelTable* kernels = GetParam().kernels;
  const std::string& name = GetParam().model;
  const weights::ModelDir dir =
      weights::open_model_dir(read_model(name).folder, weights::Need::kModel).value();
  const model::Config config = model::parse_config(dir.config_json).value();
  const weights::TensorMap weights = weights::load_tensors(dir).value();
  base::Serial serial;
  const model::Bert bert = model::Bert::load(config, weights, *kernels, serial).value();

  const base::Blob file =
      base::map_file(golden_dir() / "cases" / "layers" / (name + ".safetensors")).value();
  const weights::TensorMap expected = weights::parse_safetensors(file).value();
  const auto ids = values_of<std::int32_t>(expected, "ids");
  const auto types = values_of<std::int32_t>(expected, "type_ids");
  const auto starts = values_of<std::uint32_t>(expected, "seq_start");
  const auto gain = values_of<float>(expected, "gain");  // [B, L]
  const std::size_t sequences = starts.size() - 1;
  const std::size_t h = config.hidden_size;
  ASSERT_EQ(gain.size(), sequences * config.layers);

  // The bound. Let u = 2^-24 be the unit roundoff and |X| the Frobenius norm of a sequence's
  // hidden states [T, H].
  // - A dot product of K terms in float32 accumulates K roundings of partial sums that grow like
  //   sqrt(i) for terms of random sign: a relative error of about sqrt(K) u. K is the longest dot
  //   product in the layer: H, F, or T (attention).
  // - A layer is a chain of 10 such stages (QKV, scores, softmax, context, output, LayerNorm, up,
  //   activation, down, LayerNorm). Seen from the layer's input, a stage's error is a relative
  //   perturbation of it and passes through the rest of the layer with at most the layer's gain
  //   G = |d layer / dx|, which the generator measures in float64; seen from the output it is a
  //   relative error there. Every stage is charged with both: 10 sqrt(K) u (G |X_in| + |X_out|).
  // - What the input was off by arrives multiplied by G.
  // Embeddings are a sum of three, a LayerNorm over E and, for some, a product over E: 10 sqrt(E) u
  // |X|. Errors are random in fact and do not add up, so that real ones stay one to two orders
  // below; a wrong activation, scale or norm is orders above.
  constexpr double kRoundoff = 0x1p-24;
  constexpr double kStages = 10;
  std::vector<double> allowed(sequences);
  std::vector<double> norm_before(sequences);
  std::size_t observed = 0;
  double share = 0;  // of the bound that the largest error used up
  const auto observe = [&](std::size_t layer, const float* x) {
    ASSERT_EQ(layer, observed++);
    const std::string tensor = "hidden." + std::to_string(layer);
    ASSERT_EQ(expected.at(tensor).shape, (std::vector<std::size_t>{ids.size(), h}));
    const auto states = values_of<float>(expected, tensor);
    for (std::size_t b = 0; b < sequences; ++b) {
      const std::size_t tokens = starts[b + 1] - starts[b];
      const Difference d = compare(x + starts[b] * h, &states[starts[b] * h], tokens * h);
      const std::size_t longest =
          layer == 0 ? config.embedding_size : std::max({h, config.intermediate_size, tokens});
      const double relative = kStages * std::sqrt(static_cast<double>(longest)) * kRoundoff;
      const double g = layer == 0 ? 0 : gain[b * config.layers + layer - 1];
      allowed[b] = g * allowed[b] + relative * (g * norm_before[b] + d.norm);
      norm_before[b] = d.norm;
      share = std::max(share, d.error / allowed[b]);
      EXPECT_LE(d.error, allowed[b])
          << kernels->name << ", model " << name << ", layer " << layer << ", sequence " << b
          << ": worst at row " << d.worst / h << ", column " << d.worst % h << ": "
          << x[starts[b] * h + d.worst] << " instead of " << states[starts[b] * h + d.worst]
          << "; |X| = " << d.norm;
      // A bound that a wrong result could meet would be none.
      EXPECT_LT(allowed[b], 0.02 * d.norm);
    }
  };
  model::Workspace workspace;
  std::vector<float> logits(sequences * bert.num_labels());
  bert.forward_observed({ids, types, starts}, workspace, serial, logits.data(), observe);
  EXPECT_EQ(observed, config.layers + 1);
  RecordProperty("share_of_bound", std::to_string(share));

  // Looking changes nothing, although forward() need not compute every row of the last layer.
  std::vector<float> unobserved(logits.size());
  bert.forward({ids, types, starts}, workspace, serial, unobserved.data());
  EXPECT_EQ(std::memcmp(logits.data(), unobserved.data(), logits.size() * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenLayers, testing::ValuesIn(all_parameters()),
                         [](const auto& test) {
                           return std::string(test.param.kernels->name) + "_" + test.param.model;
                         });

}  // namespace
}  // namespace crossrank::golden
