// What LlmJudge holds, for HybridReRanker.
#pragma once

#include "crossrank/rerankers.h"
#include "judge/judge.h"

namespace crossrank {

struct LlmJudge::Impl {
  judge::Judge judge;
};

}  // namespace crossrank
