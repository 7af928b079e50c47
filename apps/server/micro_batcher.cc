// MicroBatcher: a queue of jobs, and one thread that takes turns among them.
#include "micro_batcher.h"

#include <algorithm>
#include <exception>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/try.h"
#include "token_estimate.h"

namespace crossrank::server {
namespace {

// Four batches of the engine for every two threads. Longer turns would make short jobs and those
// who cancel wait (2,048 tokens take 0.2 s of two Zen 4 cores in fp32), shorter ones leave threads
// waiting for the last batch of each turn.
constexpr std::size_t kTokensPerThread = 2 * kDefaultBatchTokens;
constexpr std::size_t kLeastBudget = 4 * kDefaultBatchTokens;
// Shortest remaining job first, with ageing: every second micro-batch begins with the job that has
// gone longest without one, if that is longer than this.
constexpr std::chrono::seconds kPatience{1};
// ready() looks back a minute.
constexpr std::chrono::seconds kReadyWindow{60};
constexpr std::chrono::seconds kSelfTestInterval{20};
// The share of the newest micro-batch in the throughput.
constexpr double kNewest = 0.2;

// About 100 tokens: what passages have.
constexpr std::string_view kTestQuery = "how long does a rainbow last";
constexpr std::string_view kTestDocument =
    "A rainbow is seen when sunlight meets drops of rain on the side of the sky that lies opposite "
    "to the sun. Each drop bends the light as it enters, throws it back from its far side and "
    "bends it again as it leaves, and every colour comes out under an angle of its own, so that "
    "the drops along an arc send red to the eye and those a little lower send blue. It lasts as "
    "long as sun and shower both do, most often a few minutes.";

ScoreOptions score_options(const ScoringRules& rules) {
  ScoreOptions options;
  options.max_length = rules.max_length;
  options.max_document_tokens = rules.max_document_tokens;
  options.truncation = rules.truncation;
  options.truncation_side = rules.side;
  options.chunk = rules.chunk;
  return options;
}

}  // namespace

MicroBatcher::MicroBatcher(std::shared_ptr<const CrossEncoder> encoder, BatcherOptions options,
                           std::function<void(const MicroBatchReport&)> on_batch,
                           std::function<void(const Error&)> on_fatal)
    : encoder_(std::move(encoder)),
      options_(options),
      budget_(std::max(kLeastBudget, kTokensPerThread * encoder_->info().threads)),
      on_batch_(std::move(on_batch)),
      on_fatal_(std::move(on_fatal)),
      cache_(encoder_->info().num_labels == 1 ? options.cache_bytes : 0) {}

Result<std::unique_ptr<MicroBatcher>> MicroBatcher::start(
    std::shared_ptr<const CrossEncoder> encoder, BatcherOptions options,
    std::function<void(const MicroBatchReport&)> on_batch,
    std::function<void(const Error&)> on_fatal) {
  std::unique_ptr<MicroBatcher> batcher(
      new MicroBatcher(std::move(encoder), options, std::move(on_batch), std::move(on_fatal)));
  CR_TRY(batcher->self_test());
  try {
    batcher->thread_ = std::thread([self = batcher.get()] { self->run(); });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kOverloaded, std::string("cannot start a thread: ") + error.what()};
  }
  return batcher;
}

MicroBatcher::~MicroBatcher() { shut_down(); }

void MicroBatcher::shut_down() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<MicroBatcher::Refusal> MicroBatcher::submit(const std::shared_ptr<Job>& job) {
  const std::size_t tokens = estimated_tokens(*job);
  const auto now = Clock::now();
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return Refusal{std::chrono::seconds(1), "the server is shutting down"};
    const std::size_t before = tokens_before(tokens);
    const std::size_t all = queued_tokens();
    const bool too_late = before > 0 && job->deadline != Clock::time_point::max() &&
                          now + expected(before) > job->deadline;
    const bool too_much = all > 0 && all + tokens > options_.max_queued_tokens;
    if (too_late || too_much) {
      const Clock::duration wait = expected(too_late ? before : all);
      // Until what is left can be done in the time that this request allows; of what is too much to
      // hold, until half of it is done.
      const Clock::duration until = too_late ? wait - (job->deadline - now) : wait / 2;
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(until);
      return Refusal{std::max(seconds, std::chrono::seconds(1)),
                     "the server is busy: " + std::to_string(too_late ? before : all) +
                         " tokens wait, which is " +
                         std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()) +
                         " s of work" + (too_late ? ", more than this request has" : "")};
    }
    job->submitted = job->started = now;
    submitted_.push_back(job);
    left_.emplace(job.get(), tokens);
    queued_tokens_ += tokens;
    ++queued_jobs_;
  }
  changed_.notify_all();
  return std::nullopt;
}

// Estimated tokens that run before a new job of so many tokens: all shorter jobs, and the share
// that ageing gives to longer ones.
std::size_t MicroBatcher::tokens_before(std::size_t tokens) const {
  std::size_t shorter = 0, longer = 0;
  for (const auto& [job, left] : left_) (left <= tokens ? shorter : longer) += left;
  return shorter + std::min(longer, shorter + tokens + budget_);
}

bool MicroBatcher::ready() const {
  return !broken_ && Clock::now() - last_success() < kReadyWindow;
}

Clock::time_point MicroBatcher::last_success() const {
  return Clock::time_point(Clock::duration(last_success_.load()));
}

void MicroBatcher::run() {
  try {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        if (queue_.empty()) {
          changed_.wait_for(lock, kSelfTestInterval,
                            [this] { return stopping_ || !submitted_.empty(); });
        }
        take_submitted();
        if (stopping_) break;
      }
      // Cached and refused pairs run no model either.
      if (Clock::now() - last_success() > kSelfTestInterval) {
        if (const auto tested = self_test(); !tested.ok()) return fail_for_good(tested.error());
      }
      drop_ended();
      if (const std::vector<Share> shares = choose(); !shares.empty()) score(shares);
      if (fatal_) return fail_for_good(*fatal_);
    }
  } catch (const std::exception& error) {
    return fail_for_good({ErrorCode::kInternal, error.what()});
  }
  end_all(JobEnd::kCancelled);
}

void MicroBatcher::end_all(JobEnd end) {
  while (!queue_.empty()) finish(queue_.begin(), end);
}

void MicroBatcher::take_submitted() {
  for (std::shared_ptr<Job>& job : submitted_) {
    const std::size_t tokens = estimated_tokens(*job);
    job->scored.resize(job->pairs.size());
    if (uses_chunks(job->rules.truncation)) job->spans.resize(job->pairs.size());
    const auto labels = encoder_->info().num_labels;
    if (labels > 1) {
      job->logits.resize(job->pairs.size() * labels);
      job->probabilities.resize(job->pairs.size() * labels);
    }
    const auto submitted = job->submitted;
    queue_.push_back({std::move(job), 0, tokens, submitted});
  }
  submitted_.clear();
}

// The tokens of the shortest turn that is worth giving to a job: one pair if each one counts. A
// pair of many chunks is a turn of its own.
std::size_t MicroBatcher::least_turn(const Waiting& waiting) const {
  const Job& job = *waiting.job;
  const std::size_t pair = estimated_tokens(job.pairs[waiting.next], job.rules);
  return job.allow_partial ? pair : std::max(pair, std::min(waiting.tokens, budget_));
}

// The tokens of the turn of a job: fewer than the budget if its deadline is near.
std::size_t MicroBatcher::longest_turn(const Waiting& waiting, Clock::time_point now) const {
  const Job& job = *waiting.job;
  if (!job.allow_partial || job.deadline == Clock::time_point::max()) return budget_;
  const double seconds = std::chrono::duration<double>(job.deadline - now).count();
  const double tokens = std::clamp(seconds * throughput(), 1.0, static_cast<double>(budget_));
  return static_cast<std::size_t>(tokens);
}

// Jobs that nobody waits for any more, and those whose next turn would end after their deadline.
void MicroBatcher::drop_ended() {
  const auto now = Clock::now();
  for (auto it = queue_.begin(); it != queue_.end();) {
    const auto waiting = it++;
    const Job& job = *waiting->job;
    if (job.cancelled) {
      finish(waiting, JobEnd::kCancelled);
    } else if (waiting->next == job.pairs.size()) {
      finish(waiting, JobEnd::kScored);  // an empty job
    } else if (job.deadline != Clock::time_point::max() &&
               now + expected(least_turn(*waiting)) > job.deadline) {
      finish(waiting, JobEnd::kDeadline);
    }
  }
}

// The pairs of the next micro-batch: of the job whose turn it is, then, while there is room, of
// those behind it with the same rules.
std::vector<MicroBatcher::Share> MicroBatcher::choose() {
  const auto now = Clock::now();
  std::vector<Waiting*> order;
  order.reserve(queue_.size());
  for (Waiting& waiting : queue_) order.push_back(&waiting);
  ageing_turn_ = !ageing_turn_;
  const auto impatient = [&](const Waiting* w) {
    return ageing_turn_ && now - w->last_turn > kPatience;
  };
  std::stable_sort(order.begin(), order.end(), [&](const Waiting* a, const Waiting* b) {
    if (impatient(a) != impatient(b)) return impatient(a);
    return impatient(a) ? a->last_turn < b->last_turn : a->tokens < b->tokens;
  });

  std::vector<Share> shares;
  const std::size_t budget = order.empty() ? 0 : longest_turn(*order.front(), now);
  std::size_t used = 0;
  for (Waiting* waiting : order) {
    const Job& job = *waiting->job;
    if (job.rules != order.front()->job->rules) continue;
    Share share{waiting, waiting->next, 0};
    for (std::size_t i = waiting->next; i < job.pairs.size(); ++i) {
      const std::size_t tokens = estimated_tokens(job.pairs[i], job.rules);
      if (used > 0 && used + tokens > budget) break;
      used += tokens;
      ++share.count;
    }
    if (share.count > 0) shares.push_back(share);
    if (used >= budget) break;
  }
  return shares;
}

// Scores the shares together, or, when a pair among them is to blame, each for itself.
void MicroBatcher::score(std::span<const Share> shares) {
  const auto start = Clock::now();
  for (const Share& share : shares) {
    if (share.first == 0) share.waiting->job->started = start;
  }
  MicroBatchReport report;
  report.jobs = shares.size();
  Result<void> computed = compute(shares, report);
  if (!computed.ok() && shares.size() > 1) {
    for (const Share& share : shares) score({&share, 1});
    return;
  }
  // Whoever asked for this one job has left; drop_ended() ends it.
  if (!computed.ok() && computed.error().code == ErrorCode::kCancelled) return;
  const auto now = Clock::now();
  report.elapsed = now - start;
  for (const Share& share : shares) {
    share.waiting->last_turn = now;
    share.waiting->job->computing += report.elapsed;
  }
  if (computed.ok()) {
    if (report.pairs > 0) last_success_ = now.time_since_epoch().count();
    on_batch_(report);
    for (const Share& share : shares) advance(share);
    return;
  }
  // One job alone. What its texts cannot cause may mean that nothing works any more.
  Job& job = *shares.front().waiting->job;
  job.error = error_of(shares.front(), computed.error());
  const bool texts_to_blame =
      job.error.code == ErrorCode::kTooLong || job.error.code == ErrorCode::kInvalidArgument;
  finish(std::find_if(queue_.begin(), queue_.end(),
                      [&](const Waiting& w) { return &w == shares.front().waiting; }),
         JobEnd::kFailed);
  if (texts_to_blame) return;
  if (const auto tested = self_test(); !tested.ok()) fatal_ = tested.error();
}

// The error of a share with the number that its pair has in the job. Cached pairs are no part of a
// micro-batch, so that numbers there differ; whatever the texts cause comes again.
Error MicroBatcher::error_of(const Share& share, const Error& error) const {
  const Job& job = *share.waiting->job;
  ScoreOptions options = score_options(job.rules);
  options.first_index = share.first;
  const auto again =
      encoder_->predict(std::span(job.pairs).subspan(share.first, share.count), options);
  return again.ok() ? error : again.error();
}

Result<void> MicroBatcher::compute(std::span<const Share> shares, MicroBatchReport& report) {
  struct Place {
    Job* job;
    std::size_t index;
    std::size_t computed;  // which of `pairs` has its score
  };
  std::vector<TextPair> pairs;
  std::vector<Place> places;
  std::vector<std::string> keys;                           // of `pairs`, with a cache
  std::unordered_map<std::string, std::size_t> same_pair;  // key -> number in `pairs`
  std::vector<Job*> hits;                                  // one entry a pair
  std::size_t estimated = 0;
  for (const Share& share : shares) {
    Job& job = *share.waiting->job;
    for (std::size_t i = share.first; i < share.first + share.count; ++i) {
      std::size_t number = pairs.size();
      if (cache_.enabled()) {
        std::string key = ScoreCache::key(job.pairs[i], job.rules);
        if (const auto known = cache_.find(key)) {
          job.scored[i] = known->pair;
          if (!job.spans.empty()) job.spans[i] = known->span;
          hits.push_back(&job);
          continue;
        }
        const auto [it, is_new] = same_pair.try_emplace(key, number);
        number = it->second;
        if (is_new) keys.push_back(std::move(key));
      }
      if (number == pairs.size()) {
        pairs.push_back(job.pairs[i]);
        estimated += estimated_tokens(job.pairs[i], job.rules);
      }
      places.push_back({&job, i, number});
    }
  }
  // Counted when nothing can go wrong any more: what fails is done again.
  const auto count_hits = [&] {
    for (Job* job : hits) ++job->cache_hits;
    report.cache_hits += hits.size();
  };
  if (pairs.empty()) {
    count_hits();
    return {};
  }
  const auto start = Clock::now();
  const Job& first = *shares.front().waiting->job;
  ScoreOptions options = score_options(first.rules);
  if (shares.size() == 1) options.cancel = &first.cancelled;
  CR_TRY_ASSIGN(const Predictions predictions, encoder_->predict(pairs, options));
  count_hits();
  measure(estimated, Clock::now() - start);
  const std::size_t labels = predictions.num_labels();
  for (const Place& place : places) {
    place.job->scored[place.index] = predictions[place.computed];
    if (const TextSpan* span = predictions.span(place.computed)) {
      place.job->spans[place.index] = *span;
    }
    if (labels > 1) {
      const auto logits = predictions.logits(place.computed);
      const auto probabilities = predictions.probabilities(place.computed);
      std::copy(logits.begin(), logits.end(), &place.job->logits[place.index * labels]);
      std::copy(probabilities.begin(), probabilities.end(),
                &place.job->probabilities[place.index * labels]);
    }
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const TextSpan* span = predictions.span(i);
    cache_.insert(std::move(keys[i]), {predictions[i], span == nullptr ? TextSpan{} : *span});
  }
  cache_size_ = cache_.size();
  report.pairs = pairs.size();
  for (const ScoredPair& pair : predictions) report.tokens += pair.truncation.tokens_used;
  report.fill = static_cast<double>(estimated) / static_cast<double>(budget_);
  return {};
}

// What was scored is off the queue; a job of which nothing is left has ended.
void MicroBatcher::advance(const Share& share) {
  Waiting& waiting = *share.waiting;
  std::size_t tokens = 0;
  for (std::size_t i = share.first; i < share.first + share.count; ++i) {
    tokens += estimated_tokens(waiting.job->pairs[i], waiting.job->rules);
  }
  waiting.next += share.count;
  waiting.tokens -= tokens;
  waiting.job->scored_pairs = waiting.next;
  queued_tokens_ -= tokens;
  {
    const std::scoped_lock lock(mutex_);
    left_[waiting.job.get()] = waiting.tokens;
  }
  if (waiting.next < waiting.job->pairs.size()) return;
  finish(
      std::find_if(queue_.begin(), queue_.end(), [&](const Waiting& w) { return &w == &waiting; }),
      JobEnd::kScored);
}

void MicroBatcher::finish(Queue::iterator waiting, JobEnd end) {
  queued_tokens_ -= waiting->tokens;
  --queued_jobs_;
  const std::shared_ptr<Job> job = std::move(waiting->job);
  queue_.erase(waiting);
  {
    const std::scoped_lock lock(mutex_);
    left_.erase(job.get());
  }
  job->end = end;
  job->finished(*job);
}

// Two forward passes of eight pairs: the first one warms caches up and touches the weights.
Result<void> MicroBatcher::self_test() {
  const std::vector<TextPair> pairs(8, TextPair{kTestQuery, kTestDocument});
  const bool first = throughput() == 0;
  if (first) CR_TRY(encoder_->predict(pairs));
  const auto start = Clock::now();
  CR_TRY(encoder_->predict(pairs));
  const auto now = Clock::now();
  if (first) {
    const double seconds = std::chrono::duration<double>(now - start).count();
    const auto tokens = static_cast<double>(estimated_tokens(pairs.front(), {}) * pairs.size());
    throughput_ = tokens / std::max(seconds, 1e-6);
  }
  last_success_ = now.time_since_epoch().count();
  return {};
}

// Small micro-batches say little of the throughput that a full queue would have.
void MicroBatcher::measure(std::size_t tokens, Clock::duration elapsed) {
  if (tokens < budget_ / 2) return;
  const double seconds = std::max(std::chrono::duration<double>(elapsed).count(), 1e-6);
  throughput_ = (1 - kNewest) * throughput() + kNewest * static_cast<double>(tokens) / seconds;
}

Clock::duration MicroBatcher::expected(std::size_t tokens) const {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(static_cast<double>(tokens) / std::max(throughput(), 1.0)));
}

std::size_t MicroBatcher::estimated_tokens(const Job& job) const {
  std::size_t tokens = 0;
  for (const TextPair& pair : job.pairs) tokens += estimated_tokens(pair, job.rules);
  return tokens;
}

std::size_t MicroBatcher::estimated_tokens(const TextPair& pair, const ScoringRules& rules) const {
  return server::estimated_tokens(pair, rules, encoder_->info().max_length);
}

// From here on nobody's job is scored. The owner is told, and ends the process.
void MicroBatcher::fail_for_good(const Error& error) {
  broken_ = true;
  on_fatal_(error);
  for (bool stopping = false; !stopping;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !submitted_.empty() || !queue_.empty(); });
      take_submitted();
      stopping = stopping_;
    }
    for (Waiting& waiting : queue_) {
      waiting.job->error = {ErrorCode::kInternal, "scoring stopped working: " + error.message};
    }
    end_all(JobEnd::kFailed);
  }
}

}  // namespace crossrank::server
