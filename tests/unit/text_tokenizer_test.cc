// The facade on texts that the golden cases cannot hold: long ones, and bytes in every position.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/utf8.h"

namespace crossrank::text {
namespace {

const Tokenizer& minilm() {
  static const Tokenizer kTokenizer =
      Tokenizer::load(base::map_file(std::string(CROSSRANK_SOURCE_DIR) +
                                     "/models/minilm-l6-crossrank/tokenizer.json")
                          .value(),
                      {}, {})
          .value();
  return kTokenizer;
}

struct Encoded {
  std::vector<std::int32_t> ids;
  std::vector<ByteSpan> spans;
};

Encoded encode(std::string_view text) {
  Encoded out;
  minilm().encode(text, out.ids, &out.spans);
  return out;
}

TEST(Tokenizer, AppendsToWhatIsThere) {
  std::vector<std::int32_t> ids = {1, 2};
  minilm().encode("hello", ids);
  minilm().encode("", ids);
  EXPECT_EQ(ids, (std::vector<std::int32_t>{1, 2, 7592}));
}

TEST(Tokenizer, SpansNameTheSourceOfEachToken) {
  const std::string text = "Tokeni\u0301zed \u4f60[SEP] \u00dcber";
  const Encoded encoded = encode(text);
  std::vector<std::string> sources;
  for (const ByteSpan& span : encoded.spans) {
    sources.push_back(text.substr(span.begin, span.end - span.begin));
  }
  EXPECT_EQ(sources,
            (std::vector<std::string>{"Token", "i\u0301zed", "\u4f60", "[SEP]", "\u00dcber"}));
}

// Long texts are aligned in parts: every offset of the part's end is tried.
TEST(Tokenizer, SpansOfLongTextsAreThoseOfTheirWords) {
  const std::string sentence =
      "Caf\u00e9, unaffable \u4f60\u597d a\u302e\U0001d165 [SEP]x\u00a0y. ";
  const Encoded one = encode(sentence);
  const std::size_t repeats = (1 << 16) / sentence.size();
  for (std::size_t shift = 0; shift < sentence.size(); shift += 3) {
    std::string text(shift, ' ');
    for (std::size_t i = 0; i < repeats; ++i) text += sentence;
    const Encoded all = encode(text);
    std::vector<std::int32_t> ids;
    minilm().encode(text, ids);
    ASSERT_EQ(all.ids, ids);
    ASSERT_EQ(all.ids.size(), repeats * one.ids.size());
    for (std::size_t i = 0; i < all.ids.size(); ++i) {
      const ByteSpan& want = one.spans[i % one.ids.size()];
      const std::size_t begin = shift + i / one.ids.size() * sentence.size();
      ASSERT_EQ(all.ids[i], one.ids[i % one.ids.size()]);
      ASSERT_EQ(all.spans[i].begin, begin + want.begin);
      ASSERT_EQ(all.spans[i].end, begin + want.end);
    }
  }
}

TEST(Tokenizer, LongTextsWithoutSpacesKeepTheirSpans) {
  const Encoded encoded = encode(std::string(100'000, '!') + std::string(100'000, 'a'));
  ASSERT_EQ(encoded.ids.size(), 100'001u);
  EXPECT_EQ(encoded.spans.back().begin, 100'000u);
  EXPECT_EQ(encoded.spans.back().end, 200'000u);
}

}  // namespace
}  // namespace crossrank::text
