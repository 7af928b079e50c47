// The order that a judge's verdicts make of a first stage's ranking. Asks nobody.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/judge.h"

namespace crossrank::rerank {

// `first_stage` is in first-stage order, verdicts[i] is that of first_stage[i]; documents behind
// the last verdict have none. Judged documents come first, by relevance and then first-stage order;
// the others behind them in that order. At most top_k (0 = all), ranks from 1. `unjudged` is the
// stage of a ranking without any verdict. Every result is one of `first_stage`, and none is there
// twice.
std::vector<RankedDocument> judged_order(std::vector<RankedDocument> first_stage,
                                         std::vector<std::optional<JudgeVerdict>> verdicts,
                                         std::size_t top_k, Stage unjudged);

// Whether a position is not judged.
bool any_unjudged(std::span<const RankedDocument> results);

}  // namespace crossrank::rerank
