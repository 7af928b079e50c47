// Scorer: tokens of a stretch -> batches -> forward -> logits in the order of the pairs.
#include "engine/scorer.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/guard.h"
#include "base/try.h"

namespace crossrank::engine {
namespace {

constexpr std::size_t kMaxBatchTokens = std::size_t{1} << 30;  // seq_start has 32 bits

class Turn {
 public:
  explicit Turn(Turnstile& turnstile) : turnstile_(turnstile) {}
  ~Turn() { turnstile_.leave(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Turnstile& turnstile_;
};

// Of two at least.
float mean_of_best_two(std::span<const float> logits) {
  float best = std::numeric_limits<float>::lowest();
  float second = best;
  for (const float logit : logits) {
    if (logit > best) {
      second = std::exchange(best, logit);
    } else {
      second = std::max(second, logit);
    }
  }
  return std::midpoint(best, second);
}

Error cancelled() { return {ErrorCode::kCancelled, "scoring was cancelled by the caller"}; }

}  // namespace

Scorer::Scorer(const text::Tokenizer& tokenizer, const model::Bert& bert, base::Parallel& pool,
               std::string query_prompt)
    : tokenizer_(tokenizer),
      bert_(bert),
      pool_(pool),
      query_prompt_(std::move(query_prompt)),
      workers_(pool.workers()) {}

Result<void> Scorer::score(const PairSource& source, const text::CutRules& rules,
                           const ScoreOptions& options, const Sink& sink) {
  if (options.batch_tokens == 0) {
    return Error{ErrorCode::kInvalidArgument, "batch_tokens is 0; it must be at least 1"};
  }
  if (uses_chunks(rules.policy) && bert_.num_labels() != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "chunks are compared by their scores, so they need a model with one label; this "
                 "one has " +
                     std::to_string(bert_.num_labels())};
  }
  CancelLatch cancel(options.cancel);
  const std::string& prompt = options.query_prompt ? *options.query_prompt : query_prompt_;
  PairStretch stretch(tokenizer_, prompt, rules, options);
  std::vector<float> logits;
  for (std::size_t first = 0; first < source.size(); first += stretch.pairs()) {
    const auto progress = [&](std::size_t sequences_done) {
      if (!options.progress) return;
      const std::size_t pairs = stretch.pairs() * sequences_done / stretch.sequences().size();
      options.progress(first + pairs, source.size());
    };
    {
      if (!turnstile_.enter(options.cancel)) return cancelled();
      const Turn turn(turnstile_);
      CR_TRY(stretch.fill(source, first, pool_, cancel));
      if (cancel.is_set()) return cancelled();
      logits.resize(stretch.sequences().size() * bert_.num_labels());
      run_stretch(stretch, options, cancel, progress, logits.data());
      if (cancel.is_set()) return cancelled();
    }
    CR_TRY(deliver(stretch, first, rules.policy, logits, options, sink));
    progress(stretch.sequences().size());
  }
  return {};
}

// Writes logits [sequences, num_labels]; leaves early, with logits missing, when cancelled.
void Scorer::run_stretch(const PairStretch& stretch, const ScoreOptions& options,
                         CancelLatch& cancel,
                         const std::function<void(std::size_t sequences_done)>& progress,
                         float* logits) {
  std::vector<std::uint32_t> lengths;
  lengths.reserve(stretch.sequences().size());
  for (const Sequence& sequence : stretch.sequences()) {
    lengths.push_back(static_cast<std::uint32_t>(sequence.cut.length()));
  }
  const BatchPlan plan =
      plan_batches(lengths, {.max_tokens = std::min(options.batch_tokens, kMaxBatchTokens),
                             .max_sequences = options.batch_size,
                             .workers = pool_.workers()});

  if (!plan.across_batches) {
    for (std::size_t b = 0; b < plan.batches() && !cancel.is_set(); ++b) {
      run_batch(stretch, plan.batch(b), workers_[0], pool_, logits);
      progress(plan.starts[b + 1]);
    }
    return;
  }
  std::atomic<std::size_t> done{0};
  base::run_guarded(pool_, plan.batches(), [&](std::size_t worker, std::size_t b) {
    if (cancel.is_set()) return;
    base::Serial serial;
    run_batch(stretch, plan.batch(b), workers_[worker], serial, logits);
    done.fetch_add(plan.batch(b).size());
    if (worker == 0) progress(done.load());  // worker 0 is the thread that called score()
  });
}

void Scorer::run_batch(const PairStretch& stretch, std::span<const std::uint32_t> batch,
                       Worker& worker, base::Parallel& parallel, float* logits) const {
  const std::span<const Sequence> sequences = stretch.sequences();
  worker.seq_start.assign(1, 0);
  for (const std::uint32_t s : batch) {
    worker.seq_start.push_back(worker.seq_start.back() +
                               static_cast<std::uint32_t>(sequences[s].cut.length()));
  }
  worker.ids.resize(worker.seq_start.back());
  worker.type_ids.resize(worker.seq_start.back());
  for (std::size_t b = 0; b < batch.size(); ++b) {
    stretch.write(sequences[batch[b]], &worker.ids[worker.seq_start[b]],
                  &worker.type_ids[worker.seq_start[b]]);
  }
  // The reference can run a model with one row of type embeddings only if its tokenizer gives no
  // type ids, and then they are 0.
  if (bert_.config().type_vocab_size == 1) {
    std::fill(worker.type_ids.begin(), worker.type_ids.end(), 0);
  }

  const std::size_t labels = bert_.num_labels();
  worker.logits.resize(batch.size() * labels);
  bert_.forward({worker.ids, worker.type_ids, worker.seq_start}, worker.workspace, parallel,
                worker.logits.data());
  for (std::size_t b = 0; b < batch.size(); ++b) {
    std::copy_n(&worker.logits[b * labels], labels, &logits[batch[b] * labels]);
  }
}

// Hands each pair's logits to the sink: of its chunks, those of the best one, or the best two's
// mean.
Result<void> Scorer::deliver(const PairStretch& stretch, std::size_t first, Truncation policy,
                             std::span<const float> logits, const ScoreOptions& options,
                             const Sink& sink) const {
  const std::span<const Sequence> sequences = stretch.sequences();
  const std::size_t labels = bert_.num_labels();
  for (const float& logit : logits) {
    if (std::isfinite(logit)) continue;
    const std::size_t s = static_cast<std::size_t>(&logit - logits.data()) / labels;
    return Error{ErrorCode::kInternal, pair_name(options, first + sequences[s].pair) +
                                           "the model's output is " + std::to_string(logit) +
                                           ", not a finite number; its weights are too large for "
                                           "float32 arithmetic, or this is a defect of crossrank"};
  }
  for (std::size_t begin = 0, end = 0; begin < sequences.size(); begin = end) {
    const std::uint32_t pair = sequences[begin].pair;
    while (end < sequences.size() && sequences[end].pair == pair) ++end;
    std::size_t best = begin;
    float mean = 0;
    if (end - begin > 1) {  // chunks, of a model with one label
      const std::span<const float> chunks = logits.subspan(begin, end - begin);
      best +=
          static_cast<std::size_t>(std::max_element(chunks.begin(), chunks.end()) - chunks.begin());
      mean = mean_of_best_two(chunks);
    }
    PairOutcome outcome = {first + pair, logits.subspan(best * labels, labels),
                           stretch.report(sequences[best]), sequences[best].span};
    if (policy == Truncation::kChunkTop2 && end - begin > 1) outcome.logits = std::span(&mean, 1);
    sink(outcome);
  }
  return {};
}

}  // namespace crossrank::engine
