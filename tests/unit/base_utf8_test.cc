// Tests of src/base/utf8 against CPython (constants from make_utf8_golden.py) and definitions.
#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/sha256.h"

namespace crossrank::base {
namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

std::string repaired(const std::string& text) { return repair_utf8(text).value_or(text); }

const std::vector<std::pair<const char*, const char*>> kIllFormed = {
    {"41ff42", "41efbfbd42"},
    {"c3", "efbfbd"},
    {"c328", "efbfbd28"},
    {"c0af", "efbfbdefbfbd"},
    {"e282", "efbfbd"},
    {"e28241", "efbfbd41"},
    {"e228a1", "efbfbd28efbfbd"},
    {"eda080", "efbfbdefbfbdefbfbd"},
    {"edbfbf", "efbfbdefbfbdefbfbd"},
    {"f09f98", "efbfbd"},
    {"f09f9841", "efbfbd41"},
    {"f0808080", "efbfbdefbfbdefbfbdefbfbd"},
    {"f4908080", "efbfbdefbfbdefbfbdefbfbd"},
    {"f5808080", "efbfbdefbfbdefbfbdefbfbd"},
    {"808080", "efbfbdefbfbdefbfbd"},
    {"e0809f", "efbfbdefbfbdefbfbd"},
    {"e0a0", "efbfbd"},
    {"f1e1c1", "efbfbdefbfbdefbfbd"},
    {"fe", "efbfbd"},
    {"e28282ace282", "e28282efbfbdefbfbd"},
    {"f09f9880f09f", "f09f9880efbfbd"},
};

TEST(Utf8Repair, IsPythonsErrorsReplace) {
  for (const auto& [bytes, expected] : kIllFormed) {
    EXPECT_EQ(repair_utf8(from_hex(bytes)), from_hex(expected)) << bytes;
  }
}

TEST(Utf8Repair, IsPythonsOnEveryShortStringOfBoundaryBytes) {
  const std::string bytes = from_hex("417f808f909fa0bfc1c2dfe0e1ecedeeeff0f1f3f4f5ff");
  Sha256 digest;
  for (std::size_t length = 1; length <= 4; ++length) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= bytes.size();
    for (std::size_t n = 0; n < count; ++n) {
      std::string text(length, ' ');
      for (std::size_t i = length, rest = n; i-- > 0; rest /= bytes.size()) {
        text[i] = bytes[rest % bytes.size()];
      }
      const std::string out = repaired(text);
      ASSERT_TRUE(is_valid_utf8(out));
      ASSERT_EQ(is_valid_utf8(text), out == text);
      digest.update(out);
      digest.update("\n");
    }
  }
  EXPECT_EQ(digest.hex_digest(),
            "c04dff760212c283a1853c0482e7477dd5ac71d76c40c4ebf54ee90e527dd072");
}

std::string between_ascii(std::size_t before, const std::string& text, std::size_t after) {
  return std::string(before, 'a') + text + std::string(after, 'z');
}

TEST(Utf8Repair, DoesNotDependOnWhatStandsAround) {  // 8 ASCII bytes are skipped at a time
  for (std::size_t before = 0; before <= 17; ++before) {
    for (std::size_t after = 0; after <= 17; ++after) {
      for (const auto& [bytes, expected] : kIllFormed) {
        const std::string text = between_ascii(before, from_hex(bytes), after);
        ASSERT_EQ(repair_utf8(text), between_ascii(before, from_hex(expected), after));
        ASSERT_GE(valid_utf8_prefix(text), before);
        ASSERT_LT(valid_utf8_prefix(text), text.size() - after);
      }
    }
  }
}

TEST(Utf8Repair, ValidTextIsNotCopied) {
  EXPECT_EQ(repair_utf8(""), std::nullopt);
  EXPECT_EQ(repair_utf8("aé日😀"), std::nullopt);
  EXPECT_EQ(repair_utf8(std::string(1000, 'a')), std::nullopt);
}

TEST(Utf8Prefix, IsTheOffsetOfTheFirstIllFormedSequence) {
  EXPECT_EQ(valid_utf8_prefix(""), 0u);
  EXPECT_EQ(valid_utf8_prefix("aé"), 3u);
  EXPECT_EQ(valid_utf8_prefix("aé\xE2\x82"), 3u);
  EXPECT_EQ(valid_utf8_prefix("\xFFz"), 0u);
  EXPECT_EQ(valid_utf8_prefix(std::string(20, 'a') + '\x80'), 20u);
}

TEST(Utf8, EveryScalarValueRoundTrips) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    ASSERT_EQ(text.size(), c < 0x80 ? 1u : c < 0x800 ? 2u : c < 0x10000 ? 3u : 4u);
    ASSERT_TRUE(is_valid_utf8(text)) << static_cast<std::uint32_t>(c);
    std::size_t pos = 0;
    ASSERT_EQ(decode_utf8(text, pos), c);
    ASSERT_EQ(pos, text.size());
  }
}

TEST(Utf8, SurrogatesAreIllFormed) {
  for (char32_t c = 0xD800; c <= 0xDFFF; ++c) {
    std::string text;
    append_utf8(text, c);
    ASSERT_FALSE(is_valid_utf8(text));
  }
}

TEST(Utf8, DecodesOneAfterTheOther) {
  const std::string text = "aé日😀z";
  std::vector<char32_t> found;
  for (std::size_t pos = 0; pos < text.size();) found.push_back(decode_utf8(text, pos));
  EXPECT_EQ(found, (std::vector<char32_t>{U'a', U'é', U'日', U'😀', U'z'}));
}

TEST(Utf8, CountsCodePoints) {
  EXPECT_EQ(count_code_points(""), 0u);
  EXPECT_EQ(count_code_points("aé日😀"), 4u);
  EXPECT_EQ(count_code_points("e\xCC\x81"), 2u);  // a combining mark is a code point
}

TEST(Utf8, PrefixesEndBetweenCodePoints) {
  const std::string text = "aé日😀z";
  const std::vector<std::size_t> ends = {0, 1, 3, 6, 10, 11, 11, 11};
  for (std::size_t count = 0; count < ends.size(); ++count) {
    EXPECT_EQ(prefix_bytes(text, count), ends[count]) << count;
  }
  EXPECT_EQ(prefix_bytes(text, static_cast<std::size_t>(-1)), text.size());
  EXPECT_EQ(prefix_bytes("", 0), 0u);
  EXPECT_EQ(prefix_bytes("", 5), 0u);
  EXPECT_EQ(prefix_bytes("日日", 1), 3u);
  EXPECT_EQ(prefix_bytes("日日", 4), 6u);  // fewer code points than bytes
}

}  // namespace
}  // namespace crossrank::base
