// MicroBatcher: shares one CrossEncoder among jobs, one micro-batch of pairs after another. Knows
// no HTTP.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "job.h"
#include "score_cache.h"

namespace crossrank::server {

struct BatcherOptions {
  // Of pairs that wait, by estimate; what comes on top is refused. It bounds memory: the time that
  // a job would wait is bounded by its deadline.
  std::size_t max_queued_tokens = std::size_t{16} << 20;
  std::size_t cache_bytes = 0;  // 0 = no cache
};

// One micro-batch, for metrics.
struct MicroBatchReport {
  std::size_t pairs = 0;   // computed
  std::size_t tokens = 0;  // that the model saw
  std::size_t jobs = 0;    // that had a part in it
  std::size_t cache_hits = 0;
  double fill = 0;  // estimated tokens over the budget
  Clock::duration elapsed{0};
};

// Owns a thread, and the CrossEncoder's threads while it scores. submit() and the questions may be
// called from any thread. Scores have the bits of CrossEncoder::predict, whatever shares a batch.
class MicroBatcher {
 public:
  // Scores a text of its own first. `on_batch` is called by the batcher's thread. `on_fatal` too,
  // once, when scoring fails for reasons that no request gave; afterwards every job fails. Errors:
  // those of CrossEncoder::predict.
  static Result<std::unique_ptr<MicroBatcher>> start(
      std::shared_ptr<const CrossEncoder> encoder, BatcherOptions options,
      std::function<void(const MicroBatchReport&)> on_batch,
      std::function<void(const Error&)> on_fatal);
  ~MicroBatcher();  // shut_down()
  MicroBatcher(const MicroBatcher&) = delete;
  MicroBatcher& operator=(const MicroBatcher&) = delete;

  // Waits for the micro-batch that is under way; jobs that still wait end as kCancelled. What is
  // submitted afterwards is refused.
  void shut_down();

  struct Refusal {
    std::chrono::seconds retry_after{1};  // by the throughput that was measured
    std::string message;
  };
  // Takes the job, or refuses it: what waits already cannot be done before its deadline, or it
  // would be too much to hold. Never blocks.
  std::optional<Refusal> submit(const std::shared_ptr<Job>& job);

  std::size_t queued_tokens() const { return queued_tokens_.load(std::memory_order_relaxed); }
  std::size_t queued_jobs() const { return queued_jobs_.load(std::memory_order_relaxed); }
  // Tokens a second, by the estimate that queued_tokens() counts in; of the last micro-batches.
  double throughput() const { return throughput_.load(std::memory_order_relaxed); }
  // Whether a forward pass succeeded within the last minute. An idle batcher makes its own.
  bool ready() const;
  // Estimated tokens of a micro-batch.
  std::size_t budget() const { return budget_; }
  std::size_t cache_size() const { return cache_size_.load(std::memory_order_relaxed); }

  const CrossEncoder& encoder() const { return *encoder_; }

 private:
  MicroBatcher(std::shared_ptr<const CrossEncoder> encoder, BatcherOptions options,
               std::function<void(const MicroBatchReport&)> on_batch,
               std::function<void(const Error&)> on_fatal);

  struct Waiting {
    std::shared_ptr<Job> job;
    std::size_t next = 0;    // pair
    std::size_t tokens = 0;  // of the pairs from `next` on, estimated
    Clock::time_point last_turn;
  };
  // Pairs [first, first + count) of a job.
  struct Share {
    Waiting* waiting;
    std::size_t first = 0, count = 0;
  };
  using Queue = std::list<Waiting>;

  void run();
  void take_submitted();  // mutex_ is held
  void drop_ended();
  std::size_t least_turn(const Waiting& waiting) const;
  std::size_t longest_turn(const Waiting& waiting, Clock::time_point now) const;
  std::vector<Share> choose();
  void score(std::span<const Share> shares);
  Result<void> compute(std::span<const Share> shares, MicroBatchReport& report);
  Error error_of(const Share& share, const Error& error) const;
  void advance(const Share& share);
  void finish(Queue::iterator waiting, JobEnd end);
  Result<void> self_test();
  Clock::time_point last_success() const;
  void measure(std::size_t tokens, Clock::duration elapsed);
  Clock::duration expected(std::size_t tokens) const;
  std::size_t tokens_before(std::size_t tokens) const;
  std::size_t estimated_tokens(const Job& job) const;
  std::size_t estimated_tokens(const TextPair& pair, const ScoringRules& rules) const;
  void fail_for_good(const Error& error);
  void end_all(JobEnd end);

  const std::shared_ptr<const CrossEncoder> encoder_;
  const BatcherOptions options_;
  const std::size_t budget_;  // estimated tokens a micro-batch
  const std::function<void(const MicroBatchReport&)> on_batch_;
  const std::function<void(const Error&)> on_fatal_;
  ScoreCache cache_;  // the batcher's thread alone

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Job>> submitted_;  // guarded by mutex_
  bool stopping_ = false;                        // guarded by mutex_
  // Tokens that are left of each job that waits.
  std::unordered_map<const Job*, std::size_t> left_;  // guarded by mutex_

  Queue queue_;               // the batcher's thread alone; in the order of arrival
  bool ageing_turn_ = false;  // the micro-batch that is chosen now; the batcher's thread alone
  std::atomic<std::size_t> queued_tokens_{0}, queued_jobs_{0}, cache_size_{0};
  std::atomic<double> throughput_{0};
  std::atomic<Clock::rep> last_success_{0};
  std::atomic<bool> broken_{false};
  std::optional<Error> fatal_;  // the batcher's thread alone
  std::thread thread_;          // last: it uses all of the above
};

}  // namespace crossrank::server
