// What of a document the judge is shown: its whole text and all of its metadata.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/judge.h"
#include "judge/judge.h"

namespace crossrank::rerank {

// Views `documents`.
judge::Candidate judge_candidate(const Document& document);

// The judge's share of the caller's time, of which `spent` is gone since rank() was called.
std::chrono::milliseconds judge_budget(const JudgeOptions& options, const JudgeCall& call,
                                       std::chrono::milliseconds spent);

}  // namespace crossrank::rerank
