// Tests of src/json: limits, offsets, duplicates, numbers, surrogates. Not of JSON's grammar, which
// the library's own tests cover.
#include "json/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "tests/support/error_of.h"

namespace crossrank::json {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string message_of(std::string_view text, const ParseOptions& options = {}) {
  const Error error = error_of(parse(text, options));
  EXPECT_EQ(error.code, ErrorCode::kBadInput) << error.message;
  return error.message;
}

std::string round_trip(std::string_view text) {
  const Result<Value> value = parse(text);
  return value.ok() ? dump(*value) : "error: " + value.error().message;
}

TEST(JsonParse, KeepsTheOrderOfMembersAndEveryKindOfValue) {
  const std::string text = R"({"z":[1,-2,2.5,"a\n\u00e9",true,false,null,{}],"a":{"b":[]}})";
  EXPECT_EQ(round_trip(text), R"({"z":[1,-2,2.5,"a\né",true,false,null,{}],"a":{"b":[]}})");
}

TEST(JsonParse, TopLevelScalarsAreTexts) {
  EXPECT_EQ(round_trip("  17 "), "17");
  EXPECT_EQ(round_trip("\"\""), "\"\"");
  EXPECT_EQ(round_trip("null\n"), "null");
}

TEST(JsonParse, ErrorsNameTheByte) {
  EXPECT_THAT(message_of(""), HasSubstr("at byte 0: syntax error"));
  EXPECT_THAT(message_of("  "), HasSubstr("at byte 2: syntax error"));
  EXPECT_THAT(message_of("{\"a\": 1,}"), HasSubstr("at byte 8: syntax error"));
  EXPECT_EQ(message_of("[1, 2"),
            "not valid JSON at byte 5: syntax error while parsing array - unexpected end of input; "
            "expected ']'");
  EXPECT_THAT(message_of("{} x"), HasSubstr("at byte 3: syntax error"));
  EXPECT_THAT(message_of("[1] // no comments"), HasSubstr("at byte 4: syntax error"));
  EXPECT_THAT(message_of("{\"a\": NaN}"), HasSubstr("at byte 6: syntax error"));
  EXPECT_THAT(message_of("[\"a\nb\"]"), HasSubstr("at byte 3: syntax error"));
  EXPECT_EQ(message_of("[1e999]"), "a number that is too large for a double at byte 5");
}

TEST(JsonParse, ErrorsDoNotQuoteTheText) {
  const std::string secret(1000, 's');
  const std::string message = message_of("[\"" + secret + "\" \"\xC3\xA9\"]");
  EXPECT_THAT(message, HasSubstr("at byte 1007"));
  EXPECT_THAT(message, Not(HasSubstr("sss")));
  EXPECT_THAT(message, HasSubstr("expected"));
  EXPECT_LT(message.size(), 200u);
}

TEST(JsonParse, TextThatLooksLikeTheLibrarysMessageIsNotQuotedEither) {
  for (const std::string text :
       {"[\"'; expected MINE\xC3\xA9", "[\"; last read: 'MINE'; expected MINE", "['; expected MINE",
        "[1 \"'; expected MINE\"]"}) {
    EXPECT_THAT(message_of(text), AllOf(HasSubstr("syntax error"), Not(HasSubstr("MINE")))) << text;
  }
}

TEST(JsonParse, NulIsNotTheEndOfTheText) {
  using std::string_literals::operator""s;
  EXPECT_THAT(message_of("{}\0{}"s), HasSubstr("at byte 2"));
  EXPECT_THAT(message_of("\0"s), HasSubstr("at byte 0"));
  EXPECT_EQ(round_trip("\"\\u0000\""), "\"\\u0000\"");
}

TEST(JsonParse, InvalidUtf8IsRefusedWhereItStarts) {
  EXPECT_EQ(message_of("[\"ab\xC3(\"]"), "invalid UTF-8 at byte 4");
  EXPECT_EQ(message_of("[\"\xED\xA0\x80\"]"), "invalid UTF-8 at byte 2");
  EXPECT_EQ(message_of("[] \xFF"), "invalid UTF-8 at byte 3");
}

TEST(JsonParse, DepthIsLimited) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(round_trip(nested(128)), nested(128));
  EXPECT_EQ(message_of(nested(129)),
            "arrays and objects are nested more than 128 deep at byte 128");
  EXPECT_THAT(message_of(nested(100'000)), HasSubstr("more than 128 deep at byte 128"));
  EXPECT_THAT(message_of(std::string(100'000, '[')), HasSubstr("more than 128 deep at byte 128"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_THAT(message_of(objects), HasSubstr("more than 128 deep at byte 640"));
  EXPECT_EQ(message_of("[[1]]", {.max_depth = 1}),
            "arrays and objects are nested more than 1 deep at byte 1");
  EXPECT_TRUE(parse("[1]", {.max_depth = 1}).ok());
}

TEST(JsonParse, DepthCountsOpenContainersOnly) {
  std::string siblings = "[";
  for (int i = 0; i < 1000; ++i) siblings += "{\"a\":[]},";
  siblings += "[]]";
  EXPECT_TRUE(parse(siblings, {.max_depth = 3}).ok());
  EXPECT_FALSE(parse(siblings, {.max_depth = 2}).ok());
}

TEST(JsonParse, TheLastOfEqualKeysWinsInTheFirstOnesPlace) {
  EXPECT_EQ(round_trip(R"({"a":1,"b":2,"a":3,"c":4,"b":{"x":1,"x":2},"a":5})"),
            R"({"a":5,"b":{"x":2},"c":4})");
}

TEST(JsonParse, DuplicateKeysAreRejectedOnRequest) {
  const ParseOptions strict{.duplicates = Duplicates::kReject};
  EXPECT_EQ(message_of(R"({"a":1,"b":2,"a":3})", strict), "the key \"a\" is repeated at byte 13");
  // The same key with an escape, a backslash before its closing quote, and one level down.
  EXPECT_EQ(message_of(R"({"a":1, "\u0061":3})", strict), "the key \"a\" is repeated at byte 8");
  EXPECT_EQ(message_of(R"([{"\"q\\":1,"\"q\\":3}])", strict),
            R"(the key "\"q\\" is repeated at byte 12)");
  EXPECT_EQ(message_of(R"({"":1,"":3})", strict), "the key \"\" is repeated at byte 6");
  EXPECT_TRUE(parse(R"({"a":{"a":1},"b":{"a":2}})", strict).ok());
}

TEST(JsonParse, ALongRepeatedKeyIsCutBetweenCharacters) {
  std::string key;
  for (int i = 0; i < 100; ++i) key += "x\xC3\xA9";  // 3 bytes each: byte 64 is inside a character
  const std::string message =
      message_of("{\"" + key + "\":1,\"" + key + "\":2}", {.duplicates = Duplicates::kReject});
  EXPECT_THAT(message, HasSubstr("x\"... is repeated at byte 306"));
  EXPECT_LT(message.size(), 110u);
}

TEST(JsonParse, AVocabularyIsNotQuadratic) {  // 200,000 keys: minutes if every key were searched
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"token" + std::to_string(i) + "\":1,";
  text.back() = '}';
  const Result<Value> value = parse(text, {.duplicates = Duplicates::kReject});
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->size(), 200'000u);
}

TEST(JsonDump, NonAsciiIsNotEscapedAndControlCharactersAre) {
  EXPECT_EQ(dump(Value("é\t\x01\"\\/日")), R"("é\t\u0001\"\\/日")");
}

TEST(JsonDump, InvalidUtf8BecomesTheReplacementCharacter) {
  EXPECT_EQ(dump(Value("a\xFF")), "\"a\xEF\xBF\xBD\"");
}

TEST(JsonDump, PrettyIsIndentedByTwo) {
  EXPECT_EQ(dump_pretty(*parse(R"({"a":[1,{"b":null}],"c":[],"d":{}})")),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": [],\n"
            "  \"d\": {}\n}");
}

TEST(JsonQuote, ForeignNamesAreEscapedAndShort) {
  EXPECT_EQ(quote("a\"\n\x1b[31m"), R"("a\"\n\u001b[31m")");
  EXPECT_EQ(quote(std::string(64, 'x')), '"' + std::string(64, 'x') + '"');
  EXPECT_EQ(quote(std::string(63, 'x') + "\xC3\xA9"), '"' + std::string(63, 'x') + "\"...");
  EXPECT_EQ(quote(std::string(100, '\x80')), "\"\"...");  // nothing to cut at
}

TEST(JsonNumber, PrintsTheShortestDecimal) {
  EXPECT_EQ(dump(number(0.1F)), "0.1");
  EXPECT_EQ(dump(number(-11.2345F)), "-11.2345");
  EXPECT_EQ(dump(number(8.0F)), "8.0");
  EXPECT_EQ(dump(number(-0.0F)), "-0.0");
  EXPECT_EQ(dump(number(1e-45F)), "1e-45");
  EXPECT_EQ(dump(number(std::numeric_limits<float>::max())), "3.4028235e+38");
  EXPECT_EQ(dump(number(-3.7487066F)), "-3.7487066");  // 17 digits in nlohmann's own writer
  EXPECT_EQ(dump(number(-0.22907719F)), "-0.22907719");
}

TEST(JsonNumber, WhatIsNotFiniteIsNull) {
  EXPECT_EQ(dump(number(std::numeric_limits<float>::infinity())), "null");
  EXPECT_EQ(dump(number(std::numeric_limits<float>::quiet_NaN())), "null");
  EXPECT_EQ(dump(Value(std::nan(""))), "null");
}

TEST(JsonNumber, EveryFloatReadsBackAndIsAsShortAsToChars) {
  const auto significant_digits = [](std::string_view text) {
    std::string digits;
    for (const char c : text.substr(0, text.find('e'))) {
      if (c >= '0' && c <= '9') digits += c;
    }
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    digits.erase(digits.find_last_not_of('0') + 1);
    return digits;
  };
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    const auto f = std::bit_cast<float>(bits);
    if (!std::isfinite(f)) continue;
    const std::string text = dump(number(f));
    float back = 0;
    std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back), bits) << text;
    char shortest[32];
    const std::string_view expected(shortest, std::to_chars(shortest, shortest + 32, f).ptr);
    ASSERT_EQ(significant_digits(text), significant_digits(expected)) << text;
    ASSERT_EQ(round_trip(text), text);
  }
}

std::string repaired(std::string_view text, std::size_t expected_count) {
  std::size_t count = 99;
  std::string out = repair_lone_surrogates(text, count);
  EXPECT_EQ(count, expected_count) << text;
  return out;
}

TEST(JsonRepair, LoneSurrogatesBecomeTheReplacementCharacter) {
  EXPECT_EQ(repaired(R"(["\ud800"])", 1), R"(["\ufffd"])");
  EXPECT_EQ(repaired(R"(["\uDFFFx\uDbFf"])", 2), R"(["\ufffdx\ufffd"])");
  EXPECT_EQ(repaired(R"("\ude00\ud83d")", 2), R"("\ufffd\ufffd")");  // the wrong way round
  EXPECT_EQ(repaired(R"("\ud83d\ud83d\ude00")", 1), R"("\ufffd\ud83d\ude00")");
  EXPECT_EQ(repaired(R"("\ud83d\n\ude00")", 2), R"("\ufffd\n\ufffd")");
}

TEST(JsonRepair, PairsAndEscapedBackslashesAreLeftAlone) {
  for (const char* text :
       {R"("\ud83d\ude00")", R"("\\ud800")", R"("\\\\ud800\u00e9")", R"("no escapes")", ""}) {
    EXPECT_EQ(repaired(text, 0), text);
  }
  EXPECT_EQ(repaired(R"("\\\ud800")", 1), R"("\\\ufffd")");
}

TEST(JsonRepair, WhatIsNotJsonStaysSo) {
  for (const char* text : {R"("\ud80)", R"(\)", R"("\u)", R"(\u-123 \uzzzz)"}) {
    EXPECT_EQ(repaired(text, 0), text);
    EXPECT_FALSE(parse(text).ok());
  }
}

TEST(JsonRepair, AParsedRepairIsWhatTheTextMeant) {
  std::size_t count = 0;
  const Result<Value> value =
      parse(repair_lone_surrogates(R"({"text":"a\ud800b\ud83d\ude00"})", count));
  ASSERT_TRUE(value.ok());
  EXPECT_EQ((*value)["text"].get<std::string>(),
            "a\xEF\xBF\xBD"
            "b\xF0\x9F\x98\x80");
}

TEST(JsonParse, ValuesAreCounted) {
  EXPECT_TRUE(parse("[1,{\"a\":2}]", {.max_values = 4}).ok());
  for (const char* text : {"[1,2,3,4]", "[[],[],[],[]]", "{\"a\":[1,2,3]}"}) {
    const auto value = parse(text, {.max_values = 4});
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_NE(value.error().message.find("more than 4 values"), std::string::npos);
  }
}

TEST(JsonDump, ControlsThatJsonAllowsAreEscaped) {
  const std::string text = "\"\x7f \xC2\x80 \xC2\x9F \xC2\xA0 \xC3\x9F\"";
  const std::string escaped = "\"\\u007f \\u0080 \\u009f \xC2\xA0 \xC3\x9F\"";
  EXPECT_EQ(escape_controls(text), escaped);
  EXPECT_EQ(escape_controls("\"plain\""), "\"plain\"");
  const Value value = parse(text).value();
  EXPECT_EQ(dump(value), escaped);
  EXPECT_EQ(parse(dump(value)).value(), value);
}

}  // namespace
}  // namespace crossrank::json
