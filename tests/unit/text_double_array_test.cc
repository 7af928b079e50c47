// DoubleArray against a linear search.
#include "text/double_array.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

namespace crossrank::text {
namespace {

DoubleArray build(const std::vector<std::string>& tokens) {
  std::vector<DoubleArray::Key> keys;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    keys.push_back({tokens[i], static_cast<std::int32_t>(i)});
  }
  DoubleArray array;
  EXPECT_TRUE(array.build(keys));
  return array;
}

void expect_longest(const DoubleArray& array, const std::vector<std::string>& tokens,
                    std::string_view text) {
  DoubleArray::Match want;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].size() > want.length && text.starts_with(tokens[i])) {
      want = {static_cast<std::int32_t>(i), tokens[i].size()};
    }
  }
  const DoubleArray::Match got = array.longest(DoubleArray::kRoot, text);
  EXPECT_EQ(got.value, want.value) << text;
  EXPECT_EQ(got.length, want.length) << text;
}

TEST(DoubleArray, FindsTheLongestPrefix) {
  const std::vector<std::string> tokens = {"a", "ab", "abcd", "b", "##a", "##", "\xC3\xA9"};
  const DoubleArray array = build(tokens);
  for (const char* text : {"", "a", "ab", "abc", "abcd", "abcde", "b", "c", "##ab", "#", "##",
                           "\xC3\xA9", "\xC3\xA8"}) {
    expect_longest(array, tokens, text);
  }
}

TEST(DoubleArray, HoldsEveryByte) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(std::string(1, static_cast<char>(byte)));
    tokens.push_back(std::string(2, static_cast<char>(byte)));
  }
  const DoubleArray array = build(tokens);
  for (const std::string& token : tokens) expect_longest(array, tokens, token);
  expect_longest(array, tokens, std::string_view("\0\0\0", 3));
}

TEST(DoubleArray, NeverMatchesTheEmptyKeyAndKeepsTheFirstOfEqualOnes) {
  const DoubleArray array = build({"", "x", "x"});
  EXPECT_EQ(array.longest(DoubleArray::kRoot, "y").value, -1);
  EXPECT_EQ(array.longest(DoubleArray::kRoot, "x").value, 1);
}

TEST(DoubleArray, WalksToANodeAndGoesOnFromThere) {
  const DoubleArray array = build({"##ab", "##", "abc"});
  EXPECT_EQ(array.longest(array.walk("##"), "abc").length, 2u);
  EXPECT_EQ(array.walk(""), DoubleArray::kRoot);
  EXPECT_EQ(array.walk("###"), DoubleArray::kNowhere);
  EXPECT_EQ(array.longest(DoubleArray::kNowhere, "abc").value, -1);
}

TEST(DoubleArray, OfNothingMatchesNothing) {
  const DoubleArray array = build({});
  EXPECT_EQ(array.longest(DoubleArray::kRoot, "a").value, -1);
  EXPECT_EQ(DoubleArray().walk("a"), DoubleArray::kNowhere);
}

TEST(DoubleArray, AgreesWithALinearSearchOnRandomKeys) {
  std::mt19937 random(7);
  for (const int letters : {2, 5, 256}) {
    const auto word = [&](std::size_t longest) {
      std::string out;
      for (std::size_t n = 1 + random() % longest; n > 0; --n) {
        out += static_cast<char>(random() % static_cast<unsigned>(letters));
      }
      return out;
    };
    std::set<std::string> unique;
    for (int i = 0; i < 2000; ++i) unique.insert(word(8));
    const std::vector<std::string> tokens(unique.begin(), unique.end());
    const DoubleArray array = build(tokens);
    for (int i = 0; i < 500; ++i) expect_longest(array, tokens, word(12));
    for (const std::string& token : tokens) {
      ASSERT_EQ(array.longest(DoubleArray::kRoot, token).length, token.size());
    }
  }
}

}  // namespace
}  // namespace crossrank::text
