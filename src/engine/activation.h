// Activations of the classifier's output, in float32 as torch computes them. Not the encoder's
// GELU.
#pragma once

#include <optional>
#include <span>

#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank::engine {

float sigmoid(float x);

// `asked`, or `own` where nothing is asked for. Errors: kInvalidArgument for a number that is no
// value of the enum.
Result<Activation> choose_activation(std::optional<Activation> asked, Activation own);

// Replaces the logits of one pair, [num_labels], by their activation. Softmax runs over the labels.
void apply_activation(Activation activation, std::span<float> logits);

// Where the sigmoid of a probability is entered: at logit / temperature + bias. By itself it
// changes no bit of sigmoid(logit).
struct LogitScale {
  double temperature = 1;  // above 0
  double bias = 0;
};

// The one place where probabilities are made. One label: the sigmoid at its place in `scale`.
// Several: softmax over them, and the scale has no say.
void apply_probability(const LogitScale& scale, std::span<float> logits);

}  // namespace crossrank::engine
