// Recomputes the digests that tests/tokenizer/compare.py took of the `tokenizers` package's
// answers: every scalar value, pairs of combining classes, random texts. Needs no package.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "json/json.h"
#include "tests/tokenizer/random_text.h"
#include "text/normalizer.h"
#include "text/tokenizer.h"
#include "text/unicode_tables.h"

namespace crossrank::text {
namespace {

const std::string kSource = CROSSRANK_SOURCE_DIR;

std::string read_file(const std::string& path) {
  return std::string(base::map_file(kSource + "/" + path).value().bytes());
}

const json::Value& digests() {
  static const json::Value kValue = json::parse(read_file("tests/tokenizer/digests.json")).value();
  return kValue;
}

std::u32string representatives() {
  std::u32string out;
  for (const json::Value& c : digests()["class_representatives"]) out += c.get<char32_t>();
  return out;
}

using OnText = std::function<void(std::string_view)>;
using Texts = std::function<void(const OnText&)>;

Texts scalars(const std::string& before, const std::string& after) {
  return [=](const OnText& on_text) {
    for (char32_t c = 0; c < 0x110000; ++c) {
      if (c == 0xD800) c = 0xE000;
      std::string text = before;
      base::append_utf8(text, c);
      on_text(text + after);
    }
  };
}

void class_pairs(const OnText& on_text) {
  const std::u32string marks = representatives();
  for (const char32_t x : marks) {
    for (const char32_t y : marks) {
      std::string text = "a";
      base::append_utf8(text, x);
      base::append_utf8(text, y);
      on_text(text);
    }
  }
}

void random_texts(const OnText& on_text) {
  static const std::vector<std::string> kTexts = [] {
    RandomTexts texts(digests()["random_seed"].get<std::uint64_t>(), representatives());
    std::vector<std::string> out(digests()["random_texts"].get<std::size_t>());
    for (std::string& text : out) text = texts.next();
    return out;
  }();
  for (const std::string& text : kTexts) on_text(text);
}

// The records of tokenizer_probe.cc, digested.
class RecordDigest {
 public:
  void number(std::uint32_t n) {
    for (int shift = 0; shift < 32; shift += 8) buffer_ += static_cast<char>(n >> shift);
    if (buffer_.size() > kFlushBytes) flush();
  }
  void bytes(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    buffer_ += text;
  }
  std::string hex() {
    flush();
    return sha_.hex_digest();
  }

 private:
  static constexpr std::size_t kFlushBytes = 1 << 16;
  void flush() {
    sha_.update(buffer_);
    buffer_.clear();
  }
  base::Sha256 sha_;
  std::string buffer_;
};

std::string expected(const std::string& name) {
  const json::Value& all = digests()["sha256"];
  return all.contains(name) ? all[name].get<std::string>() : "no digest of that name";
}

class TokenizerDigest : public testing::TestWithParam<const char*> {
 protected:
  // The tokenizer of the embedded model as it is, or with its case kept.
  static Tokenizer make(const std::string& setting) {
    std::string file = read_file("models/minilm-l6-crossrank/tokenizer.json");
    if (setting == "cased") {
      const std::string_view from = "\"lowercase\": true";
      const std::size_t pos = file.find(from);
      EXPECT_NE(pos, file.npos);
      file.replace(pos, from.size(), "\"lowercase\": false");
    }
    return Tokenizer::load(base::Blob("tokenizer.json", file), {}, {}).value();
  }

  void check(const std::string& group, const Texts& texts, bool with_spans) {
    const std::string setting = GetParam();
    const Tokenizer tokenizer = make(setting);
    RecordDigest digest;
    std::vector<std::int32_t> ids;
    std::vector<ByteSpan> spans;
    texts([&](std::string_view text) {
      ids.clear();
      spans.clear();
      tokenizer.encode(text, ids, with_spans ? &spans : nullptr);
      digest.number(static_cast<std::uint32_t>(ids.size()));
      for (std::size_t i = 0; i < ids.size(); ++i) {
        digest.number(static_cast<std::uint32_t>(ids[i]));
        if (!with_spans) continue;
        digest.number(spans[i].begin);
        digest.number(spans[i].end);
      }
    });
    EXPECT_EQ(digest.hex(), expected(setting + "/" + group));
  }
};

TEST_P(TokenizerDigest, EveryScalarAlone) { check("ids/scalars_alone", scalars("", ""), false); }

TEST_P(TokenizerDigest, EveryScalarBetweenLetters) {
  check("ids/scalars_between_letters", scalars("a", "b"), false);
}

TEST_P(TokenizerDigest, SpansOfPairsOfCombiningClasses) {
  check("spans/class_pairs", class_pairs, true);
}

TEST_P(TokenizerDigest, RandomTexts) { check("ids/random", random_texts, false); }

TEST_P(TokenizerDigest, SpansOfRandomTexts) { check("spans/random", random_texts, true); }

INSTANTIATE_TEST_SUITE_P(Settings, TokenizerDigest, testing::Values("uncased", "cased"),
                         [](const auto& setting) { return std::string(setting.param); });

// The parameter is the four options of BertNormalizer as bits, clean_text the highest.
class NormalizerDigest : public testing::TestWithParam<int> {
 protected:
  void check(const std::string& group, const Texts& texts) {
    const int bits = GetParam();
    const NormalizerOptions options = {(bits & 8) != 0, (bits & 4) != 0, (bits & 2) != 0,
                                       (bits & 1) != 0};
    std::string name;
    for (int bit = 8; bit > 0; bit /= 2) name += (bits & bit) != 0 ? '1' : '0';
    RecordDigest digest;
    texts([&](std::string_view text) { digest.bytes(normalize(text, options)); });
    EXPECT_EQ(digest.hex(), expected("normalized/" + name + "/" + group));
  }
};

TEST_P(NormalizerDigest, EveryScalar) { check("scalars", scalars("", "")); }
TEST_P(NormalizerDigest, PairsOfCombiningClasses) { check("class_pairs", class_pairs); }
TEST_P(NormalizerDigest, RandomTexts) { check("random", random_texts); }

INSTANTIATE_TEST_SUITE_P(AllOptions, NormalizerDigest, testing::Range(0, 16));

TEST(ClassRepresentatives, CoverEveryCombiningClassOfTheTables) {
  const std::u32string marks = representatives();
  const auto kind = [](CodePoint p) { return std::pair(p.combining_class, p.flags & kMark); };
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (code_point(c).combining_class == 0) continue;
    const bool covered = std::any_of(marks.begin(), marks.end(), [&](char32_t m) {
      return kind(code_point(m)) == kind(code_point(c));
    });
    ASSERT_TRUE(covered) << "U+" << std::hex << static_cast<std::uint32_t>(c);
  }
}

}  // namespace
}  // namespace crossrank::text
