// One stable sort.
#include "rerank/judged_order.h"

#include <algorithm>
#include <utility>

namespace crossrank::rerank {

std::vector<RankedDocument> judged_order(std::vector<RankedDocument> first_stage,
                                         std::vector<std::optional<JudgeVerdict>> verdicts,
                                         std::size_t top_k, Stage unjudged) {
  const bool any = std::any_of(verdicts.begin(), verdicts.end(),
                               [](const auto& verdict) { return verdict.has_value(); });
  for (std::size_t i = 0; i < first_stage.size(); ++i) {
    RankedDocument& document = first_stage[i];
    document.first_stage_rank = i + 1;
    if (i < verdicts.size()) document.judge = std::move(verdicts[i]);
    document.stage = document.judge ? Stage::kJudge : any ? Stage::kBackfill : unjudged;
  }
  // First-stage order is by logit and then index, so that stability settles equal relevances.
  std::stable_sort(first_stage.begin(), first_stage.end(),
                   [](const RankedDocument& a, const RankedDocument& b) {
                     if (!a.judge || !b.judge) return a.judge.has_value() && !b.judge;
                     return a.judge->relevance > b.judge->relevance;
                   });
  if (top_k != 0 && top_k < first_stage.size()) first_stage.resize(top_k);
  for (std::size_t i = 0; i < first_stage.size(); ++i) first_stage[i].rank = i + 1;
  return first_stage;
}

bool any_unjudged(std::span<const RankedDocument> results) {
  return std::any_of(results.begin(), results.end(),
                     [](const RankedDocument& result) { return !result.judge; });
}

}  // namespace crossrank::rerank
