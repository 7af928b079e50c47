// Blending: one score of a first stage's and a cross-encoder's, within one query. Reads no files.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eval/trec_files.h"

namespace crossrank::eval {

enum class Blend : std::uint8_t {
  kZScore,          // of each stage's scores: (score - mean) / standard deviation
  kReciprocalRank,  // 1 / (60 + rank), as in Cormack, Clarke and Buettcher (SIGIR 2009)
};

// alpha * second + (1 - alpha) * first of each document, after `blend` made the two comparable;
// with an alpha of 1 or 0 the scores of the one as they are. Both lists are of the same documents
// in the same order. Equal scores have ranks as by ranks_before(); z takes them for 0 where a
// stage's are all equal.
std::vector<float> blended_scores(std::span<const ScoredDocument> first,
                                  std::span<const ScoredDocument> second, double alpha,
                                  Blend blend);

}  // namespace crossrank::eval
