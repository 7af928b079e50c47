// Judge: which questions are asked, at the same time or not at all, and what their answers make.
#include "judge/judge.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/cancel.h"
#include "base/sha256.h"
#include "base/try.h"
#include "judge/cache.h"
#include "judge/chat_server.h"
#include "judge/conversation.h"
#include "judge/prices.h"
#include "judge/prompt_text.h"

namespace crossrank {

std::string_view to_string(JudgeOutcome outcome) noexcept {
  switch (outcome) {  // no default: a new outcome must be named here
    case JudgeOutcome::kJudged: return "judged";
    case JudgeOutcome::kRepaired: return "repaired";
    case JudgeOutcome::kPartial: return "partial";
    case JudgeOutcome::kRefused: return "refused";
    case JudgeOutcome::kTimeout: return "timeout";
    case JudgeOutcome::kMalformed: return "malformed";
    case JudgeOutcome::kProviderError: return "provider_error";
    case JudgeOutcome::kBudgetExhausted: return "budget_exhausted";
    case JudgeOutcome::kSkippedConfident: return "skipped_confident";
  }
  return "provider_error";
}

}  // namespace crossrank

namespace crossrank::judge {
namespace {

// Runs body(i) for i in [0, count) on at most `threads` threads, this one included; rethrows what
// a body throws. Threads that the system refuses are done without.
void run_each(std::size_t count, std::size_t threads,
              const std::function<void(std::size_t)>& body) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr thrown;
  std::mutex mutex;
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        thrown = std::current_exception();
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    try {
      while (helpers.size() + 1 < std::min(count, threads)) helpers.emplace_back(work);
    } catch (const std::system_error&) {  // fewer, then
    }
    work();
  }
  if (thrown) std::rethrow_exception(thrown);
}

constexpr std::chrono::hours kMaxTimeout{24};  // a longer one is a mistake, and might overflow

Result<void> check_options(const JudgeOptions& options) {
  const auto invalid = [](std::string what) {
    return Error{ErrorCode::kInvalidArgument, std::move(what)};
  };
  if (options.timeout.count() < 1 || options.timeout > kMaxTimeout) {
    return invalid("the judge's timeout must be from 1 ms to 24 hours");
  }
  if (options.concurrency < 1 || options.concurrency > 64) {
    return invalid("the judge's concurrency must be from 1 to 64");
  }
  if (options.document_tokens < 1) return invalid("the judge's document_tokens must be 1 at least");
  constexpr std::size_t kMaxTokens = std::size_t{1} << 30;
  if (options.context_tokens > kMaxTokens || options.answer_tokens > kMaxTokens) {
    return invalid("the judge's token limits must be 2^30 at most");
  }
  if (options.mode == JudgeMode::kPointwise && options.order_bias == OrderBias::kTwoPass) {
    return invalid(
        "two passes average out the order of candidates in one prompt; pointwise "
        "prompts hold one candidate");
  }
  if (options.skip_if_gap && !(*options.skip_if_gap >= 0)) {
    return invalid("skip_if_gap is a difference of logits and must not be negative");
  }
  return check_params(options.params);
}

// Everything that an answer depends on.
std::string cache_key(std::string_view query, std::span<const Candidate> candidates,
                      std::string_view context) {
  base::Sha256 hash;
  const auto add = [&](std::string_view text) {  // with its length: no two lists run together
    hash.update(std::to_string(text.size()) + ":");
    hash.update(text);
  };
  add(kPromptVersion);
  add(query);
  add(context);
  for (const Candidate& candidate : candidates) {
    add(candidate.content);
    add(std::to_string(candidate.metadata.size()));
    for (const Candidate::Field& field : candidate.metadata) {
      add(field.name);
      add(field.value);
    }
  }
  return hash.hex_digest();
}

bool is_complete(JudgeOutcome outcome) {
  return outcome == JudgeOutcome::kJudged || outcome == JudgeOutcome::kRepaired;
}

// The mean of what two passes say of a candidate, or what one says, or nothing.
std::optional<JudgeVerdict> merge(const std::vector<Settled>& passes, std::size_t candidate) {
  std::optional<JudgeVerdict> verdict;
  double first = 0;
  for (const Settled& pass : passes) {
    const auto& rating = pass.ratings[candidate];
    if (!rating) continue;
    if (!verdict) {
      first = rating->relevance;
      verdict = JudgeVerdict{
          .relevance = first, .reason = rating->reason, .chars_cut = pass.chars_cut[candidate]};
    } else {
      verdict->disagreement = std::abs(rating->relevance - first);
      verdict->relevance = (first + rating->relevance) / 2;
    }
  }
  return verdict;
}

}  // namespace

struct Judge::Impl {
  JudgeOptions options;
  std::unique_ptr<const ChatServer> server;
  std::optional<Price> price;
  mutable Learned learned;
  mutable SingleFlightCache<Judgement> cache{0};

  explicit Impl(JudgeOptions given) : options(std::move(given)), cache(options.cache_entries) {}

  // The questions of a ranking. Views `candidates` and the texts. Error: kIoError.
  Result<std::vector<Question>> questions(std::string_view query,
                                          std::span<const Candidate> candidates,
                                          const Terms& terms) const {
    std::vector<Question> out;
    if (options.mode == JudgeMode::kPointwise) {
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        CR_TRY_ASSIGN(Deal dealt, deal(1, options.seed));
        out.push_back({.query = query,
                       .context = terms.context,
                       .candidates = candidates.subspan(i, 1),
                       .documents = 1,
                       .deal = std::move(dealt),
                       .logprobs = true});
      }
      return out;
    }
    CR_TRY_ASSIGN(Deal dealt, deal(candidates.size(), options.seed));
    out.push_back({.query = query,
                   .context = terms.context,
                   .candidates = candidates,
                   .documents = std::max(candidates.size(), terms.documents),
                   .deal = std::move(dealt)});
    if (options.order_bias == OrderBias::kTwoPass) {
      Question second = out.front();
      CR_TRY_ASSIGN(dealt, deal(0, options.seed ? std::optional(*options.seed + 1) : std::nullopt));
      second.deal.fence = std::move(dealt.fence);
      std::reverse(second.deal.order.begin(), second.deal.order.end());
      out.push_back(std::move(second));
    }
    return out;
  }

  // Asks; the one place where calls are counted into a report.
  Judgement ask(std::string_view query, std::span<const Candidate> candidates, const Terms& terms,
                Clock::time_point deadline) const {
    const auto asked = questions(query, candidates, terms);
    if (!asked.ok()) return without_call(JudgeOutcome::kProviderError, asked.error().message);
    std::vector<Settled> settled(asked->size());
    Round round{.deadline = deadline, .cancel = terms.cancel, .traceparent = terms.traceparent};
    // The budget is that of all questions: when it has run out on one, nothing is left for others.
    // Two passes begin at the same time, and the second may still end in it.
    std::atomic<bool> late{false};
    run_each(asked->size(), options.concurrency, [&](std::size_t i) {
      const Question& question = (*asked)[i];
      if (late) {
        settled[i] = not_asked(question);
        return;
      }
      settled[i] = settle(question, options, *server, learned, round);
      if (options.mode == JudgeMode::kPointwise && settled[i].outcome == JudgeOutcome::kTimeout) {
        late = true;
      }
    });
    if (options.mode == JudgeMode::kPointwise) settled = {gather(settled)};
    return conclude(settled, candidates.size(), std::max(candidates.size(), terms.documents));
  }

  // What asking took, and of which server, added to `sum`.
  static void add_account(Settled& sum, const Settled& one) {
    sum.calls += one.calls;
    sum.unmetered_calls += one.unmetered_calls;
    sum.usage.add(one.usage);
    sum.query_chars_cut = std::max(sum.query_chars_cut, one.query_chars_cut);
    sum.context_chars_cut = std::max(sum.context_chars_cut, one.context_chars_cut);
    if (!one.model.empty()) sum.model = one.model;
    if (one.format) sum.format = one.format;
  }

  // The answers of a pointwise ranking as one.
  static Settled gather(std::vector<Settled>& each) {
    Settled all;
    for (Settled& one : each) {
      add_account(all, one);
      all.ratings.push_back(std::move(one.ratings.front()));
      all.chars_cut.push_back(one.chars_cut.front());
      all.metadata_cut.push_back(one.metadata_cut.front());
      if (is_complete(all.outcome) && !is_complete(one.outcome)) {
        all.outcome = one.outcome;
        all.message = one.message;
      } else if (all.outcome == JudgeOutcome::kJudged) {
        all.outcome = one.outcome;  // at most kRepaired
      }
    }
    return all;
  }

  // `documents` are the candidates and those behind them that nobody was asked about.
  Judgement conclude(const std::vector<Settled>& passes, std::size_t candidates,
                     std::size_t documents) const {
    Settled sum;
    const Settled* failed = nullptr;  // the first that is not complete
    bool repaired = false;
    for (const Settled& pass : passes) {
      add_account(sum, pass);
      repaired = repaired || pass.outcome == JudgeOutcome::kRepaired;
      if (failed == nullptr && !is_complete(pass.outcome)) failed = &pass;
    }
    Judgement out = without_call(repaired ? JudgeOutcome::kRepaired : JudgeOutcome::kJudged);
    JudgeReport& report = out.report;
    report.calls = sum.calls;
    report.prompt_tokens = sum.usage.prompt_tokens;
    report.completion_tokens = sum.usage.completion_tokens;
    if (price && sum.unmetered_calls == 0) report.cost = price->of(sum.usage);
    if (!sum.model.empty()) report.model = sum.model;
    if (sum.format) report.response_format = to_string(*sum.format);
    report.query_chars_cut = sum.query_chars_cut;
    report.context_chars_cut = sum.context_chars_cut;

    out.verdicts.resize(candidates);
    std::size_t rated = 0, disagreeing = 0;
    double disagreement = 0;
    for (std::size_t i = 0; i < candidates; ++i) {
      out.verdicts[i] = merge(passes, i);
      report.cut_documents += std::any_of(passes.begin(), passes.end(), [&](const Settled& pass) {
        return pass.chars_cut[i] > 0 || pass.metadata_cut[i];
      });
      if (!out.verdicts[i]) continue;
      ++rated;
      if (out.verdicts[i]->disagreement) {
        ++disagreeing;
        disagreement += *out.verdicts[i]->disagreement;
      }
    }
    if (disagreeing > 0) report.disagreement = disagreement / static_cast<double>(disagreeing);
    if (failed == nullptr) return out;
    report.message = failed->message;
    if (2 * rated >= documents) {
      report.outcome = JudgeOutcome::kPartial;
      return out;
    }
    report.outcome = failed->outcome;
    for (auto& verdict : out.verdicts) verdict.reset();
    return out;
  }

  Judgement without_call(JudgeOutcome outcome, std::string message = "") const {
    Judgement out;
    out.report.outcome = outcome;
    out.report.message = std::move(message);
    out.report.model = options.model;
    out.report.prompt_version = kPromptVersion;
    return out;
  }

  // What becomes of a ranking that nobody need be asked about; empty where somebody must be.
  std::optional<Judgement> settled_unasked(std::size_t candidates, std::size_t documents) const {
    if (candidates == 0) return without_call(JudgeOutcome::kJudged);
    if (2 * candidates >= documents) return {};
    return without_call(JudgeOutcome::kBudgetExhausted,
                        "Only " + std::to_string(candidates) + " of " + std::to_string(documents) +
                            " documents can be judged at a time, too few.");
  }
};

Judge::Judge(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Judge::Judge(Judge&&) noexcept = default;
Judge& Judge::operator=(Judge&&) noexcept = default;
Judge::~Judge() = default;

Result<Judge> Judge::create(JudgeOptions options) {
  CR_TRY(check_options(options));
  auto impl = std::make_unique<Impl>(std::move(options));
  CR_TRY_ASSIGN(impl->server, ChatServer::create(impl->options));
  if (!impl->options.price_file.empty()) {
    CR_TRY_ASSIGN(impl->price, load_price(impl->options.price_file, impl->options.model));
  }
  return Judge(std::move(impl));
}

Result<Judgement> Judge::judge(std::string_view query, std::span<const Candidate> candidates,
                               const Terms& terms) const {
  if (!ChatServer::is_header_value(terms.traceparent)) {
    return Error{
        ErrorCode::kInvalidArgument,
        "traceparent holds a character that no header may: leave it out, or give W3C's form"};
  }
  const auto start = Clock::now();
  const Clock::time_point deadline = start + terms.budget;
  std::optional<Judgement> out = impl_->settled_unasked(candidates.size(), terms.documents);
  if (!out) {
    auto found = impl_->cache.get(
        cache_key(query, candidates, terms.context), deadline,
        [&] { return base::is_cancelled(terms.cancel); },
        [&] { return impl_->ask(query, candidates, terms, deadline); },
        [](const Judgement& made) { return is_complete(made.report.outcome); });
    out = std::move(found.value);
    if (found.cached) {  // nothing was spent this time
      out->report.cached = true;
      out->report.calls = out->report.prompt_tokens = out->report.completion_tokens = 0;
      if (impl_->price) out->report.cost = 0;
    }
    // What is remembered are the candidates' verdicts, whatever stood behind them.
    if (candidates.size() < terms.documents && is_complete(out->report.outcome)) {
      out->report.outcome = JudgeOutcome::kPartial;
      out->report.message = "The judge was shown the first " + std::to_string(candidates.size()) +
                            " of " + std::to_string(terms.documents) + " documents.";
    }
  }
  if (base::is_cancelled(terms.cancel)) {
    return Error{ErrorCode::kCancelled, "judging was cancelled by the caller"};
  }
  out->report.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
  return *std::move(out);
}

Result<std::vector<JudgeExchange>> Judge::dry_run(std::string_view query,
                                                  std::span<const Candidate> candidates,
                                                  const Terms& terms) const {
  std::vector<JudgeExchange> out;
  if (impl_->settled_unasked(candidates.size(), terms.documents)) return out;
  CR_TRY_ASSIGN(const std::vector<Question> asked, impl_->questions(query, candidates, terms));
  for (const Question& question : asked) {
    const std::string body = first_request(question, impl_->options, impl_->learned);
    if (!body.empty()) out.push_back(impl_->server->describe(body));
  }
  return out;
}

Judgement Judge::without_call(JudgeOutcome outcome, std::string message) const {
  return impl_->without_call(outcome, std::move(message));
}

const JudgeOptions& Judge::options() const { return impl_->options; }

}  // namespace crossrank::judge
