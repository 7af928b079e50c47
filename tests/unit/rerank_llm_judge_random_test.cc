// 10,000 random answers of a judge, none of which may lose, repeat or invent a document.
#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "crossrank/rerankers.h"
#include "tests/support/fake_chat.h"
#include "tests/support/judge_rank.h"

namespace crossrank {
namespace {

using namespace std::chrono_literals;

// Bytes that may come out of a model: valid ratings, near misses, garbage.
std::string random_content(std::mt19937& random, std::size_t candidates) {
  const auto pick = [&](std::initializer_list<const char*> words) {
    return std::string(words.begin()[random() % words.size()]);
  };
  std::string out = pick({"{", "{", "{", "{", "", "Answer: {", "[{", "```json\n{"});
  const std::size_t members = random() % (candidates + 3);
  for (std::size_t m = 0; m < members; ++m) {
    const std::size_t n = random() % 5 == 0 ? random() % 120 : m + 1;
    std::string label = "c" + std::string(n < 10 ? "0" : "") + std::to_string(n);
    if (random() % 12 == 0) label = pick({"d1", "C01", "", "c1", "id", "c01\\n", "\\u0000"});
    out += "\"" + label + "\": ";
    const std::string value = random() % 6 != 0
                                  ? std::to_string(random() % 11)
                                  : pick({"11", "-1", "7.5", "\"9\"", "null", "true", "{}", "1e1",
                                          "99999999999999999999", "[10]"});
    out += random() % 9 == 0 ? value : "{\"relevance\": " + value + ", \"reason\": \"r\"}";
    if (m + 1 < members) out += pick({", ", ", ", ", ", ", ", " ", ",,"});
  }
  out += pick({"}", "}", "}", "}", "", "}}", "} thanks"});
  for (std::size_t flips = random() % 8 == 0 ? random() % 4 : 0; flips > 0 && !out.empty();
       --flips) {
    out[random() % out.size()] = static_cast<char>(random());
  }
  return out;
}

TEST(LlmJudge, NoAnswerLosesRepeatsOrInventsADocument) {
  std::mt19937 random(20);
  std::mt19937 choices(21);
  const FakeChat chat({[&](const JudgeHttpRequest&) {
    const auto kind = choices() % 10;
    if (kind == 0) return status(200, random_content(random, 5));  // no envelope
    if (kind == 1) return status(static_cast<long>(choices() % 600), random_content(random, 5));
    const std::string content = random_content(random, 10);
    return says(base::repair_utf8(content).value_or(content));
  }});
  std::map<JudgeOutcome, int> seen;
  JudgeOptions options = options_of(chat);
  options.timeout = 400ms;  // less than what a 429 or 503 is waited for: none is
  for (int round = 0; round < 10000; ++round) {
    const std::size_t n = 1 + choices() % 10;
    options.top_k = choices() % 6;
    options.seed = round;
    const LlmJudge judge = LlmJudge::create(options).value();
    const auto list = documents(n);
    const std::mt19937 before = random;
    const std::mt19937 before_choices = choices;
    const JudgedRanking ranking = judge.rank("query", list).value();
    ++seen[ranking.judge.outcome];
    const std::size_t wanted = options.top_k == 0 ? n : std::min(n, options.top_k);
    ASSERT_EQ(ranking.results.size(), wanted);
    std::set<std::size_t> indices;
    bool backfill = false;
    for (std::size_t i = 0; i < wanted; ++i) {
      const RankedDocument& result = ranking.results[i];
      ASSERT_EQ(result.rank, i + 1);
      ASSERT_LT(result.index, n);
      ASSERT_EQ(result.id, list[result.index].id);
      ASSERT_TRUE(indices.insert(result.index).second) << "twice: " << result.index;
      ASSERT_EQ(result.stage == Stage::kJudge, result.judge.has_value());
      backfill = backfill || !result.judge;
      ASSERT_FALSE(backfill && result.judge) << "a judged document behind one that is not";
      if (result.judge) {
        ASSERT_GE(result.judge->relevance, 0);
        ASSERT_LE(result.judge->relevance, 10);
      }
    }
    ASSERT_EQ(ranking.judge.degraded, backfill);
    if (round % 10 == 0) {  // the same answers make the same ranking
      random = before;
      choices = before_choices;
      const JudgedRanking again = LlmJudge::create(options).value().rank("query", list).value();
      ASSERT_EQ(order(ranking), order(again));
    }
  }
  for (const JudgeOutcome outcome :
       {JudgeOutcome::kJudged, JudgeOutcome::kRepaired, JudgeOutcome::kPartial,
        JudgeOutcome::kMalformed, JudgeOutcome::kProviderError}) {
    EXPECT_GT(seen[outcome], 50) << to_string(outcome);
  }
}

}  // namespace
}  // namespace crossrank
