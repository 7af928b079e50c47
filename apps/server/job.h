// Job: the pairs of one request on their way through a MicroBatcher. Plain data, no HTTP.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank::server {

using Clock = std::chrono::steady_clock;

// What a score depends on beside the texts. Pairs with equal rules may share a micro-batch.
struct ScoringRules {
  std::size_t max_length = 0;           // tokens a pair, 0 = the model's
  std::size_t max_document_tokens = 0;  // 0 = no bound of its own
  Truncation truncation = Truncation::kLongestFirst;
  TruncationSide side = TruncationSide::kModel;
  ChunkOptions chunk;  // counts where uses_chunks(truncation)

  [[nodiscard]] auto tied() const {
    return std::tie(max_length, max_document_tokens, truncation, side, chunk.tokens, chunk.overlap,
                    chunk.max_chunks);
  }
  bool operator==(const ScoringRules& other) const { return tied() == other.tied(); }
};

// How the scoring of a job came to its end.
enum class JobEnd : std::uint8_t {
  kScored,     // every pair
  kFailed,     // `error` says why
  kDeadline,   // the first `scored_pairs` pairs are there
  kCancelled,  // by whoever asked for it
};

// The submitter fills the first part, the MicroBatcher the second one, and nobody writes both at a
// time: after submit() the job is the batcher's until it has called `finished`.
struct Job {
  // The first part.
  std::vector<TextPair> pairs;        // views into `texts`
  std::shared_ptr<const void> texts;  // keeps the bytes alive
  ScoringRules rules;
  Clock::time_point deadline = Clock::time_point::max();
  bool allow_partial = false;          // at the deadline, the more pairs are scored the better
  std::function<void(Job&)> finished;  // called once, by the batcher's thread; must not throw

  // Anyone may set it at any time.
  std::atomic<bool> cancelled{false};

  // The second part.
  std::vector<ScoredPair> scored;  // [pairs]; valid up to scored_pairs
  // Of the best chunks, [pairs] where the rules use chunks, else empty.
  std::vector<TextSpan> spans;
  // [pairs, labels] for a model with several labels, else empty.
  std::vector<float> logits, probabilities;
  std::size_t scored_pairs = 0;  // in the order of the pairs
  JobEnd end = JobEnd::kScored;
  Error error;
  std::size_t cache_hits = 0;            // pairs
  Clock::time_point submitted, started;  // started: the first pair's turn; `submitted` if none had
  Clock::duration computing{0};          // of the micro-batches it had a part in

  // Of one that is scored.
  [[nodiscard]] RankedIndex ranked(std::size_t pair) const {
    RankedIndex made{pair, scored[pair], {}};
    if (!spans.empty()) made.span = spans[pair];
    return made;
  }
};

}  // namespace crossrank::server
