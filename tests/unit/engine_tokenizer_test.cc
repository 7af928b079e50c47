// The public Tokenizer: what it adds to src/text, on a tiny vocabulary.
#include "crossrank/tokenizer.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

using Tokens = std::vector<std::string>;

Tokenizer load(const TinyModel& model, const LoadOptions& options = {}) {
  return Tokenizer::load(model.folder(), options).value();
}

TEST(PublicTokenizer, SingleText) {
  const TinyModel model;
  const Tokenizer tokenizer = load(model);
  const Encoding encoding = tokenizer.encode("w1 ab?").value();
  EXPECT_EQ(encoding.tokens, (Tokens{"[CLS]", "w1", "a", "##b", "?", "[SEP]"}));
  EXPECT_EQ(encoding.type_ids, std::vector<std::int32_t>(6, 0));
  EXPECT_EQ(encoding.ids.size(), 6U);
  EXPECT_EQ(encoding.ids.front(), 2);
  EXPECT_EQ(encoding.ids.back(), 3);
  EXPECT_EQ(encoding.truncation.tokens_total, 6U);
  EXPECT_EQ(encoding.truncation.tokens_used, 6U);
  EXPECT_EQ(tokenizer.encode("").value().tokens, (Tokens{"[CLS]", "[SEP]"}));
  EXPECT_EQ(tokenizer.vocab_size(), tiny_vocab().size());
  EXPECT_EQ(tokenizer.max_length(), 64U);
}

TEST(PublicTokenizer, SingleTextHasTheSpansOfItsTokens) {
  const TinyModel model;
  const Tokenizer tokenizer = load(model);
  const std::string text = "é w1  ab? é";
  const Encoding encoding = tokenizer.encode(text).value();
  ASSERT_EQ(encoding.spans.size(), encoding.tokens.size());
  const std::vector<std::string> wanted = {"", "é", "w1", "a", "b", "?", "é", ""};
  ASSERT_EQ(encoding.tokens.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const TextSpan& span = encoding.spans[i];
    EXPECT_EQ(text.substr(span.begin_byte, span.end_byte - span.begin_byte), wanted[i]) << i;
  }
  EXPECT_EQ(encoding.spans[1].end_char, 1U);
  EXPECT_EQ(encoding.spans[2].begin_char, 2U);  // two bytes, one character
  EXPECT_EQ(encoding.spans[6].begin_char, 10U);
  EXPECT_EQ(encoding.spans[6].end_char, 11U);
  ScoreOptions options;
  options.max_length = 4;
  const Encoding cut = tokenizer.encode(text, options).value();
  ASSERT_EQ(cut.spans.size(), 4U);
  EXPECT_EQ(cut.spans[2].begin_char, 2U);
}

TEST(PublicTokenizer, SingleTextIsCutOnlyWhenAskedTo) {
  const TinyModel model;
  const Tokenizer tokenizer = load(model);
  std::string text;
  for (int i = 0; i < 100; ++i) text += "w" + std::to_string(i) + " ";
  EXPECT_EQ(tokenizer.encode(text).value().ids.size(), 102U);
  ScoreOptions options;
  options.max_length = 4;
  const Encoding cut = tokenizer.encode(text, options).value();
  EXPECT_EQ(cut.tokens, (Tokens{"[CLS]", "w0", "w1", "[SEP]"}));
  EXPECT_EQ(cut.truncation.tokens_total, 102U);
  EXPECT_EQ(cut.truncation.tokens_used, 4U);
  EXPECT_TRUE(cut.truncation.truncated());
  EXPECT_FALSE(tokenizer.encode("w1 w2", options).value().truncation.truncated());
  options.truncation = Truncation::kError;
  EXPECT_EQ(tokenizer.encode(text, options).error().code, ErrorCode::kTooLong);
  EXPECT_TRUE(tokenizer.encode("w1 w2", options).ok());
  options.max_length = 1;
  EXPECT_EQ(tokenizer.encode("w1", options).error().code, ErrorCode::kInvalidArgument);
  options = {};
  options.max_length = 100'000;  // clamped to the position table
  EXPECT_EQ(tokenizer.encode(text, options).value().ids.size(), 64U);
  options = {};
  options.max_chars = 3;
  EXPECT_EQ(tokenizer.encode("é\xFFxyz", options).value().truncation.chars_cut, 2U);
}

TEST(PublicTokenizer, SingleTextFromTheLeft) {
  const TinyModel model({.tokenizer_config = R"({"truncation_side":"left"})"});
  ScoreOptions options;
  options.max_length = 4;
  EXPECT_EQ(load(model).encode("w1 w2 w3 w4", options).value().tokens,
            (Tokens{"[CLS]", "w3", "w4", "[SEP]"}));
}

TEST(PublicTokenizer, Pair) {
  const TinyModel model;
  const Tokenizer tokenizer = load(model);
  ScoreOptions options;
  options.max_length = 7;
  const Encoding encoding = tokenizer.encode("w1 w2 w3", "w4 w5 w6", options).value();
  EXPECT_EQ(encoding.tokens, (Tokens{"[CLS]", "w1", "w2", "[SEP]", "w4", "w5", "[SEP]"}));
  EXPECT_EQ(encoding.type_ids, (std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(encoding.truncation.tokens_total, 9U);
  EXPECT_EQ(encoding.truncation.tokens_used, 7U);
  EXPECT_TRUE(encoding.truncation.query_truncated);
  options.max_length = 0;
  options.truncation = Truncation::kChunkMax;
  options.chunk = {.tokens = 2, .overlap = 1, .max_chunks = 8};
  EXPECT_EQ(tokenizer.encode("w1", "w4 w5 w6", options).value().tokens,
            (Tokens{"[CLS]", "w1", "[SEP]", "w4", "w5", "[SEP]"}));
  EXPECT_FALSE(tokenizer.encode("w1", "w4 w5 w6", options).value().truncation.truncated());
  options.chunk.max_chunks = 1;
  EXPECT_TRUE(tokenizer.encode("w1", "w4 w5 w6", options).value().truncation.truncated());
}

TEST(PublicTokenizer, NeedsNoWeights) {
  const TinyModel model;
  std::filesystem::remove(std::filesystem::path(model.folder()) / "model.safetensors");
  EXPECT_TRUE(Tokenizer::load(model.folder()).ok());
  std::ofstream(model.folder() + "/config.json")
      << R"({"architectures":["RobertaForSequenceClassification"],"model_type":"roberta"})";
  EXPECT_TRUE(Tokenizer::load(model.folder()).ok());  // cannot be scored, but tokenized
  std::ofstream(model.folder() + "/config.json") << "{";
  EXPECT_EQ(Tokenizer::load(model.folder()).error().code, ErrorCode::kBadConfig);
}

}  // namespace
}  // namespace crossrank
