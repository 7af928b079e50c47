// The normalizer by hand; tests/tokenizer holds every scalar value against the reference.
#include "text/normalizer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/utf8.h"

namespace crossrank::text {
namespace {

constexpr NormalizerOptions kUncased = {true, true, true, true};
constexpr NormalizerOptions kCased = {true, true, false, false};

TEST(Normalizer, WithoutOptionsKeepsTheText) {
  const std::string text = std::string("A\u0301\u4f60 \u00a0\t", 9) + '\0' + "\ufffd";
  EXPECT_EQ(normalize(text, {}), text);
}

TEST(Normalizer, CleansControlsAndWhiteSpace) {
  NormalizerOptions clean;
  clean.clean_text = true;
  const std::string text = std::string("a\0b\x07", 4) + "c\u200d\ufffd\u00add\t\r\n\u00a0\u3000e";
  EXPECT_EQ(normalize(text, clean), "abcd     e");
}

TEST(Normalizer, SpacesIdeographsOnly) {
  EXPECT_EQ(normalize("a\u4f60\u597db", kCased), "a \u4f60  \u597d b");
  EXPECT_EQ(normalize("\u3042\u30a2\uac00", kCased), "\u3042\u30a2\uac00");
}

TEST(Normalizer, StripsAccentsAndLowercases) {
  EXPECT_EQ(normalize("\u00c9t\u00e9 A\u0301 \u1ec7 \u0130", kUncased), "ete a e i");
  EXPECT_EQ(normalize("\u00c9", kCased), "\u00c9");
}

TEST(Normalizer, StripsAccentsWithoutLowercasing) {
  EXPECT_EQ(normalize("\u00c9\u0130", {true, true, true, false}), "EI");
}

TEST(Normalizer, LowercasesEachCharacterByItself) {
  const NormalizerOptions lower = {false, false, false, true};
  EXPECT_EQ(normalize("\u0130", lower), "i\u0307");             // one becomes two
  EXPECT_EQ(normalize("\u03a3\u03a3", lower), "\u03c3\u03c3");  // no final sigma
  EXPECT_EQ(normalize("\u1e9e\u2126", lower), "\u00df\u03c9");
}

TEST(Normalizer, ComputesHangul) {
  EXPECT_EQ(normalize("\uac00\uac01\ud7a3", kUncased),
            "\u1100\u1161\u1100\u1161\u11a8\u1112\u1175\u11c2");
}

// U+302E (class 224) and U+16FF0 are spacing marks: they stay, and are put in order. U+0301 has
// class 230, U+034F class 0; both are nonspacing marks: they go, but U+034F parts what it stands
// between. U+1D165 has class 216.
TEST(Normalizer, OrdersMarksThatStay) {
  const std::string low = "\U0001d165";
  const std::string high = "\u302e";
  EXPECT_EQ(normalize("a" + high + low, kUncased), "a" + low + high);
  EXPECT_EQ(normalize("a" + high + "\u0301" + low, kUncased), "a" + low + high);
  EXPECT_EQ(normalize("a" + high + "\u034f" + low, kUncased), "a" + high + low);
  EXPECT_EQ(normalize("a" + high + "B" + low, kUncased), "a" + high + "b" + low);
  EXPECT_EQ(normalize(high + low, kUncased), low + high);
  EXPECT_EQ(normalize("a" + high + low, kCased), "a" + high + low);  // no NFD, no order
}

// What clean_text removes is gone before the marks are put in order.
TEST(Normalizer, RemovedCharactersPartNothing) {
  EXPECT_EQ(normalize("a\u302e\u200d\U0001d165", kUncased), "a\U0001d165\u302e");
}

TEST(Normalizer, AlignedGivesTheSameTextWithItsSources) {
  const std::string text = "x\u00c9\u200d\u4f60\uac01\u302e\U0001d165\u0130y";
  std::string joined;
  std::uint32_t last = 0;
  for (const AlignedChar& c : normalize_aligned(text, kUncased)) {
    base::append_utf8(joined, c.c);
    EXPECT_LT(c.begin, c.end);
    EXPECT_LE(c.end, text.size());
    EXPECT_GE(c.begin, last);
    last = c.begin;
  }
  EXPECT_EQ(joined, normalize(text, kUncased));
}

TEST(Normalizer, AlignsDroppedAndAddedCharacters) {
  const auto chars = normalize_aligned("\u00c9\u0301\u4f60", kUncased);  // e, space, U+4F60, space
  ASSERT_EQ(chars.size(), 4u);
  EXPECT_EQ(chars[0].c, U'e');
  EXPECT_EQ(chars[0].end, 2u);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(chars[i].begin, 4u);
    EXPECT_EQ(chars[i].end, 7u);
  }
}

}  // namespace
}  // namespace crossrank::text
