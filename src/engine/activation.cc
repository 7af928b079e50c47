// Activations of the classifier's output.
#include "engine/activation.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace crossrank::engine {
namespace {

void softmax(std::span<float> x) {
  const float largest = *std::max_element(x.begin(), x.end());
  float sum = 0;
  for (float& v : x) sum += v = std::exp(v - largest);
  for (float& v : x) v /= sum;
}

}  // namespace

// Stable at both ends: exp overflows to infinity below -88.7 and the quotient is 0, as in torch.
float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

Result<Activation> choose_activation(std::optional<Activation> asked, Activation own) {
  const Activation chosen = asked.value_or(own);
  switch (chosen) {
    case Activation::kIdentity:
    case Activation::kSigmoid:
    case Activation::kTanh:
    case Activation::kSoftmax: return chosen;
  }
  return Error{ErrorCode::kInvalidArgument, "activation is " +
                                                std::to_string(static_cast<int>(chosen)) +
                                                ", which is no value of Activation"};
}

void apply_activation(Activation activation, std::span<float> logits) {
  switch (activation) {
    case Activation::kIdentity: return;
    case Activation::kSigmoid:
      for (float& v : logits) v = sigmoid(v);
      return;
    case Activation::kTanh:
      for (float& v : logits) v = std::tanh(v);
      return;
    case Activation::kSoftmax: softmax(logits); return;
  }
}

void apply_probability(const LogitScale& scale, std::span<float> logits) {
  if (logits.size() == 1) {
    // The sigmoid is 0 or 1 long before, and beyond float32's range a conversion is undefined.
    constexpr double kEnd = 1000;
    const double at = static_cast<double>(logits[0]) / scale.temperature + scale.bias;
    logits[0] = sigmoid(static_cast<float>(std::clamp(at, -kEnd, kEnd)));
    return;
  }
  softmax(logits);
}

}  // namespace crossrank::engine
