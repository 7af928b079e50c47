// Words, and the one-pass scanner against the normalizer and the roles of characters.
#include "text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crossrank::text {
namespace {

using testing::ElementsAre;

std::vector<std::string> words(std::string_view text, const NormalizerOptions& options = {},
                               PreTokenizer pre_tokenizer = PreTokenizer::kBert) {
  std::vector<std::string> out;
  WordScanner(options, pre_tokenizer).scan(text, [&](std::string_view word) {
    out.emplace_back(word);
  });
  return out;
}

constexpr NormalizerOptions kUncased = {true, true, true, true};

TEST(WordScanner, SplitsAtSpaceAndAroundPunctuation) {
  EXPECT_THAT(words(" Hey friend!  How\tare you?!? "),
              ElementsAre("Hey", "friend", "!", "How", "are", "you", "?", "!", "?"));
  EXPECT_THAT(words("a$b^c\u2026d\u3001e"),
              ElementsAre("a", "$", "b", "^", "c", "\u2026", "d", "\u3001", "e"));
}

TEST(WordScanner, KeepsSymbolsThatAreNoPunctuationInWords) {
  EXPECT_THAT(words("a\u00b0b\u20acc\u00d7"), ElementsAre("a\u00b0b\u20acc\u00d7"));
}

TEST(WordScanner, GivesNoWordForBlankText) {
  EXPECT_THAT(words(""), ElementsAre());
  EXPECT_THAT(words(" \t\n\u3000", kUncased), ElementsAre());
  EXPECT_THAT(words("\u200d\u0301", kUncased), ElementsAre());
}

TEST(WordScanner, WithoutAPreTokenizerTheTextIsOneWord) {
  EXPECT_THAT(words("a b, c", {}, PreTokenizer::kNone), ElementsAre("a b, c"));
  EXPECT_THAT(words("A\u4f60", kUncased, PreTokenizer::kNone), ElementsAre("a \u4f60 "));
}

TEST(WordScanner, NormalizesOnTheWay) {
  EXPECT_THAT(words("\u00c9T\u00c9\u4f60\uac00 \U0001d400\u0130", kUncased),
              ElementsAre("ete", "\u4f60", "\u1100\u1161", "\U0001d400i"));
}

// The table knows one code point at a time: marks that wait must still come before what follows.
TEST(WordScanner, KeepsWaitingMarksInFrontOfTheTable) {
  EXPECT_THAT(words("a\u302eb", kUncased), ElementsAre("a\u302eb"));
  EXPECT_THAT(words("a\u302e\U0001d165\u00e9 c", kUncased), ElementsAre("a\U0001d165\u302ee", "c"));
  EXPECT_THAT(words("a\u302e\u0301.", kUncased), ElementsAre("a\u302e", "."));
  EXPECT_THAT(words("a\u302e", kUncased), ElementsAre("a\u302e"));
}

TEST(WordScanner, HoldsWordsOfAnyLength) {
  for (const std::size_t length : {255, 256, 257, 513, 100000}) {
    const std::string word(length, 'A');
    std::string twice = word;
    twice.append(" ").append(word);
    EXPECT_THAT(words(twice, kUncased),
                ElementsAre(std::string(length, 'a'), std::string(length, 'a')));
    std::string wide;
    for (std::size_t i = 0; i < length; ++i) wide += "\u00e9";
    EXPECT_THAT(words(wide), ElementsAre(wide));
  }
}

TEST(WordScanner, AgreesWithTheNormalizerOnEveryScalarValue) {
  for (const NormalizerOptions& options :
       {NormalizerOptions{}, kUncased, NormalizerOptions{true, true, false, false}}) {
    const WordScanner scanner(options, PreTokenizer::kNone);
    for (char32_t c = 0; c < 0x110000; ++c) {
      if (c == 0xD800) c = 0xE000;
      std::string text = "a";
      base::append_utf8(text, c);
      text += "b";
      std::string scanned;
      scanner.scan(text, [&](std::string_view word) { scanned += word; });
      ASSERT_EQ(scanned, normalize(text, options)) << std::hex << static_cast<std::uint32_t>(c);
    }
  }
}

}  // namespace
}  // namespace crossrank::text
