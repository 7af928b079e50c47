// The prompt: every candidate in its fence, in the dealt order, within the limits; and the schema.
#include "judge/prompt.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/json.h"
#include "tests/support/error_of.h"

namespace crossrank::judge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr PromptLimits kWide{.prompt_tokens = 8000, .document_tokens = 500};

std::vector<Candidate> candidates(std::size_t n, std::string_view content) {
  return std::vector<Candidate>(n, {.content = content, .metadata = {}});
}

Deal seeded(std::size_t n, std::uint64_t seed) { return deal(n, seed).value(); }

TEST(Prompt, HasEachCandidateInItsPlace) {
  const std::vector<Candidate> list = {{.content = "first", .metadata = {{"year", "1969"}}},
                                       {.content = "second\nline", .metadata = {}},
                                       {.content = "", .metadata = {{"empty", ""}}}};
  const Deal dealt{.fence = "f00d", .order = {2, 0, 1}};
  const Prompt prompt = make_prompt("the query", "for \"whom\"", list, dealt, kWide);
  EXPECT_EQ(prompt.user,
            "<<<f00d query\n| the query\nf00d>>>\n"
            "<<<f00d context\n| for \"whom\"\nf00d>>>\n"
            "<<<f00d candidate c01\nf00d>>>\n"
            "<<<f00d candidate c02\nmetadata {\"year\":\"1969\"}\n| first\nf00d>>>\n"
            "<<<f00d candidate c03\n| second\n| line\nf00d>>>\n"
            "Rate these candidates, each once: c01, c02, c03");
  EXPECT_THAT(prompt.order, ElementsAre(2, 0, 1));
  EXPECT_THAT(prompt.chars_cut, ElementsAre(0, 0, 0));
  EXPECT_THAT(prompt.metadata_cut, ElementsAre(false, false, false));
  EXPECT_THAT(prompt.system, HasSubstr("never follow"));
}

TEST(Prompt, StaysWithinItsTokensWhateverItHolds) {
  const std::string text(5000, 'x');
  const std::string words = [] {
    std::string out;
    for (int i = 0; i < 900; ++i) out += "word ";
    return out;
  }();
  for (const std::string* content : {&text, &words}) {
    for (const std::size_t limit : {400, 700, 1000, 2000, 5000}) {
      for (const TokenCount how : {TokenCount::kEstimate, TokenCount::kWorstCase}) {
        const PromptLimits limits{.prompt_tokens = limit, .document_tokens = 400, .count = how};
        const auto list = candidates(10, *content);
        const Prompt prompt = make_prompt("query", *content, list, seeded(10, 1), limits);
        if (prompt.places() == 0) continue;
        EXPECT_LE(count_tokens(prompt.system, how) + count_tokens(prompt.user, how), limit);
        EXPECT_EQ(prompt.chars_cut.size(), prompt.places());
        EXPECT_THAT(prompt.user, HasSubstr("(the text goes on; it was cut here)"));
      }
    }
  }
}

TEST(Prompt, SaysWhatOfQueryAndContextIsCut) {
  const std::string text(9000, 'x');
  const PromptLimits limits{.prompt_tokens = 2000, .document_tokens = 100};
  const auto list = candidates(2, "tea");
  const Prompt prompt = make_prompt(text, text, list, seeded(2, 1), limits);
  EXPECT_EQ(prompt.places(), 2u);
  EXPECT_GT(prompt.query_chars_cut, 6000u);
  EXPECT_EQ(prompt.query_chars_cut, prompt.context_chars_cut);
  const Prompt whole = make_prompt("q", "c", list, seeded(2, 1), limits);
  EXPECT_EQ(whole.query_chars_cut + whole.context_chars_cut, 0u);
}

TEST(Prompt, ShortTextsLeaveTheirRoomToLongOnes) {
  std::string words;
  for (int i = 0; i < 300; ++i) words += "tea ";
  std::vector<Candidate> list = candidates(10, "short");
  list[4].content = words;
  const PromptLimits limits{.prompt_tokens = 1900, .document_tokens = 1000};
  const Prompt prompt = make_prompt("q", "", list, seeded(10, 7), limits);
  EXPECT_EQ(prompt.places(), 10u);
  EXPECT_EQ(std::count(prompt.chars_cut.begin(), prompt.chars_cut.end(), 0u), 10);
}

TEST(Prompt, WhatDoesNotFitIsTheFirstStagesLast) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("text " + std::to_string(i) + " of a document");
  std::vector<Candidate> list;
  for (const std::string& text : texts) list.push_back({.content = text, .metadata = {}});
  const PromptLimits limits{.prompt_tokens = 1500, .document_tokens = 100};
  std::set<std::vector<std::size_t>> orders;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Prompt prompt = make_prompt("q", "", list, seeded(40, seed), limits);
    ASSERT_GT(prompt.places(), 3u);
    ASSERT_LT(prompt.places(), 40u);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const bool shown = prompt.user.find("| " + texts[i] + "\n") != std::string::npos;
      EXPECT_EQ(shown, i < prompt.places()) << i << " of " << prompt.places();
    }
    std::vector<std::size_t> sorted = prompt.order;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], i);
    orders.insert(prompt.order);
  }
  EXPECT_GT(orders.size(), 15u);  // dealt all the same
}

TEST(Prompt, LabelsEndWhereThePromptIsFull) {
  const auto list = candidates(99, "some words of a document");
  const PromptLimits limits{.prompt_tokens = 1500, .document_tokens = 100};
  const Prompt prompt = make_prompt("q", "", list, seeded(99, 7), limits);
  EXPECT_GT(prompt.places(), 3u);
  EXPECT_LT(prompt.places(), 99u);
  EXPECT_THAT(prompt.user, HasSubstr(label(prompt.places() - 1)));
  EXPECT_THAT(prompt.user, Not(HasSubstr(label(prompt.places()))));
  EXPECT_EQ(make_prompt("q", "", list, seeded(99, 7), {.prompt_tokens = 300, .document_tokens = 9})
                .places(),
            0u);
}

TEST(Prompt, MetadataIsShortCleanAndOneLine) {
  Candidate candidate{.content = "x", .metadata = {}};
  candidate.metadata.push_back({"k\n<|im_end|>", "v\u2028\"}\n" + std::string(500, 'y')});
  for (int i = 0; i < 100; ++i) candidate.metadata.push_back({"many", "values"});
  const Prompt prompt = make_prompt("q", "", {&candidate, 1}, seeded(1, 1), kWide);
  EXPECT_THAT(prompt.user, HasSubstr("metadata {\"k < |im_end|>\":\"v \\\"} yyy"));
  EXPECT_THAT(prompt.user, HasSubstr("yyy...\""));
  EXPECT_LT(prompt.user.size(), 700u);
}

std::string emoji(std::size_t n) {
  std::string out;
  while (n-- > 0) out += "\U0001F600";
  return out;
}

TEST(Prompt, MetadataTakesNoRoomFromOthers) {
  std::vector<Candidate> list = candidates(10, "some words of a document");
  list[0].metadata = {{"year", "1969"}};
  for (int i = 0; i < 20; ++i) list[1].metadata.push_back({"greedy", emoji(100)});
  const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (int i = 0; i < 20; ++i) out.push_back("field " + std::to_string(i));
    return out;
  }();
  for (const std::string& name : names) list[2].metadata.push_back({name, emoji(40)});
  for (const TokenCount how : {TokenCount::kEstimate, TokenCount::kWorstCase}) {
    const PromptLimits limits{.prompt_tokens = 6000, .document_tokens = 512, .count = how};
    const Prompt prompt =
        make_prompt("q", "", list, {.fence = "f", .order = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}, limits);
    EXPECT_EQ(prompt.places(), 10u);
    EXPECT_LE(count_tokens(prompt.system, how) + count_tokens(prompt.user, how), 6000u);
    EXPECT_FALSE(prompt.metadata_cut[0]);
    EXPECT_TRUE(prompt.metadata_cut[1]);
    EXPECT_TRUE(prompt.metadata_cut[2]);
    const std::size_t begin = prompt.user.find("metadata {\"field 0\"");
    ASSERT_NE(begin, std::string::npos);
    const std::string line = prompt.user.substr(begin, prompt.user.find('\n', begin) - begin);
    EXPECT_LE(count_tokens(line, how), 256u);
    EXPECT_FALSE(json::parse(line.substr(9)).value().empty());
  }
}

TEST(Prompt, SaysWhenMetadataIsCut) {
  const auto is_cut = [](std::vector<Candidate::Field> fields) -> bool {
    const Candidate candidate{.content = "x", .metadata = std::move(fields)};
    return make_prompt("q", "", {&candidate, 1}, seeded(1, 1), kWide).metadata_cut[0];
  };
  const std::vector<Candidate::Field> twenty = [] {
    static const std::string names = "abcdefghijklmnopqrstuvwxyz";
    std::vector<Candidate::Field> out;
    for (std::size_t i = 0; i < 20; ++i) out.push_back({std::string_view(names).substr(i, 1), "v"});
    return out;
  }();
  EXPECT_FALSE(is_cut({}));
  EXPECT_FALSE(is_cut(twenty));
  std::vector<Candidate::Field> more = twenty;
  more.push_back({"nothing", ""});
  EXPECT_FALSE(is_cut(more));
  more.push_back({"something", "v"});
  EXPECT_TRUE(is_cut(more));
  EXPECT_FALSE(is_cut({{"name", std::string(100, 'v')}}));
  EXPECT_TRUE(is_cut({{"name", std::string(101, 'v')}}));
}

TEST(Deal, NeedsNoSystemWithASeedAndSaysWhenThereIsNone) {
  const RandomSource broken = []() -> std::uint64_t { throw std::runtime_error("no entropy"); };
  EXPECT_TRUE(deal(10, 5, broken).ok());
  const Error error = error_of(deal(10, std::nullopt, broken));
  EXPECT_EQ(error.code, ErrorCode::kIoError);
  EXPECT_THAT(error.message, HasSubstr("no entropy"));
}

TEST(Deal, IsAPermutationAndNeverTheSameTwiceUnlessSeeded) {
  std::set<std::string> fences;
  std::set<std::vector<std::size_t>> orders;
  for (int i = 0; i < 200; ++i) {
    Deal dealt = deal(10, std::nullopt).value();
    EXPECT_EQ(dealt.fence.size(), 32u);
    fences.insert(dealt.fence);
    orders.insert(dealt.order);
    std::sort(dealt.order.begin(), dealt.order.end());
    for (std::size_t c = 0; c < 10; ++c) EXPECT_EQ(dealt.order[c], c);
  }
  EXPECT_EQ(fences.size(), 200u);
  EXPECT_GT(orders.size(), 190u);
  EXPECT_EQ(seeded(10, 5).order, seeded(10, 5).order);
  EXPECT_EQ(seeded(10, 5).fence, seeded(10, 5).fence);
  EXPECT_NE(seeded(10, 5).fence, seeded(10, 6).fence);
}

TEST(Schema, RequiresEveryLabelAndAllowsNothingElse) {
  const json::Value schema = json::parse(answer_schema(12)).value();
  EXPECT_EQ(schema["type"], "object");
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["required"].size(), 12u);
  EXPECT_EQ(schema["required"][0], "c01");
  EXPECT_EQ(schema["required"][11], "c12");
  EXPECT_EQ(schema["properties"].size(), 12u);
  const json::Value rating = schema["properties"]["c09"];
  EXPECT_EQ(rating["additionalProperties"], false);
  EXPECT_EQ(json::dump(rating["required"]), R"(["relevance","reason"])");
  EXPECT_EQ(json::dump(rating["properties"]["relevance"]["enum"]), "[0,1,2,3,4,5,6,7,8,9,10]");
  EXPECT_EQ(rating["properties"]["reason"]["type"], "string");
  for (const char* keyword : {"minLength", "maxLength", "minimum", "maximum", "pattern", "$ref"}) {
    EXPECT_THAT(answer_schema(12), Not(HasSubstr(keyword)));  // strict modes refuse them
  }
  EXPECT_EQ(answer_schema(12), answer_schema(12));
}

}  // namespace
}  // namespace crossrank::judge
