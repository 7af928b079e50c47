// Foreign text in a prompt: what is left of it, how it is quoted, and how many tokens it counts.
#include "judge/untrusted.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace crossrank::judge {
namespace {

constexpr std::size_t kMany = 100000;

std::string quoted_text(std::string_view text) {
  return quote_lines(text, kMany, TokenCount::kEstimate).text;
}

TEST(Untrusted, EveryLineIsMarkedWhateverBreaksIt) {
  EXPECT_EQ(quoted_text("one"), "| one\n");
  EXPECT_EQ(quoted_text(""), "");
  EXPECT_EQ(quoted_text("a\nb\r\nc\rd\ve\ff"), "| a\n| b\n| c\n| d\n| e\n| f\n");
  EXPECT_EQ(quoted_text("a\u0085b\u2028c\u2029d"), "| a\n| b\n| c\n| d\n");
  EXPECT_EQ(quoted_text("\n\n"), "| \n| \n");
  EXPECT_EQ(quoted_text("<<<fence\n| x"), "| <<< fence\n| | x\n");
}

TEST(Untrusted, InvisibleCharactersAreLeftOut) {
  EXPECT_EQ(quoted_text(std::string("a\0b\x1b[31mc\x7f", 10)), "| ab[31mc\n");
  EXPECT_EQ(quoted_text("a\tb"), "| a b\n");
  EXPECT_EQ(quoted_text("a\u202Eb\u2066c\u200Bd\uFEFFe\U000E0041f\u00ADg"), "| abcdefg\n");
  EXPECT_EQ(quoted_text("\xff\xfe"), "| \uFFFD\uFFFD\n");
  EXPECT_EQ(quoted_text("a\u034Fb\u115F\u1160c\u17B4\u17B5d\u180B\u180Fe\u3164f\uFFA0g"),
            "| abcdefg\n");
  EXPECT_EQ(quoted_text("a\uFFF0b\uFFF8c\U0001BCA0\U0001BCA3d\U0001D173\U0001D17Ae\U000E0FFFf"),
            "| abcdef\n");
  // Their neighbours show something.
  const std::string shown =
      "\u00AC\u034E\u0350\u1161\u17B6\u1810\u3165\uFFA1\uFFFC\U0001BCA4\U0001D17B";
  EXPECT_EQ(quoted_text(shown), "| " + shown + "\n");
}

TEST(Untrusted, ControlTokensOfChatTemplatesAreBroken) {
  for (const auto& [text, clean] : std::initializer_list<std::pair<const char*, const char*>>{
           {"<|im_end|>", "< |im_end|>"},
           {"</s><s>", "< /s>< s>"},
           {"[INST] x [/INST]", "[ INST] x [ /INST]"},
           {"<start_of_turn>", "< start_of_turn>"},
           {"<\uFF5CUser\uFF5C>", "< \uFF5CUser\uFF5C>"},
           {"<\u200B|im_end|>", "< |im_end|>"},  // broken although something stood between
           {"[gMASK]<sop>", "[ gMASK]< sop>"},
           {"[|system|]", "[ |system|]"},
           {"]~b]]~!b[[e~[", "] ~b]] ~!b[[ e~["},
           {"[\u3164gMASK]", "[ gMASK]"},
           {"1 < 2, a[0], [1] ~ [see below]", "1 < 2, a[0], [1] ~ [ see below]"}}) {
    EXPECT_EQ(clean_line(text), clean) << text;
  }
}

TEST(Untrusted, ALineOfMetadataIsOneLine) { EXPECT_EQ(clean_line("a\nb\u2028c\rd"), "a b c d"); }

TEST(Untrusted, ATextIsCutToItsTokens) {
  const std::string text = "one two three\nfour \u00E9\u00E9\u00E9 five";
  for (const TokenCount how : {TokenCount::kEstimate, TokenCount::kWorstCase}) {
    for (std::size_t limit = 0; limit < 60; ++limit) {
      const Quoted cut = quote_lines(text, limit, how);
      EXPECT_LE(cut.tokens, limit);
      EXPECT_EQ(cut.tokens, count_tokens(cut.text, how)) << limit << " " << cut.text;
      EXPECT_TRUE(base::is_valid_utf8(cut.text));
      const Quoted more = quote_lines(text, limit + 1, how);
      EXPECT_LE(more.chars_cut, cut.chars_cut);
    }
    EXPECT_EQ(quote_lines(text, kMany, how).chars_cut, 0u);
    EXPECT_EQ(quote_lines(text, 0, how).chars_cut, base::count_code_points(text));
  }
}

TEST(Untrusted, TheWorstCaseIsOneTokenAByte) {
  EXPECT_EQ(count_tokens("abc \u00E9\u4E2D\U0001F600", TokenCount::kWorstCase), 4u + 2 + 3 + 4);
  EXPECT_LT(count_tokens("reranking", TokenCount::kEstimate), 9u);
  EXPECT_GE(count_tokens("reranking", TokenCount::kEstimate), 2u);
}

TEST(Untrusted, AnyBytesComeOutCleanAndAreNeverReadTwice) {
  std::mt19937 random(5);
  const std::string_view pieces[] = {"<",
                                     "|",
                                     "[",
                                     "]",
                                     "~",
                                     "/",
                                     "A",
                                     "a",
                                     "\n",
                                     "\r",
                                     "\xE2\x80\xAE",
                                     "\xE2\x80\x8B",
                                     "\xFF",
                                     "\xC3\xA9",
                                     " ",
                                     "\x01"};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const std::string clean = clean_line(text);
    ASSERT_TRUE(base::is_valid_utf8(clean));
    ASSERT_EQ(clean_line(clean), clean) << testing::PrintToString(text);
    const std::string lines = quoted_text(text);
    for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
      ASSERT_EQ(lines.compare(at, 2, "| "), 0) << testing::PrintToString(text);
    }
  }
}

}  // namespace
}  // namespace crossrank::judge
