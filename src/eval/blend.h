// Blending: one score of a first stage's and a cross-encoder's, within one query. Reads no files.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace crossrank::eval {

enum class Blend : std::uint8_t {
  kZScore,          // of each stage's scores: (score - mean) / standard deviation
  kReciprocalRank,  // 1 / (60 + rank), as in Cormack, Clarke and Buettcher (SIGIR 2009)
};

// alpha * second + (1 - alpha) * first of each candidate, after `blend` made the two comparable.
// Both lists are of the same candidates in the same order; where the first stage ties, their order
// is its ranking. A stage whose scores are all equal says nothing, and counts 0.
std::vector<float> blended_scores(std::span<const float> first, std::span<const float> second,
                                  double alpha, Blend blend);

}  // namespace crossrank::eval
