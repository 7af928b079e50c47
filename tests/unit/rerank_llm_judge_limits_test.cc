// LlmJudge at its limits: too many documents, too little room or time, servers that want less.
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crossrank/rerankers.h"
#include "tests/support/fake_chat.h"
#include "tests/support/judge_rank.h"

namespace crossrank {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

std::size_t judged(const Ranking& ranking) {
  return static_cast<std::size_t>(std::count_if(ranking.results.begin(), ranking.results.end(),
                                                [](const auto& r) { return r.judge.has_value(); }));
}

// Documents.

TEST(LlmJudgeLimits, MoreThanItTakesMakeACompleteAnswerPartial) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.context_tokens = 100'000;
  for (const JudgeMode mode : {JudgeMode::kListwise, JudgeMode::kPointwise}) {
    options.mode = mode;
    for (const std::size_t n : {99, 100, 198}) {
      const JudgedRanking ranking = rank(n, options);
      EXPECT_EQ(to_string(ranking.judge.outcome), n == 99 ? "judged" : "partial") << n;
      EXPECT_EQ(ranking.judge.degraded, n > 99);
      EXPECT_EQ(ranking.results.size(), n);
      EXPECT_EQ(judged(ranking), 99u);
      if (n > 99) {
        EXPECT_THAT(ranking.judge.message, HasSubstr("first 99 of " + std::to_string(n)));
        EXPECT_EQ(ranking.results[99].index, 99u);
        EXPECT_EQ(ranking.results[99].stage, Stage::kBackfill);
      }
    }
  }
}

TEST(LlmJudgeLimits, WhereLessThanHalfCanBeJudgedNobodyIsAsked) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.context_tokens = 100'000;
  for (const JudgeMode mode : {JudgeMode::kListwise, JudgeMode::kPointwise}) {
    options.mode = mode;
    const JudgedRanking ranking = rank(199, options);
    EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kBudgetExhausted);
    EXPECT_TRUE(ranking.judge.degraded);
    EXPECT_EQ(ranking.judge.message, "Only 99 of 199 documents can be judged at a time, too few.");
    EXPECT_EQ(ranking.judge.model, "m");
    EXPECT_EQ(order(ranking).front(), 0u);
    EXPECT_EQ(order(ranking).back(), 198u);
    EXPECT_THAT(LlmJudge::create(options).value().dry_run("q", documents(199)).value(), IsEmpty());
  }
  EXPECT_THAT(chat.requests(), IsEmpty());
}

TEST(LlmJudgeLimits, HalfIsHalfOfAllDocuments) {
  for (const int rated : {64, 65}) {
    const FakeChat chat(
        {rates([&](const std::string& c) { return number_in(c) < rated ? 5 : -1; })});
    JudgeOptions options = options_of(chat);
    options.context_tokens = 100'000;
    const JudgedRanking ranking = rank(130, options);
    EXPECT_EQ(to_string(ranking.judge.outcome), rated == 65 ? "partial" : "malformed");
    EXPECT_EQ(judged(ranking), rated == 65 ? 65u : 0u);
  }
}

TEST(LlmJudgeLimits, TheCacheRemembersVerdictsWhateverStandsBehind) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.context_tokens = 100'000;
  options.cache_entries = 4;
  const LlmJudge judge = LlmJudge::create(options).value();
  EXPECT_EQ(judge.rank("q", documents(130)).value().judge.outcome, JudgeOutcome::kPartial);
  const JudgedRanking again = judge.rank("q", documents(130)).value();
  EXPECT_TRUE(again.judge.cached);
  EXPECT_EQ(again.judge.outcome, JudgeOutcome::kPartial);
  const JudgedRanking fewer = judge.rank("q", documents(99)).value();
  EXPECT_TRUE(fewer.judge.cached);
  EXPECT_EQ(fewer.judge.outcome, JudgeOutcome::kJudged);
  EXPECT_EQ(fewer.judge.message, "");
  EXPECT_EQ(chat.requests().size(), 1u);
}

// Room.

TEST(LlmJudgeLimits, WhatTheJudgeDoesNotSeeIsTheFirstStagesLast) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.context_tokens = 3400;
  options.answer_tokens = 100;
  for (const OrderBias bias : {OrderBias::kIgnore, OrderBias::kTwoPass}) {
    options.order_bias = bias;
    const JudgedRanking ranking = rank(40, options);
    EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kPartial);
    EXPECT_THAT(ranking.judge.message, HasSubstr("Not all candidates fit"));
    const std::size_t shown = judged(ranking);
    EXPECT_GE(shown, 20u);
    EXPECT_LT(shown, 40u);
    for (const RankedDocument& result : ranking.results) {
      EXPECT_EQ(result.judge.has_value(), result.index < shown) << result.index << " of " << shown;
    }
  }
}

TEST(LlmJudgeLimits, GreedyMetadataIsCutAndReported) {
  const FakeChat chat({kByNumber});
  std::vector<Document> list = documents(10);
  std::string emoji;
  for (int i = 0; i < 100; ++i) emoji += "\U0001F600";
  for (int i = 0; i < 20; ++i) list[3].metadata.push_back({"name " + std::to_string(i), {emoji}});
  list[4].metadata = {{"year", {1969}}};
  const JudgedRanking ranking = LlmJudge::create(options_of(chat)).value().rank("q", list).value();
  EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kJudged);
  EXPECT_EQ(ranking.judge.cut_documents, 1u);
  for (const RankedDocument& result : ranking.results) EXPECT_EQ(result.judge->chars_cut, 0u);
}

// Time.

TEST(LlmJudgeLimits, NoTimeOverflows) {
  using std::chrono::milliseconds;
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.timeout = 24h;
  const LlmJudge judge = LlmJudge::create(options).value();
  for (const milliseconds deadline : {milliseconds::max(), milliseconds(1LL << 53)}) {
    for (const milliseconds spent : {0ms, milliseconds::min()}) {
      const JudgeCall call{.deadline = deadline, .spent = spent};
      EXPECT_EQ(judge.rank("q", documents(3), call).value().judge.outcome, JudgeOutcome::kJudged);
      EXPECT_GT(chat.requests().back().timeout, 23h);
      EXPECT_LE(chat.requests().back().timeout, 24h);
    }
    const JudgeCall late{.deadline = deadline, .spent = milliseconds::max()};
    EXPECT_EQ(judge.rank("q", documents(3), late).value().judge.outcome,
              JudgeOutcome::kBudgetExhausted);
  }
  const JudgeCall unlimited{.deadline = milliseconds::min(), .spent = milliseconds::min()};
  EXPECT_EQ(judge.rank("q", documents(3), unlimited).value().judge.outcome, JudgeOutcome::kJudged);
}

// Servers that want fewer requests.

JudgeHttpReply too_many(const char* retry_after) {
  return {.status = 429, .body = R"({"error":"slow down"})", .retry_after = retry_after};
}

// Takes a request when `window` has passed since it took the last one.
FakeChat::Step one_in(std::chrono::milliseconds window, const char* retry_after) {
  struct State {
    std::mutex mutex;
    std::chrono::steady_clock::time_point next;
  };
  const auto state = std::make_shared<State>();
  return [=](const JudgeHttpRequest& request) {
    const std::lock_guard lock(state->mutex);
    const auto now = std::chrono::steady_clock::now();
    if (now < state->next) return too_many(retry_after);
    state->next = now + window;
    return kByNumber(request);
  };
}

// Takes one request at a time.
FakeChat::Step one_at_a_time(std::chrono::milliseconds each) {
  const auto mutex = std::make_shared<std::mutex>();
  return [=](const JudgeHttpRequest& request) {
    const std::unique_lock lock(*mutex, std::try_to_lock);
    if (!lock.owns_lock()) return too_many("");
    std::this_thread::sleep_for(each);
    return kByNumber(request);
  };
}

TEST(LlmJudgeLimits, ARateLimitCostsTimeAndNoRatings) {
  for (const auto& server : {one_in(100ms, "0.3"), one_at_a_time(50ms)}) {
    const FakeChat chat({server});
    JudgeOptions options = options_of(chat);
    options.mode = JudgeMode::kPointwise;
    const JudgedRanking ranking = rank(6, options);
    EXPECT_EQ(to_string(ranking.judge.outcome), "judged") << ranking.judge.message;
    EXPECT_EQ(ranking.judge.calls, chat.requests().size());
    EXPECT_LE(ranking.judge.calls, 18u);  // none is sent more than three times
  }
}

// A slow request from before the pause makes the server refuse the first one after it.
TEST(LlmJudgeLimits, ARefusalForAnothersSakeDoesNotCount) {
  std::mutex mutex;
  std::size_t calls = 0;
  bool slow_one_is_under_way = false;
  const FakeChat chat({[&](const JudgeHttpRequest& request) {
    bool slow = false;
    {
      const std::lock_guard lock(mutex);
      slow = ++calls == 1;
      if (slow) slow_one_is_under_way = true;
      if (!slow && slow_one_is_under_way) return too_many("0.05");
    }
    if (slow) {
      std::this_thread::sleep_for(80ms);  // over the end of the pause
      const std::lock_guard lock(mutex);
      slow_one_is_under_way = false;
    }
    return kByNumber(request);
  }});
  JudgeOptions options = options_of(chat);
  options.mode = JudgeMode::kPointwise;
  options.concurrency = 2;
  const JudgedRanking ranking = rank(4, options);
  EXPECT_EQ(to_string(ranking.judge.outcome), "judged") << ranking.judge.message;
}

TEST(LlmJudgeLimits, NoneIsSentBeforeTheTimeThatTheServerNamed) {
  const auto start = std::chrono::steady_clock::now();
  std::mutex mutex;
  std::vector<std::chrono::steady_clock::duration> times;
  const FakeChat chat({[&](const JudgeHttpRequest& request) {
    const std::lock_guard lock(mutex);
    times.push_back(std::chrono::steady_clock::now() - start);
    return times.size() == 1 ? too_many("0.4") : kByNumber(request);
  }});
  JudgeOptions options = options_of(chat);
  options.mode = JudgeMode::kPointwise;
  options.concurrency = 2;  // two may have been sent by then
  EXPECT_EQ(rank(6, options).judge.outcome, JudgeOutcome::kJudged);
  ASSERT_EQ(times.size(), 7u);
  for (std::size_t i = 2; i < times.size(); ++i) EXPECT_GE(times[i], times[0] + 395ms) << i;
}

TEST(LlmJudgeLimits, AServerThatTakesNothingIsNotAskedOnAndOn) {
  for (const std::size_t concurrency : {1, 4}) {
    const FakeChat chat({always(too_many("0.05"))});
    JudgeOptions options = options_of(chat);
    options.mode = JudgeMode::kPointwise;
    options.concurrency = concurrency;
    const JudgedRanking ranking = rank(10, options);
    EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kProviderError);
    EXPECT_THAT(ranking.judge.message, HasSubstr("HTTP 429: slow down"));
    EXPECT_LE(ranking.judge.calls, 2 * concurrency);
  }
}

TEST(LlmJudgeLimits, AWaitThatLeavesNoTimeIsNotWaited) {
  for (const char* retry_after : {"", "3600", "1e300", "0.29"}) {
    for (const JudgeMode mode : {JudgeMode::kListwise, JudgeMode::kPointwise}) {
      const FakeChat chat({always(too_many(retry_after)), kByNumber});
      JudgeOptions options = options_of(chat);
      options.timeout = 300ms;
      options.mode = mode;
      options.concurrency = 1;
      const JudgedRanking ranking = rank(4, options);
      EXPECT_EQ(to_string(ranking.judge.outcome), "budget_exhausted") << retry_after;
      EXPECT_EQ(ranking.judge.calls, 1u);
      EXPECT_LT(ranking.judge.elapsed, 200ms);
      EXPECT_THAT(ranking.judge.message, HasSubstr("HTTP 429: slow down"));
    }
  }
}

// Formats.

TEST(LlmJudgeLimits, AnUnrelatedRefusalTeachesNothing) {
  for (const JudgeHttpReply& refusal :
       {status(400, R"({"error":{"message":"unknown model"}})"), status(422), status(501)}) {
    const FakeChat chat({always(refusal), kByNumber});
    const LlmJudge judge = LlmJudge::create(options_of(chat)).value();
    const JudgeReport first = judge.rank("q", documents(3)).value().judge;
    EXPECT_EQ(first.outcome, JudgeOutcome::kJudged);
    EXPECT_EQ(first.response_format, "json_object");  // it may have been the format
    EXPECT_EQ(judge.rank("q", documents(3)).value().judge.response_format, "json_schema");
  }
}

TEST(LlmJudgeLimits, ARefusalOfTheFormatIsRemembered) {
  for (const char* said : {"no response_format", "Invalid SCHEMA for ratings", "bad grammar"}) {
    const FakeChat chat({always(status(400, said)), kByNumber});
    const LlmJudge judge = LlmJudge::create(options_of(chat)).value();
    (void)judge.rank("q", documents(3)).value();
    const JudgeReport second = judge.rank("q", documents(3)).value().judge;
    EXPECT_EQ(second.response_format, "json_object") << said;
    EXPECT_EQ(second.calls, 1u);
  }
}

TEST(LlmJudgeLimits, OneStepThatWasRefusedIsNotTwo) {
  const FakeChat chat({always(status(400, "no json_schema")), always(status(400)), kByNumber});
  const LlmJudge judge = LlmJudge::create(options_of(chat)).value();
  EXPECT_EQ(judge.rank("q", documents(3)).value().judge.response_format, "text");
  EXPECT_EQ(judge.rank("q", documents(3)).value().judge.response_format, "json_object");
}

TEST(LlmJudgeLimits, ABodyThatIsTooLargeIsNotSentAgain) {
  const FakeChat chat({always(status(413, "schema too large")), kByNumber});
  const LlmJudge judge = LlmJudge::create(options_of(chat)).value();
  const JudgeReport report = judge.rank("q", documents(3)).value().judge;
  EXPECT_EQ(report.outcome, JudgeOutcome::kProviderError);
  EXPECT_EQ(report.calls, 1u);
  EXPECT_EQ(judge.rank("q", documents(3)).value().judge.response_format, "json_schema");
}

}  // namespace
}  // namespace crossrank
