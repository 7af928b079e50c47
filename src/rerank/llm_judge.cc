// LlmJudge: documents as a first stage of their own, verdicts to a ranking.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/guard.h"
#include "base/try.h"
#include "crossrank/rerankers.h"
#include "judge/judge.h"
#include "rerank/judge_candidates.h"
#include "rerank/judged_order.h"
#include "rerank/llm_judge.h"

namespace crossrank {
namespace {

// The caller's list as a first stage without scores.
std::vector<RankedDocument> as_given(std::span<const Document> documents) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  std::vector<RankedDocument> out(documents.size());
  for (std::size_t i = 0; i < documents.size(); ++i) {
    out[i].index = i;
    out[i].id = documents[i].id;
    out[i].logit = out[i].probability = out[i].score = kNone;
  }
  return out;
}

}  // namespace

LlmJudge::LlmJudge(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
LlmJudge::LlmJudge(LlmJudge&&) noexcept = default;
LlmJudge& LlmJudge::operator=(LlmJudge&&) noexcept = default;
LlmJudge::~LlmJudge() = default;

Result<LlmJudge> LlmJudge::create(JudgeOptions options) {
  return base::guard_memory([&]() -> Result<LlmJudge> {
    CR_TRY_ASSIGN(judge::Judge judge, judge::Judge::create(std::move(options)));
    return LlmJudge(std::make_unique<const Impl>(Impl{std::move(judge)}));
  });
}

Result<JudgedRanking> LlmJudge::rank(std::string_view query, std::span<const Document> documents,
                                     const JudgeCall& call) const {
  return base::guard_memory([&]() -> Result<JudgedRanking> {
    std::vector<RankedDocument> given = as_given(documents);
    const judge::Terms terms{.context = call.context,
                             .documents = documents.size(),
                             .budget = rerank::judge_budget(options(), call, {}),
                             .cancel = call.cancel,
                             .traceparent = call.traceparent};
    CR_TRY_ASSIGN(judge::Judgement judgement,
                  impl_->judge.judge(query, rerank::judge_candidates(given, documents), terms));
    JudgedRanking ranking;
    ranking.results = rerank::judged_order(std::move(given), std::move(judgement.verdicts),
                                           options().top_k, Stage::kBackfill);
    ranking.judge = std::move(judgement.report);
    ranking.judge.degraded = rerank::any_unjudged(ranking.results);
    return ranking;
  });
}

Result<std::vector<JudgeExchange>> LlmJudge::dry_run(std::string_view query,
                                                     std::span<const Document> documents,
                                                     const JudgeCall& call) const {
  return base::guard_memory([&]() -> Result<std::vector<JudgeExchange>> {
    const judge::Terms terms{.context = call.context, .documents = documents.size()};
    return impl_->judge.dry_run(query, rerank::judge_candidates(as_given(documents), documents),
                                terms);
  });
}

const JudgeOptions& LlmJudge::options() const { return impl_->judge.options(); }

}  // namespace crossrank
