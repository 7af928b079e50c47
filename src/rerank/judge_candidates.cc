// Time and texts for a judge.
#include "rerank/judge_candidates.h"

#include <algorithm>
#include <cstddef>

#include "rerank/document_text.h"

namespace crossrank::rerank {

std::chrono::milliseconds judge_budget(const JudgeOptions& options, const JudgeCall& call,
                                       std::chrono::milliseconds spent) {
  constexpr std::chrono::milliseconds kNone{0};
  if (call.deadline <= kNone) return options.timeout;
  const auto before = std::clamp(call.spent, kNone, call.deadline);
  const auto left = std::max(call.deadline - before - spent, kNone);
  return std::min({options.timeout, call.deadline / 2, left});
}

std::vector<judge::Candidate> judge_candidates(std::span<const RankedDocument> first_stage,
                                               std::span<const Document> documents) {
  std::vector<judge::Candidate> candidates(std::min(first_stage.size(), judge::kMaxCandidates));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Document& document = documents[first_stage[i].index];
    candidates[i].content = document.page_content;
    for (const MetadataMember& member : document.metadata) {
      candidates[i].metadata.push_back({member.key, metadata_text(member.value)});
    }
  }
  return candidates;
}

}  // namespace crossrank::rerank
