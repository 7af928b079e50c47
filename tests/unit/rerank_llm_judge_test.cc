// LlmJudge over a scripted transport: outcomes, calls, order, limits, cache, cost.
#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "crossrank/rerankers.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_chat.h"
#include "tests/support/judge_rank.h"
#include "tests/support/temp_folder.h"

namespace crossrank {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

TEST(LlmJudge, OrdersByRelevanceThenByTheGivenOrder) {
  const FakeChat chat({rates([](const std::string& c) { return number_in(c) % 3; })});
  const JudgedRanking ranking = rank(chat);
  EXPECT_THAT(order(ranking), ElementsAre(2, 5, 1, 4, 0, 3));
  EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kJudged);
  EXPECT_FALSE(ranking.judge.degraded);
  EXPECT_EQ(ranking.judge.calls, 1u);
  EXPECT_EQ(ranking.judge.prompt_tokens, 100u);
  EXPECT_EQ(ranking.judge.response_format, "json_schema");
  EXPECT_EQ(ranking.judge.model, "fake-1");
  EXPECT_EQ(ranking.results[0].stage, Stage::kJudge);
  EXPECT_EQ(ranking.results[0].judge->relevance, 2);
  EXPECT_EQ(ranking.results[0].judge->reason, "because");
  EXPECT_EQ(ranking.results[0].first_stage_rank, 3u);
  EXPECT_EQ(ranking.results[0].id, "d2");
  EXPECT_TRUE(std::isnan(ranking.results[0].logit));
}

// What a script of answers comes to.
struct Case {
  const char* name;
  std::vector<FakeChat::Step> script;
  JudgeOutcome outcome;
  std::size_t calls;
  std::vector<std::size_t> order;  // of 4 documents
  const char* format;
  const char* message;
};

const FakeChat::Step kHalf =
    rates([](const std::string& c) { return number_in(c) < 2 ? -1 : number_in(c); });
const FakeChat::Step kQuarter =
    rates([](const std::string& c) { return number_in(c) < 3 ? -1 : number_in(c); });

std::vector<Case> cases() {
  using enum JudgeOutcome;
  const auto refuse_format = always(status(400, R"({"error":{"message":"no response_format"}})"));
  const std::vector<std::size_t> judged = {3, 2, 1, 0};
  const std::vector<std::size_t> given = {0, 1, 2, 3};
  return {
      {"good", {kByNumber}, kJudged, 1, judged, "json_schema", ""},
      {"prose",
       {[](const JudgeHttpRequest& r) {
         const auto body = json::parse(kByNumber(r).body).value();
         return says("Sure!\n```\n" + body["choices"][0]["message"]["content"].get<std::string>() +
                     "\n```");
       }},
       kJudged,
       1,
       judged,
       "json_schema",
       ""},
      {"object", {refuse_format, kByNumber}, kJudged, 2, judged, "json_object", ""},
      {"text", {refuse_format, refuse_format, kByNumber}, kJudged, 3, judged, "text", ""},
      {"no format", {refuse_format}, kProviderError, 3, given, "", "HTTP 400: no response_format"},
      {"repaired", {kQuarter, kByNumber}, kRepaired, 2, judged, "json_schema", ""},
      {"repaired from nothing",
       {always(says("sorry")), kByNumber},
       kRepaired,
       2,
       judged,
       "json_schema",
       ""},
      {"repaired from no JSON",
       {always(status(200, "<html>")), kByNumber},
       kRepaired,
       2,
       judged,
       "json_schema",
       ""},
      {"half", {kHalf}, kPartial, 2, {3, 2, 0, 1}, "json_schema", "no valid rating for 2 of 4"},
      {"quarter", {kQuarter}, kMalformed, 2, given, "json_schema", "no valid rating for 3 of 4"},
      {"length",
       {always(says("{\"c01\"", "length"))},
       kMalformed,
       2,
       given,
       "json_schema",
       "token limit"},
      {"refusal",
       {always(status(200, R"({"choices":[{"message":{"refusal":"no"}}]})"))},
       kRefused,
       1,
       given,
       "json_schema",
       "refused"},
      {"filtered",
       {always(says("", "content_filter"))},
       kRefused,
       1,
       given,
       "json_schema",
       "refused"},
      {"late",
       {always({.status = 0, .error = "x", .timed_out = true})},
       kTimeout,
       1,
       given,
       "",
       "in time"},
      {"late repair",
       {kHalf, always({.status = 0, .error = "x", .timed_out = true})},
       kPartial,
       2,
       {3, 2, 0, 1},
       "json_schema",
       "in time"},
      {"unreachable",
       {always({.status = 0, .error = "connection refused"})},
       kProviderError,
       1,
       given,
       "",
       "connection refused"},
      {"401",
       {always(status(401, R"({"error":{"message":"bad key"}})"))},
       kProviderError,
       1,
       given,
       "",
       "HTTP 401: bad key"},
      {"500", {always(status(500))}, kProviderError, 1, given, "", "HTTP 500"},
      {"500 of a grammar",
       {always(status(500, "failed to parse grammar"))},
       kProviderError,
       3,
       given,
       "",
       "grammar"},
      {"429", {always(status(429)), kByNumber}, kJudged, 2, judged, "json_schema", ""},
      {"429 twice", {always(status(429))}, kProviderError, 2, given, "", "HTTP 429"},
      {"429 for long",
       {always({.status = 429, .retry_after = "3600"})},
       kBudgetExhausted,
       1,
       given,
       "",
       "longer wait"},
      {"503",
       {always({.status = 503, .retry_after = "0.01"}), kByNumber},
       kJudged,
       2,
       judged,
       "json_schema",
       ""},
      {"error in a 200",
       {always(status(200, R"({"error":{"message":"overloaded"}})"))},
       kProviderError,
       1,
       given,
       "",
       "overloaded"},
      {"too large",
       {always({.status = 200, .error = "larger than 1 MB"})},
       kMalformed,
       1,
       given,
       "",
       "1 MB"},
      {"too long",
       {always(status(400, R"({"error":{"message":"maximum context length is 9"}})")), kByNumber},
       kRepaired,
       2,
       judged,
       "json_schema",
       ""},
      {"too large an error",
       {always({.status = 500, .error = "larger than 1 MB"})},
       kProviderError,
       1,
       given,
       "",
       "HTTP 500: larger than 1 MB"},
      {"half a character",
       {[](const JudgeHttpRequest& r) {
         JudgeHttpReply reply = kByNumber(r);
         reply.body.replace(reply.body.find("because"), 7, R"(\\ud83d)");
         return reply;
       }},
       kJudged,
       1,
       judged,
       "json_schema",
       ""},
      {"redirect", {always(status(302))}, kProviderError, 1, given, "", "HTTP 302"},
  };
}

TEST(LlmJudge, EveryCourseHasItsOutcome) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const FakeChat chat(c.script);
    const JudgedRanking ranking = rank(chat, 4);
    EXPECT_EQ(to_string(ranking.judge.outcome), to_string(c.outcome));
    EXPECT_EQ(ranking.judge.calls, c.calls);
    EXPECT_EQ(chat.requests().size(), c.calls);
    EXPECT_EQ(order(ranking), c.order);
    EXPECT_EQ(ranking.judge.response_format, c.format);
    EXPECT_THAT(ranking.judge.message, HasSubstr(c.message));
    const bool complete =
        c.outcome == JudgeOutcome::kJudged || c.outcome == JudgeOutcome::kRepaired;
    EXPECT_EQ(ranking.judge.degraded, !complete);
    EXPECT_EQ(ranking.judge.message.empty(), complete);
  }
}

TEST(LlmJudge, RemembersWhatTheServerRefuses) {
  const FakeChat chat({always(status(400, "no json_schema")), kByNumber});
  const LlmJudge judge = LlmJudge::create(options_of(chat)).value();
  (void)judge.rank("query", documents(3)).value();
  EXPECT_EQ(judge.rank("query", documents(3)).value().judge.calls, 1u);
  const auto bodies = chat.requests();
  EXPECT_THAT(bodies[0].body, HasSubstr("json_schema"));
  EXPECT_THAT(bodies[2].body, HasSubstr("json_object"));
}

TEST(LlmJudge, ARepairNamesWhatIsMissingAndLeavesRoom) {
  const FakeChat chat({kQuarter, kByNumber});
  (void)rank(chat, 4);
  const auto requests = chat.requests();
  const auto first = json::parse(requests[0].body).value();
  const auto second = json::parse(requests[1].body).value();
  EXPECT_EQ(2 * first["max_completion_tokens"].get<int>(),
            second["max_completion_tokens"].get<int>());
  EXPECT_THAT(user_message(requests[1]), HasSubstr("lacked a valid rating for: c0"));
  EXPECT_THAT(user_message(requests[1]), testing::StartsWith(user_message(requests[0])));
}

TEST(LlmJudge, TimeIsKeptWhateverTheServerDoes) {
  const FakeChat chat({[](const JudgeHttpRequest& request) {
    std::this_thread::sleep_for(request.timeout);
    return JudgeHttpReply{.status = 0, .error = "late", .timed_out = true};
  }});
  JudgeOptions options = options_of(chat);
  options.timeout = 200ms;
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(rank(4, options).judge.outcome, JudgeOutcome::kTimeout);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);

  // Half of the caller's deadline, when that is less.
  options.timeout = 60s;
  const LlmJudge judge = LlmJudge::create(options).value();
  start = std::chrono::steady_clock::now();
  (void)judge.rank("query", documents(4), {.deadline = 300ms}).value();
  const auto spent = std::chrono::steady_clock::now() - start;
  EXPECT_GE(spent, 100ms);
  EXPECT_LT(spent, 1s);
}

TEST(LlmJudge, ACancelledCallIsAnError) {
  std::atomic<bool> cancel{false};
  const FakeChat chat({[&](const JudgeHttpRequest& request) {
    cancel = true;
    EXPECT_EQ(request.cancel, &cancel);
    return JudgeHttpReply{.status = 0, .error = "cancelled"};
  }});
  const LlmJudge judge = LlmJudge::create(options_of(chat)).value();
  EXPECT_EQ(error_of(judge.rank("q", documents(3), {.cancel = &cancel})).code,
            ErrorCode::kCancelled);
}

TEST(LlmJudge, TwoPassesAreAveragedInOppositeOrders) {
  // Says 8 of what it reads first, and 2 of the rest: position is all that it sees.
  const FakeChat chat({[](const JudgeHttpRequest& request) {
    json::Value answer = json::Value::object();
    const std::string prompt = user_message(request);
    for (int place = 1; place <= 4; ++place) {
      answer["c0" + std::to_string(place)] = {{"relevance", place <= 2 ? 8 : 2}, {"reason", ""}};
    }
    return says(json::dump(answer));
  }});
  JudgeOptions options = options_of(chat);
  options.order_bias = OrderBias::kTwoPass;
  const JudgedRanking ranking = rank(4, options);
  EXPECT_EQ(ranking.judge.calls, 2u);
  EXPECT_EQ(ranking.judge.disagreement, 6.0);
  for (const RankedDocument& result : ranking.results) {
    EXPECT_EQ(result.judge->relevance, 5);
    EXPECT_EQ(result.judge->disagreement, 6.0);
  }
  EXPECT_THAT(order(ranking), ElementsAre(0, 1, 2, 3));
}

TEST(LlmJudge, OnePassOfTwoIsPartialButNotDegraded) {
  const FakeChat chat({kByNumber, always(status(500))});
  JudgeOptions options = options_of(chat);
  options.order_bias = OrderBias::kTwoPass;
  options.concurrency = 1;
  const JudgedRanking ranking = rank(4, options);
  EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kPartial);
  EXPECT_FALSE(ranking.judge.degraded);
  EXPECT_THAT(order(ranking), ElementsAre(3, 2, 1, 0));
}

TEST(LlmJudge, PointwiseAsksForEachAndGathers) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.mode = JudgeMode::kPointwise;
  const JudgedRanking ranking = rank(6, options);
  EXPECT_THAT(order(ranking), ElementsAre(5, 4, 3, 2, 1, 0));
  EXPECT_EQ(ranking.judge.calls, 6u);
  EXPECT_EQ(ranking.judge.prompt_tokens, 600u);
  for (const JudgeHttpRequest& request : chat.requests()) {
    EXPECT_THAT(request.body, HasSubstr("\"top_logprobs\":20"));
    EXPECT_THAT(user_message(request), Not(HasSubstr("candidate c02")));
  }
  const FakeChat partly({rates([](const std::string& c) { return number_in(c) < 4 ? 5 : -1; })});
  options.transport = partly.transport();
  const JudgedRanking rest = rank(6, options);
  EXPECT_EQ(rest.judge.outcome, JudgeOutcome::kPartial);
  EXPECT_EQ(rest.results[4].stage, Stage::kBackfill);
}

TEST(LlmJudge, ServersWithoutLogprobsAreAskedWithout) {
  const FakeChat chat({always(status(400, "logprobs are not supported")), kByNumber});
  JudgeOptions options = options_of(chat);
  options.mode = JudgeMode::kPointwise;
  options.concurrency = 1;
  const JudgedRanking ranking = rank(3, options);
  EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kJudged);
  EXPECT_EQ(ranking.judge.response_format, "json_schema");
  EXPECT_EQ(ranking.judge.calls, 4u);  // it is told once
}

TEST(LlmJudge, ParametersAddReplaceAndRemove) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.params = {{"temperature", "0.5"}, {"max_completion_tokens", "null"}, {"top_p", "1"}};
  options.seed = 7;
  (void)rank(3, options);
  const auto body = json::parse(chat.requests()[0].body).value();
  EXPECT_EQ(body["temperature"], 0.5);
  EXPECT_EQ(body["top_p"], 1);
  EXPECT_EQ(body["seed"], 7);
  EXPECT_FALSE(body.contains("max_completion_tokens"));
}

TEST(LlmJudge, TheCacheAsksOnceAndSaysSo) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.cache_entries = 8;
  const LlmJudge judge = LlmJudge::create(options).value();
  const auto first = judge.rank("query", documents(5)).value();
  const auto again = judge.rank("query", documents(5)).value();
  EXPECT_EQ(order(first), order(again));
  EXPECT_TRUE(again.judge.cached);
  EXPECT_EQ(again.judge.calls, 0u);
  EXPECT_EQ(again.judge.prompt_tokens, 0u);
  EXPECT_EQ(chat.requests().size(), 1u);
  (void)judge.rank("query", documents(5), {.context = "for a child"}).value();
  std::vector<Document> other = documents(5);
  other[0].metadata = {{"year", {2024}}};
  (void)judge.rank("query", other).value();
  EXPECT_EQ(chat.requests().size(), 3u);
  // What moves from one text to the next is another question.
  std::vector<Document> ab = documents(2), ba = documents(2);
  ab[0].page_content = "ab";
  ab[1].page_content = "c";
  ba[0].page_content = "a";
  ba[1].page_content = "bc";
  EXPECT_FALSE(judge.rank("q", ab).value().judge.cached);
  EXPECT_FALSE(judge.rank("q", ba).value().judge.cached);
}

TEST(LlmJudge, CostsComeFromTheOperatorsFile) {
  const TempFolder folder;
  const std::string path = (folder.path() / "prices.json").string();
  write_file(path, R"({"m": {"input_per_million": 2, "output_per_million": 30}})");
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.price_file = path;
  EXPECT_DOUBLE_EQ(*rank(3, options).judge.cost, (100 * 2 + 10 * 30) / 1e6);
  options.model = "another";
  EXPECT_THAT(error_of(LlmJudge::create(options)).message, HasSubstr("\"another\""));
  write_file(path, R"({"another": {"input_per_million": -2}})");
  EXPECT_EQ(error_of(LlmJudge::create(options)).code, ErrorCode::kBadInput);
}

TEST(LlmJudge, ACostIsUnknownWhenACallDoesNotSayWhatItTook) {
  const TempFolder folder;
  const std::string path = (folder.path() / "prices.json").string();
  write_file(path, R"({"m": {"input_per_million": 2, "output_per_million": 30}})");
  const auto silent = [](const JudgeHttpRequest& request) {
    auto body = json::parse(kByNumber(request).body).value();
    body.erase("usage");
    return status(200, json::dump(body));
  };
  for (const std::vector<FakeChat::Step>& script : std::vector<std::vector<FakeChat::Step>>{
           {silent},
           {always(status(200, "?")), kByNumber},
           {always({.status = 0, .error = "x", .timed_out = true})},
           {always(status(429)), kByNumber}}) {
    const FakeChat chat(script);
    JudgeOptions options = options_of(chat);
    options.price_file = path;
    EXPECT_FALSE(rank(3, options).judge.cost);
  }
}

TEST(LlmJudge, WhatIsCutOfQueryAndContextIsSaid) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  const std::string text(30000, 'x');
  for (const JudgeMode mode : {JudgeMode::kListwise, JudgeMode::kPointwise}) {
    options.mode = mode;
    const LlmJudge judge = LlmJudge::create(options).value();
    const JudgeReport report = judge.rank(text, documents(3), {.context = text}).value().judge;
    EXPECT_GT(report.query_chars_cut, 20000u);
    EXPECT_GT(report.context_chars_cut, 20000u);
    EXPECT_EQ(judge.rank("query", documents(3)).value().judge.query_chars_cut, 0u);
  }
}

TEST(LlmJudge, NoQuestionFollowsATimeout) {
  const FakeChat chat({kByNumber, always({.status = 0, .error = "x", .timed_out = true})});
  JudgeOptions options = options_of(chat);
  options.mode = JudgeMode::kPointwise;
  options.concurrency = 1;
  const JudgedRanking ranking = rank(6, options);
  EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kTimeout);
  EXPECT_EQ(ranking.judge.calls, 2u);
  EXPECT_EQ(chat.requests().size(), 2u);
}

TEST(LlmJudge, WhatTheCallerHasSpentIsSpent) {
  const FakeChat chat({kByNumber});
  const LlmJudge judge = LlmJudge::create(options_of(chat)).value();
  const auto budget = [&](std::chrono::milliseconds spent) {
    (void)judge.rank("query", documents(2), {.deadline = 4s, .spent = spent}).value();
    return chat.requests().back().timeout;
  };
  EXPECT_GT(budget(1s), 1s);  // half of it is there
  EXPECT_LE(budget(1s), 2s);
  EXPECT_LE(budget(3500ms), 500ms);
  const std::size_t before = chat.requests().size();
  EXPECT_EQ(judge.rank("query", documents(2), {.deadline = 4s, .spent = 5s}).value().judge.outcome,
            JudgeOutcome::kBudgetExhausted);
  EXPECT_EQ(chat.requests().size(), before);
}

TEST(LlmJudge, NothingToJudgeAsksNobody) {
  const FakeChat chat({kByNumber});
  const JudgedRanking none = rank(chat, 0);
  EXPECT_THAT(none.results, IsEmpty());
  EXPECT_EQ(none.judge.outcome, JudgeOutcome::kJudged);
  EXPECT_FALSE(none.judge.degraded);
  EXPECT_EQ(none.judge.calls, 0u);
}

TEST(LlmJudge, MoreThanItTakesAreBackfilled) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.context_tokens = 100000;
  const JudgedRanking ranking = rank(130, options);
  EXPECT_EQ(ranking.results.size(), 130u);
  EXPECT_EQ(ranking.results[98].stage, Stage::kJudge);
  EXPECT_EQ(ranking.results[99].index, 99u);
  EXPECT_EQ(ranking.results[129].index, 129u);
  EXPECT_EQ(ranking.results[129].stage, Stage::kBackfill);
  EXPECT_TRUE(ranking.judge.degraded);
  EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kPartial);
  EXPECT_THAT(ranking.judge.message, HasSubstr("first 99 of 130"));
  options.top_k = 4;
  EXPECT_FALSE(rank(130, options).judge.degraded);
}

TEST(LlmJudge, APromptWithoutRoomIsBudgetExhausted) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.context_tokens = 600;
  const JudgedRanking ranking = rank(4, options);
  EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kBudgetExhausted);
  EXPECT_EQ(ranking.judge.calls, 0u);
  EXPECT_THAT(ranking.judge.message, HasSubstr("context_tokens"));
  // Room for fewer than half of them is none: nobody is asked, and a dry run shows that.
  options.context_tokens = 3200;
  options.answer_tokens = 1000;
  const JudgedRanking many = rank(99, options);
  EXPECT_EQ(many.judge.outcome, JudgeOutcome::kBudgetExhausted);
  EXPECT_EQ(many.judge.calls, 0u);
  EXPECT_THAT(many.judge.message,
              testing::ContainsRegex("Only [1-9][0-9]* of 99 .*context_tokens"));
  EXPECT_THAT(LlmJudge::create(options).value().dry_run("q", documents(99)).value(), IsEmpty());
}

TEST(LlmJudge, ADryRunIsTheRequest) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.seed = 11;
  for (const auto& [mode, bias, requests] :
       std::vector<std::tuple<JudgeMode, OrderBias, std::size_t>>{
           {JudgeMode::kListwise, OrderBias::kIgnore, 1},
           {JudgeMode::kListwise, OrderBias::kTwoPass, 2},
           {JudgeMode::kPointwise, OrderBias::kIgnore, 5}}) {
    options.mode = mode;
    options.order_bias = bias;
    options.concurrency = 1;
    const LlmJudge judge = LlmJudge::create(options).value();
    const std::size_t before = chat.requests().size();
    const auto dry = judge.dry_run("query", documents(5)).value();
    EXPECT_EQ(chat.requests().size(), before);
    (void)judge.rank("query", documents(5)).value();
    ASSERT_EQ(dry.size(), requests);
    for (std::size_t i = 0; i < dry.size(); ++i) {
      EXPECT_EQ(dry[i].request, chat.requests()[before + i].body);
    }
  }
}

}  // namespace
}  // namespace crossrank
