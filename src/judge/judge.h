// Judge: candidates in, a verdict for each or none and an account of how it went. Modes, passes,
// cache and money; the order that follows from verdicts is made in rerank.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/judge.h"
#include "crossrank/result.h"
#include "judge/prompt.h"

namespace crossrank::judge {

struct Judgement {
  std::vector<std::optional<JudgeVerdict>> verdicts;  // by candidate
  JudgeReport report;  // `degraded` is for those to say who know which candidates are returned
};

struct Terms {
  std::string_view context;
  std::chrono::milliseconds budget{0};  // for all calls together
  const std::atomic<bool>* cancel = nullptr;
};

// Const methods may be called from many threads.
class Judge {
 public:
  // Errors: those of LlmJudge::create.
  static Result<Judge> create(JudgeOptions options);
  Judge(Judge&&) noexcept;
  Judge& operator=(Judge&&) noexcept;
  ~Judge();

  // Candidates behind the first kMaxCandidates are not judged. Errors: kCancelled.
  Result<Judgement> judge(std::string_view query, std::span<const Candidate> candidates,
                          const Terms& terms) const;

  // The requests that judge() would send first.
  std::vector<JudgeExchange> dry_run(std::string_view query, std::span<const Candidate> candidates,
                                     std::string_view context) const;

  const JudgeOptions& options() const;

 private:
  struct Impl;
  explicit Judge(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crossrank::judge
