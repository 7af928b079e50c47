// tokenizer.json of Unigram models: what is read and what is refused, charsmaps that lie included.
// Ids against the reference are in tests/tokenizer.
#include "text/unigram_loader.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/blob.h"
#include "json/json.h"
#include "tests/support/base64.h"
#include "text/charsmap.h"
#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// `patch` is merged into a valid file (RFC 7396: null removes).
Result<Tokenizer> load(const std::string& patch = "{}") {
  json::Value value = json::parse(R"({
    "version": "1.0",
    "normalizer": {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"},
    "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]},
    "model": {"type": "Unigram", "unk_id": 3, "vocab": [["<s>", 0], ["<pad>", 0], ["</s>", 0],
              ["<unk>", 0], ["\u2581", -2.5], ["a", -1], ["\u2581a", -3]]}
  })")
                          .value();
  value.merge_patch(json::parse(patch).value());
  const std::string text = json::dump(value);
  return Tokenizer::load(base::Blob("dir/tokenizer.json", text), {}, {});
}

std::vector<std::int32_t> encode(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> ids;
  tokenizer.encode(text, ids);
  return ids;
}

TEST(UnigramLoader, ReadsTheStages) {
  const Tokenizer tokenizer = load().value();
  EXPECT_EQ(tokenizer.vocab_size(), 7u);
  EXPECT_EQ(tokenizer.layout().special_tokens(), 4u);
  EXPECT_THAT(encode(tokenizer, "a  aa q"), ElementsAre(6, 6, 5, 4, 3));
  const Tokenizer never = load(R"({"pre_tokenizer": {"prepend_scheme": "never"}})").value();
  EXPECT_THAT(encode(never, "a a"), ElementsAre(5, 6));
  const Tokenizer old = load(R"({"model": {"type": null}, "pre_tokenizer": {"prepend_scheme": null,
                                 "add_prefix_space": true, "str_rep": "x"}})")
                            .value();
  EXPECT_THAT(encode(old, "a"), ElementsAre(6));
}

struct Refusal {
  const char* patch;
  ErrorCode code;
  const char* part;
};

class UnigramLoaderRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(UnigramLoaderRefuses, WithTheReason) {
  const Result<Tokenizer> loaded = load(GetParam().patch);
  ASSERT_FALSE(loaded.ok()) << GetParam().patch;
  EXPECT_EQ(loaded.error().code, GetParam().code) << loaded.error().message;
  EXPECT_THAT(loaded.error().message, HasSubstr("dir/tokenizer.json"));
  EXPECT_THAT(loaded.error().message, HasSubstr(GetParam().part));
}

constexpr ErrorCode kBad = ErrorCode::kBadTokenizer;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupportedModel;

INSTANTIATE_TEST_SUITE_P(
    Files, UnigramLoaderRefuses,
    testing::Values(
        Refusal{R"({"model": {"unk_id": null}})", kBad, "`model.unk_id`"},
        Refusal{R"({"model": {"unk_id": 7}})", kBad, "below the number of pieces, 7"},
        Refusal{R"({"model": {"unk_id": -1}})", kBad, "`model.unk_id`"},
        Refusal{R"({"model": {"vocab": []}})", kBad, "a vocabulary of 0 pieces"},
        Refusal{R"({"model": {"vocab": [["a"]]}})", kBad, "`model.vocab[0]`"},
        Refusal{R"({"model": {"vocab": [["a", 0], ["b", "0"]]}})", kBad, "`model.vocab[1]`"},
        Refusal{R"({"model": {"vocab": [["a", null]]}})", kBad, "`model.vocab[0]`"},
        Refusal{R"({"model": {"byte_fallback": 1}})", kBad, "`model.byte_fallback`"},
        Refusal{R"({"model": {"type": "BPE"}})", kUnsupported, "SentencePiece's Unigram"},
        Refusal{R"({"normalizer": {"type": "Nmt"}})", kUnsupported, "normalizer Nmt"},
        Refusal{R"({"normalizer": {"pattern": {"Regex": "a+"}}})", kUnsupported, "\"a+\""},
        Refusal{R"({"normalizer": {"pattern": {"Regex": null, "String": ""}}})", kBad, "empty"},
        Refusal{R"({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "A"}})", kBad,
                "not base64"},
        Refusal{R"({"pre_tokenizer": {"type": "Whitespace"}})", kUnsupported, "Whitespace"},
        Refusal{R"({"pre_tokenizer": {"replacement": "ab"}})", kBad, "one character"},
        Refusal{R"({"pre_tokenizer": {"replacement": ""}})", kBad, "one character"},
        Refusal{R"({"pre_tokenizer": {"prepend_scheme": "last"}})", kBad, "\"first\""},
        Refusal{R"({"pre_tokenizer": {"add_prefix_space": false}})", kBad, "`prepend_scheme`"}));

// --- charsmaps ------------------------------------------------------------------------------

std::string word(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> 8 * i);
  return bytes;
}

// A charsmap of "a" to `replacements`, whose units a test may spoil.
struct Units {
  std::vector<std::uint32_t> units = std::vector<std::uint32_t>(768);
  std::string replacements = std::string("\u00c4\0", 3);

  Units() {
    units[0] = 256 << 10;                                       // children from 256 on
    units[256 ^ 'a'] = 'a' | 1 << 8 | (512 ^ 256 ^ 'a') << 10;  // a key ends, its value is at 512
    units[512] = 1u << 31;
  }
  std::string text() const {
    std::string bytes = word(static_cast<std::uint32_t>(units.size() * 4));
    for (const std::uint32_t unit : units) bytes += word(unit);
    return base64(bytes + replacements);
  }
  Result<Charsmap> parse() const { return Charsmap::parse(text()); }
};

TEST(Charsmap, FindsTheShortestKey) {
  const Charsmap charsmap = Units().parse().value();
  EXPECT_EQ(charsmap.find("a"), "\u00c4");
  EXPECT_EQ(charsmap.find("ab"), "\u00c4");
  EXPECT_FALSE(charsmap.find("b"));
  EXPECT_FALSE(charsmap.find(""));
  EXPECT_FALSE(charsmap.find(std::string_view("\0a", 2)));
}

// 255 bytes of one, three times: 16 million of one.
TEST(Charsmap, StagesThatBlowUpATextTogetherAreRefused) {
  Units units;
  units.replacements = std::string(255, 'a') + '\0';
  EXPECT_EQ(units.parse().value().max_growth(), 255u);
  const auto stages = [&](std::size_t count) {
    json::Value list = json::Value::array();
    for (std::size_t i = 0; i < count; ++i) {
      list.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", units.text()}});
    }
    const json::Value patch = {{"normalizer", {{"type", "Sequence"}, {"normalizers", list}}}};
    return load(json::dump(patch));
  };
  EXPECT_TRUE(stages(1).ok());
  const Result<Tokenizer> three = stages(3);
  ASSERT_FALSE(three.ok());
  EXPECT_EQ(three.error().code, ErrorCode::kUnsupportedModel);
  units = Units();  // 2 bytes of one
  EXPECT_TRUE(stages(3).ok());
}

TEST(Charsmap, CyclesEndWithTheText) {
  Units cycle;
  cycle.units[256 ^ 'a'] = 'a' | 'a' << 10;  // its own child
  EXPECT_FALSE(cycle.parse().value().find(std::string(1000, 'a')));
}

TEST(Charsmap, WhatLiesIsRefused) {
  const auto reason = [](const Units& units) {
    const Result<Charsmap> parsed = units.parse();
    return parsed.ok() ? "accepted" : parsed.error().message;
  };
  Units out_of_range;
  out_of_range.units[300] = 0x1FFFFF << 10 | 1 << 9;
  EXPECT_THAT(reason(out_of_range), HasSubstr("leads nowhere"));
  Units no_value;
  no_value.units[512] = 7;
  EXPECT_THAT(reason(no_value), HasSubstr("leads nowhere"));
  Units value_out_of_range;
  value_out_of_range.units[512] = 1u << 31 | 3;
  EXPECT_THAT(reason(value_out_of_range), HasSubstr("leads nowhere"));
  Units value_in_a_character;
  value_in_a_character.units[512] = 1u << 31 | 1;
  EXPECT_THAT(reason(value_in_a_character), HasSubstr("leads nowhere"));
  Units endless;
  endless.replacements = std::string(300, 'x') + '\0';
  EXPECT_THAT(reason(endless), HasSubstr("leads nowhere"));
  Units open;
  open.replacements = "x";
  EXPECT_THAT(reason(open), HasSubstr("without an end"));
  Units not_utf8;
  not_utf8.replacements = std::string("\xFF\0", 2);
  EXPECT_THAT(reason(not_utf8), HasSubstr("not UTF-8"));
  Units short_array;
  short_array.units.resize(300);
  EXPECT_THAT(reason(short_array), HasSubstr("leads nowhere"));
  const auto refused = [](const std::string& text) {
    return Charsmap::parse(text).error().message;
  };
  EXPECT_THAT(refused(""), HasSubstr("too short"));
  EXPECT_THAT(refused("????"), HasSubstr("not base64"));
  EXPECT_THAT(refused("AAA"), HasSubstr("not base64"));
  EXPECT_THAT(refused(base64(word(0))), HasSubstr("another size"));
  EXPECT_THAT(refused(base64(word(0xFFFFFFFC))), HasSubstr("another size"));
}

}  // namespace
}  // namespace crossrank::text
