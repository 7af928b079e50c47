// Scorer: pairs to logits, stretch by stretch, on threads that concurrent calls share by turns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "crossrank/document.h"
#include "crossrank/options.h"
#include "crossrank/result.h"
#include "engine/batcher.h"
#include "engine/cancel_latch.h"
#include "engine/pair_stretch.h"
#include "engine/turnstile.h"
#include "model/bert.h"
#include "model/workspace.h"
#include "text/pair_encoder.h"
#include "text/tokenizer.h"

namespace crossrank::engine {

// What the model says of one pair; views that live as long as the call of the sink.
struct PairOutcome {
  std::size_t index = 0;
  std::span<const float> logits;  // [num_labels], finite; of the best chunk, or the mean of two
  TruncationReport truncation;
  TextSpan span;  // the best chunk; where uses_chunks()
};

// score() may be called from many threads. Owns the workers' buffers; tokenizer, model and pool
// must outlive it, and nobody else may use the pool meanwhile.
class Scorer {
 public:
  // Called on the thread that called score(), in the order of the pairs.
  using Sink = std::function<void(const PairOutcome&)>;

  // `query_prompt` stands in front of every query, unless ScoreOptions has another.
  Scorer(const text::Tokenizer& tokenizer, const model::Bert& bert, base::Parallel& pool,
         std::string query_prompt);

  // Errors: kInvalidArgument, kTooLong, kCancelled, kInternal (a logit that is not finite). Pairs
  // before the one with the error may have gone to the sink. Throws std::bad_alloc, and what
  // options.progress throws.
  Result<void> score(const PairSource& source, const text::CutRules& rules,
                     const ScoreOptions& options, const Sink& sink);

 private:
  // The buffers of one worker.
  struct Worker {
    model::Workspace workspace;
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> type_ids;
    std::vector<std::uint32_t> seq_start;
    std::vector<float> logits;
  };

  void run_stretch(const PairStretch& stretch, const ScoreOptions& options, CancelLatch& cancel,
                   const std::function<void(std::size_t sequences_done)>& progress, float* logits);
  void run_batch(const PairStretch& stretch, std::span<const std::uint32_t> batch, Worker& worker,
                 base::Parallel& parallel, float* logits) const;
  Result<void> deliver(const PairStretch& stretch, std::size_t first, Truncation policy,
                       std::span<const float> logits, const ScoreOptions& options,
                       const Sink& sink) const;

  const text::Tokenizer& tokenizer_;
  const model::Bert& bert_;
  base::Parallel& pool_;
  const std::string query_prompt_;
  Turnstile turnstile_;          // whoever is in may use pool_ and workers_
  std::vector<Worker> workers_;  // [pool_.workers()]
};

}  // namespace crossrank::engine
