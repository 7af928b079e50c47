// Judge: candidates in, a verdict for each or none and an account of how it went. Modes, passes,
// cache and money; the order that follows from verdicts is made in rerank.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
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
  std::vector<std::optional<JudgeVerdict>> verdicts;  // by candidate; none without a call
  JudgeReport report;  // `degraded` is for those to say who know which candidates are returned
};

struct Terms {
  std::string_view context;
  std::size_t documents = 0;            // the candidates are the first of these
  std::chrono::milliseconds budget{0};  // for all calls together
  const std::atomic<bool>* cancel = nullptr;
  std::string_view traceparent = {};
};

// Const methods may be called from many threads.
class Judge {
 public:
  // Errors: those of LlmJudge::create.
  static Result<Judge> create(JudgeOptions options);
  Judge(Judge&&) noexcept;
  Judge& operator=(Judge&&) noexcept;
  ~Judge();

  // At most kMaxCandidates candidates. Errors: kCancelled, kInvalidArgument (traceparent).
  Result<Judgement> judge(std::string_view query, std::span<const Candidate> candidates,
                          const Terms& terms) const;

  // The requests that judge() would send first. Errors: kIoError without random numbers.
  Result<std::vector<JudgeExchange>> dry_run(std::string_view query,
                                             std::span<const Candidate> candidates,
                                             const Terms& terms) const;

  // A judging that sends nothing.
  Judgement without_call(JudgeOutcome outcome, std::string message = "") const;

  const JudgeOptions& options() const;

 private:
  struct Impl;
  explicit Judge(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crossrank::judge
