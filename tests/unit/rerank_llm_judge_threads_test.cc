// One LlmJudge and many threads: every ranking is right, and there is no race for ThreadSanitizer.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crossrank/rerankers.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_chat.h"
#include "tests/support/judge_rank.h"

namespace crossrank {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

// Three requests are refused, each in one of the ways that make a judge remember something.
FakeChat::Step thrice_refused() {
  const auto count = std::make_shared<std::atomic<int>>(0);
  return [count](const JudgeHttpRequest& request) {
    const int n = ++*count;
    if (n == 5) return status(400, "no json_schema");
    if (n == 10) return status(400, "no logprobs");
    if (n == 15) return JudgeHttpReply{.status = 429, .retry_after = "0.01"};
    return kByNumber(request);
  };
}

void rank_in_threads(const LlmJudge& judge, int threads, int rounds) {
  std::vector<std::jthread> callers;
  for (int t = 0; t < threads; ++t) {
    callers.emplace_back([&judge, t, rounds] {
      for (int round = 0; round < rounds; ++round) {
        const std::string query = "query " + std::to_string(t) + "." + std::to_string(round);
        const auto ranking = judge.rank(query, documents(5));
        ASSERT_TRUE(ranking.ok());
        EXPECT_EQ(to_string(ranking->judge.outcome), "judged") << ranking->judge.message;
        EXPECT_THAT(order(*ranking), ElementsAre(4, 3, 2, 1, 0));
      }
    });
  }
}

TEST(LlmJudgeThreads, PointwiseTwoPassAndListwise) {
  for (const auto& [mode, bias] : {std::pair{JudgeMode::kPointwise, OrderBias::kIgnore},
                                   std::pair{JudgeMode::kListwise, OrderBias::kTwoPass},
                                   std::pair{JudgeMode::kListwise, OrderBias::kIgnore}}) {
    const FakeChat chat({thrice_refused()});
    JudgeOptions options = options_of(chat);
    options.mode = mode;
    options.order_bias = bias;
    options.cache_entries = 8;
    std::size_t traced = 0;  // by one thread at a time
    options.trace = [&](const JudgeExchange&) { ++traced; };
    const LlmJudge judge = LlmJudge::create(options).value();
    rank_in_threads(judge, 6, 5);
    EXPECT_EQ(traced, chat.requests().size());
  }
}

TEST(LlmJudgeThreads, EqualQuestionsAreAskedOnce) {
  const FakeChat chat({[](const JudgeHttpRequest& request) {
    std::this_thread::sleep_for(200ms);
    return kByNumber(request);
  }});
  JudgeOptions options = options_of(chat);
  options.cache_entries = 8;
  const LlmJudge judge = LlmJudge::create(options).value();
  std::atomic<int> cached{0};
  std::vector<std::jthread> callers;
  for (int t = 0; t < 8; ++t) {
    callers.emplace_back([&] {
      const JudgedRanking ranking = judge.rank("query", documents(5)).value();
      EXPECT_THAT(order(ranking), ElementsAre(4, 3, 2, 1, 0));
      cached += ranking.judge.cached;
    });
  }
  callers.clear();
  EXPECT_EQ(chat.requests().size(), 1u);
  EXPECT_EQ(cached, 7);
}

TEST(LlmJudgeThreads, WhoWaitedForAFailureAsksAtOnce) {
  const FakeChat chat({[](const JudgeHttpRequest&) {
    std::this_thread::sleep_for(200ms);
    return status(500);
  }});
  JudgeOptions options = options_of(chat);
  options.cache_entries = 8;
  const LlmJudge judge = LlmJudge::create(options).value();
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::jthread> callers;
  for (int t = 0; t < 6; ++t) {
    callers.emplace_back([&] {
      EXPECT_EQ(judge.rank("query", documents(5)).value().judge.outcome,
                JudgeOutcome::kProviderError);
    });
  }
  callers.clear();
  EXPECT_EQ(chat.requests().size(), 6u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
}

TEST(LlmJudgeThreads, ACancelEndsItsOwnCallAlone) {
  std::atomic<int> arrived{0};
  std::atomic<bool> go_on{false};
  const FakeChat chat({[&](const JudgeHttpRequest& request) {
    ++arrived;
    while (!go_on && !(request.cancel != nullptr && *request.cancel)) {
      std::this_thread::sleep_for(1ms);
    }
    return kByNumber(request);
  }});
  JudgeOptions options = options_of(chat);
  options.mode = JudgeMode::kPointwise;
  options.concurrency = 2;
  const LlmJudge judge = LlmJudge::create(options).value();
  std::atomic<bool> cancel{false};
  {
    std::jthread cancelled([&] {
      EXPECT_EQ(error_of(judge.rank("one", documents(5), {.cancel = &cancel})).code,
                ErrorCode::kCancelled);
    });
    std::jthread other([&] {
      EXPECT_EQ(judge.rank("two", documents(5)).value().judge.outcome, JudgeOutcome::kJudged);
    });
    while (arrived < 4) std::this_thread::yield();  // two of each
    cancel = true;
    cancelled.join();
    EXPECT_EQ(arrived, 4);  // none follows
    go_on = true;
  }
  EXPECT_EQ(arrived, 2 + 5);
}

}  // namespace
}  // namespace crossrank
