// judge_budget and judge_candidates: what of a caller's time and documents is the judge's.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/judge.h"
#include "judge/prompt.h"

namespace crossrank::rerank {

// The judge's share of the caller's time, of which `spent` is gone since rank() was called. From 0
// to JudgeOptions::timeout, whatever `call` says.
std::chrono::milliseconds judge_budget(const JudgeOptions& options, const JudgeCall& call,
                                       std::chrono::milliseconds spent);

// The first documents of `first_stage`, as many as a judge takes, with their whole texts and all of
// their metadata. Views `documents`.
std::vector<judge::Candidate> judge_candidates(std::span<const RankedDocument> first_stage,
                                               std::span<const Document> documents);

}  // namespace crossrank::rerank
