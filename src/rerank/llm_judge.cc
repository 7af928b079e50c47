// LlmJudge: documents to candidates, verdicts to a ranking.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/guard.h"
#include "base/try.h"
#include "crossrank/rerankers.h"
#include "judge/judge.h"
#include "rerank/document_text.h"
#include "rerank/judge_candidates.h"
#include "rerank/judged_order.h"
#include "rerank/llm_judge.h"

namespace crossrank {
namespace rerank {

judge::Candidate judge_candidate(const Document& document) {
  judge::Candidate candidate{.content = document.page_content, .metadata = {}};
  for (const MetadataMember& member : document.metadata) {
    candidate.metadata.push_back({member.key, metadata_text(member.value)});
  }
  return candidate;
}

std::chrono::milliseconds judge_budget(const JudgeOptions& options, const JudgeCall& call,
                                       std::chrono::milliseconds spent) {
  if (call.deadline.count() <= 0) return options.timeout;
  const std::chrono::milliseconds left = call.deadline - call.spent - spent;
  return std::max(std::chrono::milliseconds(0),
                  std::min({options.timeout, call.deadline / 2, left}));
}

}  // namespace rerank

namespace {

std::vector<judge::Candidate> candidates_of(std::span<const Document> documents) {
  std::vector<judge::Candidate> candidates;
  candidates.reserve(documents.size());
  for (const Document& document : documents)
    candidates.push_back(rerank::judge_candidate(document));
  return candidates;
}

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
    const std::vector<judge::Candidate> candidates = candidates_of(documents);
    const judge::Terms terms{.context = call.context,
                             .budget = rerank::judge_budget(options(), call, {}),
                             .cancel = call.cancel};
    CR_TRY_ASSIGN(judge::Judgement judgement, impl_->judge.judge(query, candidates, terms));
    JudgedRanking ranking;
    ranking.results = rerank::judged_order(as_given(documents), std::move(judgement.verdicts),
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
    return impl_->judge.dry_run(query, candidates_of(documents), call.context);
  });
}

const JudgeOptions& LlmJudge::options() const { return impl_->judge.options(); }

}  // namespace crossrank
