// Answers taken apart: ratings, envelopes, error bodies, Retry-After.
#include "judge/answer.h"

#include <ctime>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "json/json.h"
#include "tests/support/error_of.h"

namespace crossrank::judge {
namespace {

using testing::HasSubstr;

// "7 - 3" for ratings 7, none, 3.
std::string rated(std::string_view content, std::size_t places) {
  std::string out;
  for (const auto& rating : read_ratings(content, places)) {
    if (!out.empty()) out += ' ';
    out += rating ? json::dump(json::Value(static_cast<int>(rating->relevance))) : "-";
  }
  return out;
}

TEST(Ratings, OnlyWholeNumbersFromZeroToTenCount) {
  for (const auto& [value, expected] :
       std::initializer_list<std::pair<const char*, const char*>>{{"0", "0"},
                                                                  {"10", "10"},
                                                                  {"7", "7"},
                                                                  {"11", "-"},
                                                                  {"-1", "-"},
                                                                  {"7.0", "-"},
                                                                  {"7.5", "-"},
                                                                  {"1e1", "-"},
                                                                  {"\"7\"", "-"},
                                                                  {"true", "-"},
                                                                  {"null", "-"},
                                                                  {"[7]", "-"},
                                                                  {"18446744073709551615", "-"},
                                                                  {"18446744073709551623", "-"},
                                                                  {"-9223372036854775808", "-"}}) {
    const std::string content =
        std::string(R"({"c01":{"relevance":)") + value + R"(,"reason":"x"}})";
    EXPECT_EQ(rated(content, 1), expected) << value;
  }
}

TEST(Ratings, MissingRepeatedAndUnknownLabels) {
  const std::string seven = R"({"relevance":7,"reason":""})";
  EXPECT_EQ(rated(R"({"c02":)" + seven + "}", 3), "- 7 -");
  EXPECT_EQ(rated(R"({"c01":)" + seven + R"(,"c01":)" + seven + R"(,"c02":)" + seven + "}", 2),
            "- 7");
  EXPECT_EQ(rated(R"({"c01":{"relevance":1,"relevance":9}})", 1), "-");
  EXPECT_EQ(rated(R"({"c1":)" + seven + R"(,"C01":)" + seven + R"(,"c99":)" + seven + "}", 2),
            "- -");
  EXPECT_EQ(rated(R"({"c01":{"relevance":7}})", 1), "7");  // a reason is nice to have
  EXPECT_EQ(rated(R"({"c01":7})", 1), "-");
  EXPECT_EQ(rated(R"([{"id":"c01","relevance":7}])", 1), "-");
}

TEST(Ratings, AreFoundAmidProseButNotInIt) {
  const std::string object = R"({"c01":{"relevance":7,"reason":"} {"},"c02":{"relevance":3}})";
  EXPECT_EQ(rated("Here {you} go:\n```json\n" + object + "\n```\nc02: 9", 2), "7 3");
  EXPECT_EQ(rated(R"({"x":1} )" + object, 2), "7 3");
  EXPECT_EQ(rated("429: limit 3, requested 2", 3), "- - -");
  EXPECT_EQ(rated("c01 > c02 > c03", 3), "- - -");
  EXPECT_EQ(rated(object.substr(0, object.size() - 3), 2), "- -");
  EXPECT_EQ(rated("", 2), "- -");
  EXPECT_EQ(rated(std::string(500000, '{'), 2), "- -");
  std::string many;
  for (int i = 0; i < 50000; ++i) many += "{\"";
  EXPECT_EQ(rated(many, 2), "- -");
}

TEST(Ratings, ReasonsAreShortCleanAndValid) {
  const std::string reason = "a\\u001b[31m\\u202e" + std::string(400, 'z');
  const auto ratings = read_ratings(R"({"c01":{"relevance":7,"reason":")" + reason + "\"}}", 1);
  EXPECT_EQ(ratings[0]->reason.substr(0, 6), "a[31mz");
  EXPECT_EQ(base::count_code_points(ratings[0]->reason), 200u);
}

TEST(Ratings, OfEquallyCompleteAnswersTheLastCounts) {
  const std::string draft = R"({"c01":{"relevance":1},"c02":{"relevance":1}})";
  const std::string object = R"({"c01":{"relevance":7},"c02":{"relevance":3}})";
  EXPECT_EQ(rated("<think>maybe " + draft + "</think>" + object + " {}", 2), "7 3");
  EXPECT_EQ(rated(object + R"( in short {"c01":{"relevance":2}})", 2), "7 3");
}

TEST(Ratings, ABraceOfProseHidesNothing) {
  const std::string object = R"({"c01":{"relevance":7},"c02":{"relevance":3}})";
  for (const char* prose :
       {"A { opens an object: ", "{ \" and then ", "{{{ ", "f(x) = {x | ", "{ a {b} "}) {
    EXPECT_EQ(rated(prose + object, 2), "7 3") << prose;
    EXPECT_EQ(rated(prose + object + " }", 2), "7 3") << prose;
  }
  EXPECT_EQ(rated(std::string(8, '{') + object, 2), "7 3");
  EXPECT_EQ(rated(std::string(1000, '{') + object, 2), "- -");  // not for ever
}

TEST(Ratings, HalfOfACharacterSpoilsNothing) {
  const auto ratings = read_ratings(R"({"c01":{"relevance":7,"reason":"x\ud83d"}})", 1);
  EXPECT_EQ(ratings[0]->reason, "x\uFFFD");
}

std::string without_key(std::string_view text) {
  std::string out(text);
  for (std::size_t at = out.find("KEY"); at != out.npos; at = out.find("KEY"))
    out.replace(at, 3, "*");
  return out;
}

TEST(Ratings, ReasonsAreRedactedBeforeTheyAreCut) {
  const std::string reason = std::string(198, 'z') + "KEY K\u200BEY";
  const auto ratings =
      read_ratings(R"({"c01":{"relevance":7,"reason":")" + reason + "\"}}", 1, without_key);
  EXPECT_EQ(ratings[0]->reason, std::string(198, 'z') + "* ");
}

std::string completion(const std::string& message, const std::string& rest = "") {
  return R"({"model":"m-1","choices":[{"message":)" + message + R"(,"finish_reason":"stop"})" +
         R"(],"usage":{"prompt_tokens":11,"completion_tokens":5})" + rest + "}";
}

TEST(Completion, GivesItsParts) {
  const auto read = read_completion(completion(R"({"content":"hello"})"), true);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->content, "hello");
  EXPECT_EQ(read->finish_reason, "stop");
  EXPECT_EQ(read->model, "m-1");
  EXPECT_EQ(read->usage->prompt_tokens, 11u);
  EXPECT_EQ(read->usage->completion_tokens, 5u);
  EXPECT_FALSE(read->refused);
  const std::string choices = R"({"choices":[{"message":{"content":"\ud83d"}}],"model":"a KEY")";
  EXPECT_FALSE(read_completion(choices + "}")->usage);
  EXPECT_FALSE(read_completion(choices + R"(,"usage":{"prompt_tokens":-1}})")->usage);
  EXPECT_FALSE(read_completion(choices + R"(,"usage":{"prompt_tokens":1}})")->usage);
  EXPECT_EQ(read_completion(choices + "}", false, without_key)->model, "a *");
  EXPECT_EQ(read_completion(choices + "}")->content, "\uFFFD");
  EXPECT_TRUE(read_completion(completion(R"({"content":null,"refusal":"no"})"))->refused);
  EXPECT_EQ(read_completion(completion(R"({"content":[{"text":"x"}]})"))->content, "");
  EXPECT_EQ(read_completion(completion("null"))->content, "");
  EXPECT_TRUE(read_completion("{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}").ok());
}

TEST(Completion, WhatIsNoneIsAnError) {
  for (const char* body : {"", "null", "[]", "{}", R"({"choices":[]})", R"({"choices":{}})",
                           "<html>502</html>", "\xff\xfe"}) {
    EXPECT_EQ(error_of(read_completion(body)).code, ErrorCode::kBadInput) << body;
  }
  const Error said = error_of(read_completion(R"({"error":{"message":"overloaded"}})"));
  EXPECT_EQ(said.code, ErrorCode::kNetwork);
  EXPECT_THAT(said.message, HasSubstr("overloaded"));
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_FALSE(read_completion(R"({"choices":)" + deep + "}").ok());
}

std::string token(const std::string& text, const std::string& tops) {
  return R"({"token":)" + json::dump(json::Value(text)) + R"(,"top_logprobs":[)" + tops + "]}";
}

std::string plain(const std::string& text) { return token(text, ""); }

// The expected relevance of an answer that rates c01 by `relevance`, written as `tokens` say.
std::optional<double> expected(int relevance, const std::string& tokens) {
  const std::string content = R"({\"c01\":{\"relevance\":)" + std::to_string(relevance) + "}}";
  const auto read = read_completion(R"({"choices":[{"message":{"content":")" + content +
                                        R"("},"logprobs":{"content":[)" + tokens + "]}}]}",
                                    true);
  return read->expected_relevance;
}

const std::string kName = plain(R"({"c01":{"relevance)") + "," + plain("\":") + ",";
const std::string kSeven = token("7", R"({"token":"7","logprob":0})");

TEST(Completion, ExpectedRelevanceIsTheMeanOverTheRatingsTokens) {
  // exp(-0.6931) = 0.5; " 5" counts as 5, "x" not at all.
  EXPECT_NEAR(*expected(7, kName + token(" 7", R"({"token":" 7","logprob":-0.6931472},)"
                                               R"({"token":" 5","logprob":-0.6931472},)"
                                               R"({"token":"x","logprob":-0.1})")),
              6.0, 1e-6);
  // "1" and then "0" with probability one half: the mean of 1 and 10.
  const std::string one = token("1", R"({"token":"1","logprob":0})");
  const std::string half_zero = R"({"token":"0","logprob":-0.6931472})";
  EXPECT_NEAR(*expected(10, kName + one + "," + token("0", half_zero)), 5.5, 1e-6);
  EXPECT_NEAR(*expected(1, kName + one + "," + token(",", half_zero)), 5.5, 1e-6);
  EXPECT_FALSE(expected(7, kSeven));  // no name before it
  EXPECT_FALSE(expected(7, kName + token("high", R"({"token":"high","logprob":0})")));
  EXPECT_FALSE(expected(7, kName + plain("7")));
}

TEST(Completion, ExpectedRelevanceIsOfTheRatingThatCounts) {
  const std::string draft = kName + token("9", R"({"token":"9","logprob":0})") + "," + plain("}}") +
                            "," + plain(R"(Then the text says "relevance": 10, )") + ",";
  const std::string four = token("4", R"({"token":"4","logprob":-0.6931472},)"
                                      R"({"token":"2","logprob":-0.6931472})");
  EXPECT_NEAR(*expected(4, draft + kName + four), 3.0, 1e-6);
  // A quotation behind it, with another number, changes nothing.
  EXPECT_NEAR(*expected(4, kName + four + "," + plain("}} ") + "," + draft + plain("!")), 3.0,
              1e-6);
  // A draft with the same number: the last one counts.
  EXPECT_NEAR(*expected(4, kName + token("4", R"({"token":"4","logprob":0})") + "," + kName + four),
              3.0, 1e-6);
  // "1" and "0" are ten, which was not rated; and no other token is what was.
  EXPECT_FALSE(expected(1, kName + token("1", R"({"token":"1","logprob":0})") + "," + plain("0")));
  EXPECT_FALSE(expected(4, kName + kSeven));
  EXPECT_FALSE(expected(11, kName + kSeven));  // no rating at all
}

TEST(ErrorText, IsOneShortLine) {
  EXPECT_EQ(error_text(R"({"error":{"message":"bad\nkey","code":1}})"), "bad key");
  EXPECT_EQ(error_text(R"({"error":"text"})"), "text");
  EXPECT_EQ(error_text(R"({"detail":"text"})"), "text");
  EXPECT_EQ(error_text(R"({"message":"text"})"), "text");
  EXPECT_EQ(error_text("plain\x1b text \n"), "plain text");
  EXPECT_EQ(error_text(R"({"error":{"message":17}})"), "");
  EXPECT_EQ(error_text(R"({"error":"half \ud83d"})"), "half \uFFFD");
  EXPECT_EQ(error_text(R"({"error":"KEY K\u200bEY"})", without_key), "* *");
  EXPECT_THAT(error_text(std::string(299, '.') + "KEY", without_key), testing::EndsWith("...*"));
  EXPECT_LE(error_text(std::string(100000, '\xC3')).size(), 310u);
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(retry_after_seconds("2"), 2.0);
  EXPECT_EQ(retry_after_seconds("0.5"), 0.5);
  EXPECT_EQ(retry_after_seconds("Thu, 01 Jan 1970 00:00:10 GMT"), 0.0);
  char date[40];
  const std::time_t later = std::time(nullptr) + 60;
  std::tm parts{};
  gmtime_r(&later, &parts);
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  EXPECT_NEAR(*retry_after_seconds(date), 60, 2);
  for (const char* bad : {"", "soon", "-1", "nan", "inf", "1 second", "0x10"}) {
    EXPECT_FALSE(retry_after_seconds(bad)) << bad;
  }
}

}  // namespace
}  // namespace crossrank::judge
