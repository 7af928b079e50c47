// HybridReRanker: the cross-encoder's best, judged; the cross-encoder's order where that fails.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/guard.h"
#include "base/try.h"
#include "crossrank/rerankers.h"
#include "rerank/judge_candidates.h"
#include "rerank/judged_order.h"
#include "rerank/llm_judge.h"

namespace crossrank {
namespace {

using Clock = std::chrono::steady_clock;

// Whether the documents at top_k and behind it are so far apart that the judge could only change
// the order of those before. Without a document behind, nothing has been decided.
bool is_decided(std::span<const RankedDocument> first_stage, std::size_t top_k,
                const std::optional<float>& gap) {
  if (!gap || top_k == 0 || top_k >= first_stage.size()) return false;
  return first_stage[top_k - 1].logit - first_stage[top_k].logit >= *gap;
}

}  // namespace

HybridReRanker::HybridReRanker(CrossEncoderReRanker cross_encoder, LlmJudge judge,
                               HybridOptions options)
    : cross_encoder_(std::move(cross_encoder)), judge_(std::move(judge)), options_(options) {}

Result<HybridReRanker> HybridReRanker::create(CrossEncoderReRanker cross_encoder, LlmJudge judge,
                                              HybridOptions options) {
  const std::size_t kept = cross_encoder.options().top_k;
  if (kept != 0 && kept < options.top_k) {
    return Error{ErrorCode::kInvalidArgument,
                 "the cross-encoder keeps " + std::to_string(kept) + " documents, fewer than the " +
                     std::to_string(options.top_k) + " that are to be returned: raise its top_k"};
  }
  return HybridReRanker(std::move(cross_encoder), std::move(judge), options);
}

Result<JudgedRanking> HybridReRanker::rank(std::string_view query,
                                           std::span<const Document> documents,
                                           const JudgeCall& call) const {
  return base::guard_memory([&]() -> Result<JudgedRanking> {
    const Clock::time_point start = Clock::now();
    CR_TRY_ASSIGN(Ranking first, cross_encoder_.rank_with_cancel(query, documents, call.cancel));
    JudgedRanking ranking;
    ranking.truncated_documents = first.truncated_documents;
    ranking.warnings = std::move(first.warnings);
    const judge::Judge& llm = judge_.impl_->judge;
    judge::Judgement judgement;
    if (is_decided(first.results, options_.top_k, judge_.options().skip_if_gap)) {
      judgement = llm.without_call(JudgeOutcome::kSkippedConfident);
    } else {
      const auto spent =
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
      const judge::Terms terms{.context = call.context,
                               .documents = first.results.size(),
                               .budget = rerank::judge_budget(judge_.options(), call, spent),
                               .cancel = call.cancel,
                               .traceparent = call.traceparent};
      CR_TRY_ASSIGN(judgement,
                    llm.judge(query, rerank::judge_candidates(first.results, documents), terms));
    }
    ranking.results = rerank::judged_order(std::move(first.results), std::move(judgement.verdicts),
                                           options_.top_k, Stage::kCrossEncoder);
    ranking.judge = std::move(judgement.report);
    ranking.judge.degraded = ranking.judge.outcome != JudgeOutcome::kSkippedConfident &&
                             rerank::any_unjudged(ranking.results);
    if (options_.strict && ranking.judge.degraded) {
      return Error{ErrorCode::kJudgeFailed, "the judge degraded the ranking (" +
                                                std::string(to_string(ranking.judge.outcome)) +
                                                "): " + ranking.judge.message};
    }
    return ranking;
  });
}

Result<std::vector<JudgeExchange>> HybridReRanker::dry_run(std::string_view query,
                                                           std::span<const Document> documents,
                                                           const JudgeCall& call) const {
  return base::guard_memory([&]() -> Result<std::vector<JudgeExchange>> {
    CR_TRY_ASSIGN(const Ranking first,
                  cross_encoder_.rank_with_cancel(query, documents, call.cancel));
    if (is_decided(first.results, options_.top_k, judge_.options().skip_if_gap)) {
      return std::vector<JudgeExchange>();
    }
    const judge::Terms terms{.context = call.context, .documents = first.results.size()};
    return judge_.impl_->judge.dry_run(query, rerank::judge_candidates(first.results, documents),
                                       terms);
  });
}

}  // namespace crossrank
