// Added tokens: the search, and the flags.
#include "text/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crossrank::text {
namespace {

using testing::ElementsAre;

AddedToken token(const std::string& pattern, std::int32_t id) {
  AddedToken out;
  out.content = out.pattern = pattern;
  out.id = id;
  return out;
}

// The pieces as "text" or "text=id".
std::vector<std::string> split(const std::vector<AddedToken>& tokens, std::string_view text) {
  AddedTokens added;
  EXPECT_TRUE(added.build(tokens));
  std::vector<std::string> out;
  added.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
    std::string piece(text.substr(begin, end - begin));
    if (id >= 0) piece.append("=").append(std::to_string(id));
    out.push_back(piece);
  });
  return out;
}

TEST(AddedTokens, WithoutTokensTheTextIsOnePiece) {
  EXPECT_THAT(split({}, "abc"), ElementsAre("abc"));
  EXPECT_THAT(split({}, ""), ElementsAre());
}

TEST(AddedTokens, CutTheTextLeftmostLongest) {
  const std::vector<AddedToken> tokens = {token("ab", 1), token("abc", 2), token("bcd", 3)};
  EXPECT_THAT(split(tokens, "xabcdab"), ElementsAre("x", "abc=2", "d", "ab=1"));
  EXPECT_THAT(split(tokens, "bcdab"), ElementsAre("bcd=3", "ab=1"));
  EXPECT_THAT(split(tokens, "abab"), ElementsAre("ab=1", "ab=1"));
}

TEST(AddedTokens, OneFirstByteOrSeveralFindTheSame) {
  EXPECT_THAT(split({token("[A]", 1)}, "[[A][A"), ElementsAre("[", "[A]=1", "[A"));
  EXPECT_THAT(split({token("[A]", 1), token("<B>", 2)}, "[[A]<B[A"),
              ElementsAre("[", "[A]=1", "<B[A"));
}

TEST(AddedTokens, SingleWordStandsBesideNoWordCharacter) {
  AddedToken foo = token("foo", 1);
  foo.single_word = true;
  EXPECT_THAT(split({foo}, "foo-foo foo"), ElementsAre("foo=1", "-", "foo=1", " ", "foo=1"));
  EXPECT_THAT(split({foo}, "xfoo"), ElementsAre("xfoo"));
  EXPECT_THAT(split({foo}, "foo_"), ElementsAre("foo_"));
  EXPECT_THAT(split({foo}, "\u00e9foo"), ElementsAre("\u00e9foo"));
  EXPECT_THAT(split({foo}, "foo\u0301"), ElementsAre("foo\u0301"));
  EXPECT_THAT(split({foo}, "\u4f60foo"), ElementsAre("\u4f60foo"));
  EXPECT_THAT(split({foo}, "foo\u3002"), ElementsAre("foo=1", "\u3002"));
}

TEST(AddedTokens, AForbiddenMatchUsesUpItsBytes) {
  AddedToken aa = token("aa", 1);
  aa.single_word = true;
  EXPECT_THAT(split({aa, token("ab", 2)}, "aab"), ElementsAre("aab"));
}

TEST(AddedTokens, StripTakesWhiteSpaceAlong) {
  AddedToken left = token("<l>", 1);
  left.lstrip = true;
  AddedToken right = token("<r>", 2);
  right.rstrip = true;
  EXPECT_THAT(split({left, right}, "a \u3000<l> b"), ElementsAre("a", " \u3000<l>=1", " b"));
  EXPECT_THAT(split({left, right}, "a <r>\t\u00a0b"), ElementsAre("a ", "<r>\t\u00a0=2", "b"));
  EXPECT_THAT(split({left, right}, "<r>  <l>"), ElementsAre("<r>  =2", "<l>=1"));
  EXPECT_THAT(split({left, right}, " <l>  <l>"), ElementsAre(" <l>=1", "  <l>=1"));
}

// As the reference does it: "  " is found again inside what <r> took along.
TEST(AddedTokens, PatternsOfWhiteSpaceOverlapWhatWasTaken) {
  AddedToken right = token("<r>", 1);
  right.rstrip = true;
  EXPECT_THAT(split({right, token("  ", 2)}, "<r>   x"), ElementsAre("<r>   =1", "  =2", " x"));
  AddedToken spaces = token("  ", 2);
  spaces.lstrip = true;
  EXPECT_THAT(split({right, spaces}, "<r>    "), ElementsAre("<r>    =1", "  =2"));
}

// Runs in linear time; with repeated scans it would take minutes.
TEST(AddedTokens, ManyStrippedSpacesAreReadOnce) {
  AddedToken space = token(" ", 1);
  space.lstrip = space.rstrip = true;
  AddedTokens added;
  ASSERT_TRUE(added.build({space}));
  std::size_t pieces = 0;
  added.split(std::string(1'000'000, ' '),
              [&](std::size_t, std::size_t, std::int32_t) { ++pieces; });
  EXPECT_EQ(pieces, 1u);
}

TEST(AddedTokens, SpaceHelpersStopAtTheirBounds) {
  EXPECT_EQ(trim_end("a \u3000", 0), 1u);
  EXPECT_EQ(trim_end("a \u3000", 2), 2u);
  EXPECT_EQ(trim_end("  ", 0), 0u);
  EXPECT_EQ(skip_space("a \u3000b", 1), 5u);
  EXPECT_EQ(skip_space("a ", 1), 2u);
}

}  // namespace
}  // namespace crossrank::text
