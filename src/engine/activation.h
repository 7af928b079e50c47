// Activations of the classifier's output, in float32 as torch computes them. Not the encoder's
// GELU.
#pragma once

#include <span>

#include "crossrank/options.h"

namespace crossrank::engine {

float sigmoid(float x);

// Replaces the logits of one pair, [num_labels], by their activation. Softmax runs over the labels.
void apply_activation(Activation activation, std::span<float> logits);

// One label: sigmoid. Several: softmax over them.
void apply_probability(std::span<float> logits);

}  // namespace crossrank::engine
