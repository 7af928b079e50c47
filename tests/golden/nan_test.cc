// NaN and infinity that arise inside the encoder from finite weights: an error, never a score.
// PyTorch gives NaN for each of these models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "golden_data.h"
#include "model_editor.h"

namespace crossrank::golden {
namespace {

constexpr const char* kModel = "act_gelu_new";
void change(ModelEditor& model, const std::string& name, const std::function<float(float)>& f) {
  EditedTensor& tensor = model.tensors.at("bert." + name);
  for (std::size_t i = 0; i < tensor.bytes.size() / sizeof(float); ++i) {
    float value = 0;
    std::memcpy(&value, &tensor.bytes[i * sizeof(float)], sizeof value);
    ModelEditor::set_float(tensor, i, f(value));
  }
}

float with_highest_exponent_bit_flipped(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  bits ^= 0x40000000;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

struct Overflow {
  std::string name;
  void (*edit)(ModelEditor&);
};

const std::vector<Overflow>& overflows() {
  static const std::vector<Overflow> all = {
      {"one_bit_of_a_layer_norm",
       [](ModelEditor& model) {
         bool flipped = false;  // the first that stays finite: gammas of 1 and more do not
         change(model, "embeddings.LayerNorm.weight", [&](float gamma) {
           const float other = with_highest_exponent_bit_flipped(gamma);
           if (flipped || !(std::abs(other) > 1e37F) || !std::isfinite(other)) return gamma;
           flipped = true;
           return other;
         });
       }},
      // Queries times keys are infinite, and their softmax is infinity minus infinity.
      {"scores_of_attention",
       [](ModelEditor& model) {
         change(model, "encoder.layer.0.attention.self.query.weight",
                [](float w) { return w * 1e30F; });
         change(model, "encoder.layer.0.attention.self.key.weight",
                [](float w) { return w * 1e30F; });
       }},
      // Sums of both signs overflow to both infinities, and some to NaN.
      {"relu",
       [](ModelEditor& model) {
         model.config["hidden_act"] = "relu";
         change(model, "encoder.layer.0.intermediate.dense.weight",
                [](float w) { return w < 0 ? -3e38F : 3e38F; });
       }},
      {"gelu",
       [](ModelEditor& model) {
         model.config["hidden_act"] = "gelu";
         change(model, "encoder.layer.0.intermediate.dense.weight",
                [](float w) { return w < 0 ? -3e38F : 3e38F; });
       }},
      {"gelu_tanh",
       [](ModelEditor& model) {
         change(model, "encoder.layer.0.intermediate.dense.weight",
                [](float w) { return w < 0 ? -3e38F : 3e38F; });
       }},
      {"silu",
       [](ModelEditor& model) {
         model.config["hidden_act"] = "silu";
         change(model, "encoder.layer.0.intermediate.dense.weight",
                [](float w) { return w < 0 ? -3e38F : 3e38F; });
       }},
      // Infinity in the residual, so that the mean of a row is no number.
      {"residual",
       [](ModelEditor& model) {
         change(model, "encoder.layer.0.output.dense.weight", [](float) { return 3e38F; });
       }},
  };
  return all;
}

struct Case {
  std::string isa;
  Overflow overflow;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.isa << " " << c.overflow.name;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::string& isa : isas()) {
    for (const Overflow& overflow : overflows()) all.push_back({isa, overflow});
  }
  return all;
}

class OverflowInside : public testing::TestWithParam<Case> {};

TEST_P(OverflowInside, IsAnErrorForEveryPair) {
  ModelEditor model(kModel);
  GetParam().overflow.edit(model);
  const Result<CrossEncoder> encoder = model.load(GetParam().isa);
  ASSERT_TRUE(encoder.ok()) << encoder.error().message;  // all weights are finite
  const std::vector<PairCase> pairs = read_pairs(kModel);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const TextPair pair = views(pairs)[i];
    const Result<Predictions> scores = encoder->predict({&pair, 1});
    ASSERT_FALSE(scores.ok()) << describe(kModel, i, pairs[i]) << ": logit " << (*scores)[0].logit;
    EXPECT_EQ(scores.error().code, ErrorCode::kInternal);
    EXPECT_THAT(scores.error().message, testing::HasSubstr("not a finite number"));
  }
}

INSTANTIATE_TEST_SUITE_P(All, OverflowInside, testing::ValuesIn(cases()), [](const auto& test) {
  return test.param.isa + "_" + test.param.overflow.name;
});

}  // namespace
}  // namespace crossrank::golden
