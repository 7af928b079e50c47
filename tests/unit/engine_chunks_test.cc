// Documents scored in chunks: which chunk counts, its span, and what of a document is covered.
#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crossrank/cross_encoder.h"
#include "crossrank/tokenizer.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

CrossEncoder load(const TinyModel& model) {
  return CrossEncoder::load(model.folder(), {.threads = 2}).value();
}

TEST(Chunks, MaxKeepsTheBestChunk) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  std::mt19937 random(4);
  ScoreOptions options;
  options.truncation = Truncation::kChunkMax;
  options.chunk = {.tokens = 5, .overlap = 2, .max_chunks = 6};
  options.batch_tokens = 30;  // the chunks of a document spread over batches
  std::vector<std::string> queries, documents;
  for (std::size_t i = 0; i < 40; ++i) {
    queries.push_back(tiny_words(random, 1 + i % 4));
    documents.push_back("é " + tiny_words(random, i));
  }
  std::vector<TextPair> pairs;
  for (std::size_t i = 0; i < 40; ++i) pairs.push_back({queries[i], documents[i]});
  const Predictions predictions = encoder.predict(pairs, options).value();
  std::size_t not_first = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    ASSERT_NE(predictions.span(i), nullptr);
    const TextSpan span = *predictions.span(i);
    const std::string_view document = pairs[i].document;
    ASSERT_LE(span.begin_byte, span.end_byte);
    ASSERT_LE(span.end_byte, document.size());
    // The document has one character of two bytes, and it stands in front.
    EXPECT_EQ(span.begin_char, span.begin_byte == 0 ? 0 : span.begin_byte - 1);
    EXPECT_EQ(span.end_char, span.end_byte == 0 ? 0 : span.end_byte - 1);
    // The text of the span alone has the same score, and no five words in a row a better one.
    const std::string_view chunk =
        document.substr(span.begin_byte, span.end_byte - span.begin_byte);
    const TextPair alone = {pairs[i].query, chunk};
    const ScoredPair best = encoder.predict({&alone, 1}).value()[0];
    EXPECT_EQ(best.logit, predictions[i].logit) << i;
    EXPECT_EQ(best.truncation.tokens_used, predictions[i].truncation.tokens_used) << i;
    EXPECT_EQ(predictions[i].truncation.tokens_total,
              encoder.predict({&pairs[i], 1}).value()[0].truncation.tokens_total);
    if (span.begin_byte != 0) ++not_first;
  }
  EXPECT_GT(not_first, 5U);
}

TEST(Chunks, MaxScoresEveryChunkUpToTheLimit) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  ScoreOptions options;
  options.truncation = Truncation::kChunkMax;
  options.chunk = {.tokens = 1, .overlap = 0, .max_chunks = 3};
  const std::vector<std::string> words = {"w1", "w2", "w3", "w4"};
  std::vector<TextPair> alone;
  alone.reserve(words.size());
  for (const std::string& word : words) alone.push_back({"w7", word});
  std::vector<float> logits;
  for (const ScoredPair& one : encoder.predict(alone).value()) logits.push_back(one.logit);
  const TextPair pair = {"w7", "w1 w2 w3 w4"};
  const ScoredPair three = encoder.predict({&pair, 1}, options).value()[0];
  EXPECT_EQ(three.logit, *std::max_element(logits.begin(), logits.begin() + 3));
  EXPECT_TRUE(three.truncation.truncated());
  options.chunk.max_chunks = 4;
  const ScoredPair four = encoder.predict({&pair, 1}, options).value()[0];
  EXPECT_EQ(four.logit, *std::max_element(logits.begin(), logits.end()));
  EXPECT_EQ(four.truncation.tokens_used, 5U);  // of the best window
  EXPECT_FALSE(four.truncation.truncated());   // all of the document was scored
}

TEST(Chunks, Top2IsTheMeanOfTwoAndFirstTheFirst) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  const std::vector<std::string> words = {"w1", "w2", "w3", "w4"};
  std::vector<float> logits;
  for (const std::string& word : words) {
    const TextPair alone = {"w7", word};
    logits.push_back(encoder.predict({&alone, 1}).value()[0].logit);
  }
  // Every order, so that the best and the second come before and behind each other.
  std::vector<std::size_t> order = {0, 1, 2, 3};
  ScoreOptions options;
  options.chunk = {.tokens = 1, .overlap = 0, .max_chunks = 4};
  do {
    std::string document;
    for (const std::size_t i : order) document += words[i] + " ";
    const TextPair pair = {"w7", document};
    options.truncation = Truncation::kFirst;
    const Predictions first = encoder.predict({&pair, 1}, options).value();
    EXPECT_EQ(first[0].logit, logits[order[0]]);
    EXPECT_EQ(first.span(0)->end_byte, 2U);
    EXPECT_TRUE(first[0].truncation.document_truncated);
    options.truncation = Truncation::kChunkMax;
    const Predictions best = encoder.predict({&pair, 1}, options).value();
    options.truncation = Truncation::kChunkTop2;
    const Predictions two = encoder.predict({&pair, 1}, options).value();
    std::vector<float> sorted = logits;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(two[0].logit, std::midpoint(sorted[3], sorted[2])) << document;
    EXPECT_EQ(two.span(0)->begin_byte, best.span(0)->begin_byte) << document;
  } while (std::next_permutation(order.begin(), order.end()));

  // One chunk is both.
  const TextPair pair = {"w7", "w3"};
  EXPECT_EQ(encoder.predict({&pair, 1}, options).value()[0].logit, logits[2]);
}

TEST(Chunks, AreWholeSentencesWhereTheyFit) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  const std::string document = "W1 w2. W3 w4 w5. W6 w7 w8 w9. W2 w3.";
  const TextPair pair = {"w7", document};
  ScoreOptions options;
  options.truncation = Truncation::kChunkMax;
  options.chunk = {.tokens = 8, .overlap = 0, .max_chunks = 9};
  const Predictions predictions = encoder.predict({&pair, 1}, options).value();
  const TextSpan span = *predictions.span(0);
  const std::string best = document.substr(span.begin_byte, span.end_byte - span.begin_byte);
  EXPECT_THAT(best, testing::AnyOf("W1 w2. W3 w4 w5.", "W6 w7 w8 w9. W2 w3."));
  const Tokenizer tokenizer = Tokenizer::load(model.folder()).value();
  EXPECT_EQ(tokenizer.encode("w7", document, options).value().ids,
            tokenizer.encode("w7", "W1 w2. W3 w4 w5.").value().ids);
}

}  // namespace
}  // namespace crossrank
