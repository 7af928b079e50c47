// Activations against values of torch 2.13 (torch.sigmoid, torch.tanh, torch.softmax, float32).
#include "engine/activation.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace crossrank::engine {
namespace {

std::vector<float> applied(Activation activation, std::vector<float> values) {
  apply_activation(activation, values);
  return values;
}

TEST(Activation, SigmoidIsTorchs) {
  EXPECT_FLOAT_EQ(sigmoid(-1.5F), 0.18242552876472473F);
  EXPECT_FLOAT_EQ(sigmoid(3.0F), 0.9525741338729858F);
  EXPECT_FLOAT_EQ(sigmoid(-20.0F), 2.06115369216775e-09F);
  EXPECT_FLOAT_EQ(sigmoid(-87.0F), 1.6458114537543937e-38F);
  EXPECT_EQ(sigmoid(0.0F), 0.5F);
  EXPECT_EQ(sigmoid(-100.0F), 0.0F);
  EXPECT_EQ(sigmoid(100.0F), 1.0F);
  EXPECT_EQ(sigmoid(std::numeric_limits<float>::max()), 1.0F);
  EXPECT_EQ(sigmoid(std::numeric_limits<float>::lowest()), 0.0F);
}

TEST(Activation, EachKind) {
  const std::vector<float> logits = {-1.5F, 3.0F};
  EXPECT_EQ(applied(Activation::kIdentity, logits), logits);
  EXPECT_EQ(applied(Activation::kSigmoid, logits),
            (std::vector<float>{sigmoid(-1.5F), sigmoid(3.0F)}));
  const std::vector<float> tanh = applied(Activation::kTanh, logits);
  EXPECT_FLOAT_EQ(tanh[0], -0.9051482677459717F);
  EXPECT_FLOAT_EQ(tanh[1], 0.9950547814369202F);
  const std::vector<float> softmax = applied(Activation::kSoftmax, {1.0F, 2.0F, 3.0F});
  EXPECT_FLOAT_EQ(softmax[0], 0.09003057330846786F);
  EXPECT_FLOAT_EQ(softmax[1], 0.2447284758090973F);
  EXPECT_FLOAT_EQ(softmax[2], 0.6652409434318542F);
  EXPECT_EQ(applied(Activation::kSoftmax, {1e30F, -1e30F}), (std::vector<float>{1.0F, 0.0F}));
}

TEST(Activation, ProbabilityDependsOnTheNumberOfLabels) {
  std::vector<float> one = {3.0F};
  apply_probability({}, one);
  EXPECT_EQ(one[0], sigmoid(3.0F));
  std::vector<float> two = {3.0F, 3.0F};
  apply_probability({}, two);
  EXPECT_EQ(two, (std::vector<float>{0.5F, 0.5F}));
}

}  // namespace
}  // namespace crossrank::engine
