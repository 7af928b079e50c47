// CrossEncoder::load and predict on tiny random models: batch invariance, truncation, errors.
#include "crossrank/cross_encoder.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "crossrank/tokenizer.h"
#include "crossrank/version.h"
#include "engine/activation.h"
#include "tests/support/error_of.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

using testing::HasSubstr;

CrossEncoder load(const TinyModel& model, const LoadOptions& options = {.threads = 2}) {
  return CrossEncoder::load(model.folder(), options).value();
}

// Owns texts; pairs() views them.
struct Texts {
  std::vector<std::string> queries, documents;

  std::vector<TextPair> pairs() const {
    std::vector<TextPair> all;
    for (std::size_t i = 0; i < queries.size(); ++i) all.push_back({queries[i], documents[i]});
    return all;
  }
};

Texts random_texts(std::size_t count) {
  std::mt19937 random(11);
  Texts texts;
  std::vector<std::string> queries;
  for (std::size_t n : {0, 1, 3, 8, 40}) queries.push_back(tiny_words(random, n));
  for (std::size_t i = 0; i < count; ++i) {
    texts.queries.push_back(queries[random() % queries.size()]);
    texts.documents.push_back(tiny_words(random, i % 7 == 0 ? random() % 90 : random() % 12));
  }
  return texts;
}

std::vector<float> logits_of(const Predictions& predictions) {
  std::vector<float> logits;
  for (const ScoredPair& pair : predictions) logits.push_back(pair.logit);
  return logits;
}

// Equality of bits.
void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b,
                      const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(a[i]), std::bit_cast<std::uint32_t>(b[i]))
        << what << ", pair " << i;
  }
}

std::vector<float> one_by_one(const CrossEncoder& encoder, const std::vector<TextPair>& pairs) {
  std::vector<float> logits;
  logits.reserve(pairs.size());
  for (const TextPair& pair : pairs) logits.push_back(encoder.predict({&pair, 1}).value()[0].logit);
  return logits;
}

TEST(CrossEncoderPredict, SameBitsWhateverTheBatch) {
  const TinyModel model;
  const Texts texts = random_texts(300);
  const std::vector<TextPair> pairs = texts.pairs();
  for (const std::string& isa : available_isas()) {
    const std::vector<float> expected = one_by_one(load(model, {.isa = isa, .threads = 1}), pairs);
    EXPECT_GT(*std::max_element(expected.begin(), expected.end()) -
                  *std::min_element(expected.begin(), expected.end()),
              1.0F)
        << "logits that are nearly equal would hide errors";
    for (const std::size_t threads : {1, 2, 5}) {
      const CrossEncoder encoder = load(model, {.isa = isa, .threads = threads});
      EXPECT_EQ(encoder.info().isa, isa);
      for (const std::size_t batch_tokens : {1, 17, 64, 512, 16384}) {
        for (const std::size_t batch_size : {0, 1, 3}) {
          ScoreOptions options;
          options.batch_tokens = batch_tokens;
          options.batch_size = batch_size;
          expect_same_bits(logits_of(encoder.predict(pairs, options).value()), expected,
                           isa + ", threads " + std::to_string(threads) + ", batch_tokens " +
                               std::to_string(batch_tokens) + ", batch_size " +
                               std::to_string(batch_size));
        }
      }
    }
  }
}

TEST(CrossEncoderPredict, SameBitsWhateverTheOrder) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  const Texts texts = random_texts(300);
  const std::vector<TextPair> pairs = texts.pairs();
  const std::vector<float> expected = logits_of(encoder.predict(pairs).value());
  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), 0U);
  std::mt19937 random(5);
  std::shuffle(order.begin(), order.end(), random);
  std::vector<TextPair> shuffled;
  std::vector<float> expected_shuffled;
  for (const std::size_t i : order) {
    shuffled.push_back(pairs[i]);
    expected_shuffled.push_back(expected[i]);
  }
  expect_same_bits(logits_of(encoder.predict(shuffled).value()), expected_shuffled, "shuffled");
}

TEST(CrossEncoderPredict, SeveralStretchesGiveWhatOneGives) {
  const TinyModel model({.layers = 1});
  const CrossEncoder encoder = load(model);
  Texts texts = random_texts(100);
  std::vector<TextPair> few = texts.pairs();
  std::vector<TextPair> many;  // more pairs than a stretch holds, with queries that take turns
  while (many.size() < 10'000) many.insert(many.end(), few.begin(), few.end());
  const std::vector<float> expected = logits_of(encoder.predict(few).value());
  const std::vector<float> logits = logits_of(encoder.predict(many).value());
  ASSERT_EQ(logits.size(), many.size());
  for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_EQ(logits[i], expected[i % few.size()]);
}

TEST(CrossEncoderPredict, NothingGivesNothing) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  std::size_t calls = 0;
  ScoreOptions options;
  options.progress = [&](std::size_t, std::size_t) { ++calls; };
  EXPECT_EQ(encoder.predict({}, options).value().size(), 0U);
  EXPECT_EQ(calls, 0U);
  EXPECT_TRUE(encoder.rank("w1", {}).value().empty());
}

TEST(CrossEncoderPredict, EmptyTextsAreScored) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  const std::vector<TextPair> pairs = {{"", ""}, {" \t", "\n"}, {"w1", ""}, {"", "w1"}};
  const Predictions predictions = encoder.predict(pairs).value();
  EXPECT_EQ(predictions[0].truncation.tokens_total, 3U);
  EXPECT_EQ(predictions[0].logit, predictions[1].logit);
  EXPECT_NE(predictions[2].logit, predictions[3].logit);  // [CLS] w1 [SEP] [SEP]: types differ
}

TEST(CrossEncoderPredict, InvalidUtf8IsScoredAsPythonRepairsIt) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  const std::string broken = "w1 \xFF w2 \xE2\x82 w3";
  const std::vector<TextPair> pairs = {{broken, "w5"},
                                       {"w1 \uFFFD w2 \uFFFD w3", "w5"},
                                       {"w5", broken},
                                       {"w5", "w1 \uFFFD w2 \uFFFD w3"}};
  const Predictions predictions = encoder.predict(pairs).value();
  EXPECT_EQ(predictions[0].logit, predictions[1].logit);
  EXPECT_EQ(predictions[2].logit, predictions[3].logit);
  EXPECT_NE(predictions[0].logit, predictions[2].logit);
  EXPECT_EQ(broken, "w1 \xFF w2 \xE2\x82 w3");
}

TEST(CrossEncoderPredict, ReportsWhatWasLeftOut) {
  const TinyModel model({.max_positions = 20});
  const CrossEncoder encoder = load(model);
  std::mt19937 random(1);
  const std::string q4 = tiny_words(random, 4);
  const std::string q30 = tiny_words(random, 30);
  const std::string d40 = tiny_words(random, 40);
  const std::vector<TextPair> pairs = {{q4, "w1 w2"}, {q4, d40}, {q30, d40}};
  const Predictions predictions = encoder.predict(pairs).value();
  const auto expect = [&](std::size_t i, std::size_t total, std::size_t used, bool query) {
    EXPECT_EQ(predictions[i].truncation.tokens_total, total) << i;
    EXPECT_EQ(predictions[i].truncation.tokens_used, used) << i;
    EXPECT_EQ(predictions[i].truncation.query_truncated, query) << i;
    EXPECT_EQ(predictions[i].truncation.truncated(), used < total) << i;
  };
  expect(0, 9, 9, false);
  expect(1, 47, 20, false);
  expect(2, 73, 20, true);

  ScoreOptions options;
  options.max_chars = 5;
  const std::vector<TextPair> cut_pair = {{"w1", "w2 w3\uFFFDw4"}, {"w1", "w2 w3"}};
  const Predictions cut = encoder.predict(cut_pair, options).value();
  EXPECT_EQ(cut[0].truncation.chars_cut, 3U);
  EXPECT_TRUE(cut[0].truncation.truncated());
  EXPECT_EQ(cut[0].logit, cut[1].logit);
  EXPECT_FALSE(cut[1].truncation.truncated());
}

TEST(CrossEncoderPredict, TruncationFromTheLeft) {
  const TinyModel model({.max_positions = 10, .tokenizer_config = R"({"truncation_side":"left"})"});
  const CrossEncoder encoder = load(model);
  // Seven tokens have room: three of the query, the shorter side, and four of the document.
  const std::vector<TextPair> pairs = {{"w9 w9 w1 w2 w3", "w9 w9 w9 w4 w5 w6 w7"},
                                       {"w1 w2 w3", "w4 w5 w6 w7"}};
  const Predictions predictions = encoder.predict(pairs).value();
  EXPECT_EQ(predictions[0].truncation.tokens_used, 10U);
  EXPECT_EQ(predictions[0].logit, predictions[1].logit);
}

TEST(CrossEncoderPredict, MaxLengthIsTheCallersWithinTheModels) {
  const TinyModel model({.max_positions = 40, .tokenizer_config = R"({"model_max_length":24})"});
  std::mt19937 random(2);
  const std::string document = tiny_words(random, 60);
  const TextPair pair = {"w1", document};
  const auto used = [&](std::size_t load_length, std::size_t call_length) {
    const CrossEncoder encoder = load(model, {.threads = 1, .max_length = load_length});
    ScoreOptions options;
    options.max_length = call_length;
    return encoder.predict({&pair, 1}, options).value()[0].truncation.tokens_used;
  };
  EXPECT_EQ(used(0, 0), 24U);   // the tokenizer's
  EXPECT_EQ(used(32, 0), 32U);  // a stated length overrides the tokenizer's
  EXPECT_EQ(used(0, 32), 32U);
  EXPECT_EQ(used(0, 900), 40U);  // nothing overrides the position table
  EXPECT_EQ(used(900, 0), 40U);
  EXPECT_EQ(used(12, 900), 12U);  // what was loaded is the limit
  EXPECT_EQ(used(12, 6), 6U);
  EXPECT_EQ(used(0, 4), 4U);
}

TEST(CrossEncoderPredict, TheModelsPromptStandsInFrontOfEveryQuery) {
  const TinyModel plain_model;
  const TinyModel prompted_model({.query_prompt = "w90 w91. w9"});
  const CrossEncoder plain = load(plain_model);
  const CrossEncoder prompted = load(prompted_model);
  EXPECT_EQ(plain.info().query_prompt, "");
  EXPECT_EQ(prompted.info().query_prompt, "w90 w91. w9");
  Texts texts = random_texts(60);
  texts.queries.push_back("\xFF w1");
  texts.documents.push_back("w2");
  Texts by_hand = texts;
  for (std::string& query : by_hand.queries)
    query.insert(0, "w90 w91. w9");  // joins "w1" to a word
  for (const Truncation truncation : {Truncation::kLongestFirst, Truncation::kChunkMax}) {
    ScoreOptions options;
    options.truncation = truncation;
    const Predictions expected = plain.predict(by_hand.pairs(), options).value();
    const Predictions got = prompted.predict(texts.pairs(), options).value();
    expect_same_bits(logits_of(got), logits_of(expected), "prompted");
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].truncation.tokens_total, expected[i].truncation.tokens_total);
      EXPECT_EQ(got[i].truncation.query_truncated, expected[i].truncation.query_truncated);
    }
  }
  const std::vector<std::string_view> documents = {"w1", "w2 w3", "w4"};
  const auto ranked = prompted.rank("w5", documents).value();
  const auto by_hand_ranked = plain.rank("w90 w91. w9w5", documents).value();
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    EXPECT_EQ(ranked[i].index, by_hand_ranked[i].index);
    EXPECT_EQ(ranked[i].pair.logit, by_hand_ranked[i].pair.logit);
  }
  const Tokenizer tokenizer = Tokenizer::load(prompted_model.folder()).value();
  EXPECT_EQ(tokenizer.encode("w5", "w6").value().tokens,
            Tokenizer::load(plain_model.folder())->encode("w90 w91. w9w5", "w6").value().tokens);
  EXPECT_EQ(tokenizer.encode("w5").value().tokens.size(), 3U);

  // A call's own prompt in its place, also none at all.
  for (const char* prompt : {"", "w90 w91. w9", "w7 "}) {
    ScoreOptions options;
    options.query_prompt = prompt;
    Texts in_front = texts;
    for (std::string& query : in_front.queries) query.insert(0, prompt);
    const std::vector<float> expected = logits_of(plain.predict(in_front.pairs()).value());
    for (const CrossEncoder* encoder : {&plain, &prompted}) {
      expect_same_bits(logits_of(encoder->predict(texts.pairs(), options).value()), expected,
                       prompt);
    }
    EXPECT_EQ(tokenizer.encode("w5", "w6", options).value().tokens,
              Tokenizer::load(plain_model.folder())
                  ->encode(std::string(prompt) + "w5", "w6")
                  .value()
                  .tokens);
  }
}

TEST(CrossEncoderPredict, ErrorsNameTheFirstPairThatHasOne) {
  const TinyModel model({.max_positions = 16});
  const CrossEncoder encoder = load(model);
  std::mt19937 random(3);
  const std::string longer = tiny_words(random, 40);
  std::vector<TextPair> pairs(50, {"w1", "w2"});
  pairs[20] = {"w1", longer};
  pairs[30] = {longer, "w1"};
  ScoreOptions options;
  options.truncation = Truncation::kError;
  EXPECT_EQ(error_of(encoder.predict(pairs, options)).code, ErrorCode::kTooLong);
  EXPECT_THAT(error_of(encoder.predict(pairs, options)).message, HasSubstr("pair 20 "));
  options.first_index = 1000;
  EXPECT_THAT(error_of(encoder.predict(pairs, options)).message, HasSubstr("pair 1020 "));
  options.truncation = Truncation::kDocumentOnly;
  EXPECT_EQ(error_of(encoder.predict(pairs, options)).code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error_of(encoder.predict(pairs, options)).message, HasSubstr("pair 1030 "));
}

TEST(CrossEncoderPredict, ImpossibleOptions) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  const std::vector<TextPair> pairs = {{"w1", "w2"}};
  ScoreOptions options;
  options.max_length = 2;
  EXPECT_EQ(error_of(encoder.predict(pairs, options)).code, ErrorCode::kInvalidArgument);
  options = {};
  options.batch_tokens = 0;
  EXPECT_EQ(error_of(encoder.predict(pairs, options)).code, ErrorCode::kInvalidArgument);
  options = {};
  options.truncation = Truncation::kChunkMax;
  options.chunk.overlap = options.chunk.tokens;
  EXPECT_EQ(error_of(encoder.predict(pairs, options)).code, ErrorCode::kInvalidArgument);
  options = {};
  options.truncation = static_cast<Truncation>(77);
  EXPECT_THAT(error_of(encoder.predict(pairs, options)).message, HasSubstr("truncation is 77"));
  options = {};
  options.activation = static_cast<Activation>(9);
  EXPECT_EQ(error_of(encoder.predict(pairs, options)).code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error_of(encoder.predict(pairs, options)).message, HasSubstr("activation is 9"));
  const std::vector<std::string_view> documents = {"w2"};
  EXPECT_EQ(error_of(encoder.rank("w1", documents, {.score = options})).code,
            ErrorCode::kInvalidArgument);
}

TEST(CrossEncoderPredict, ProgressRisesToTheTotalOnTheCallersThread) {
  const TinyModel model;
  const CrossEncoder encoder = load(model, {.threads = 4});
  const Texts texts = random_texts(9000);
  std::vector<std::size_t> seen;
  bool same_thread = true;
  ScoreOptions options;
  const std::thread::id caller = std::this_thread::get_id();
  options.progress = [&](std::size_t done, std::size_t total) {
    EXPECT_EQ(total, 9000U);
    seen.push_back(done);
    same_thread = same_thread && std::this_thread::get_id() == caller;
  };
  ASSERT_TRUE(encoder.predict(texts.pairs(), options).ok());
  EXPECT_TRUE(same_thread);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 9000U);
  EXPECT_GT(seen.size(), 5U);
}

TEST(CrossEncoderPredict, CancelStopsBetweenBatches) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  const Texts texts = random_texts(9000);
  std::atomic<bool> cancel{true};
  ScoreOptions options;
  options.cancel = &cancel;
  EXPECT_EQ(error_of(encoder.predict(texts.pairs(), options)).code, ErrorCode::kCancelled);
  cancel = false;
  std::size_t calls_after = 0;
  options.progress = [&](std::size_t, std::size_t) { calls_after += cancel.exchange(true); };
  EXPECT_EQ(error_of(encoder.predict(texts.pairs(), options)).code, ErrorCode::kCancelled);
  EXPECT_EQ(calls_after, 0U);
  cancel = false;
  options.progress = nullptr;
  EXPECT_TRUE(encoder.predict(texts.pairs(), options).ok());
}

TEST(CrossEncoderPredict, WhatProgressThrowsReachesTheCaller) {
  const TinyModel model;
  const CrossEncoder encoder = load(model, {.threads = 3});
  const Texts texts = random_texts(500);
  const std::vector<float> expected = logits_of(encoder.predict(texts.pairs()).value());
  ScoreOptions options;
  options.progress = [](std::size_t, std::size_t) { throw std::runtime_error("enough"); };
  EXPECT_THROW((void)encoder.predict(texts.pairs(), options), std::runtime_error);
  options.progress = [](std::size_t, std::size_t) { throw std::bad_alloc(); };
  EXPECT_EQ(error_of(encoder.predict(texts.pairs(), options)).code, ErrorCode::kOutOfMemory);
  expect_same_bits(logits_of(encoder.predict(texts.pairs()).value()), expected, "afterwards");
}

TEST(CrossEncoderPredict, OverflowIsAnErrorAndNeverRanked) {
  const TinyModel model({.classifier_scale = 3e38F});
  const CrossEncoder encoder = load(model);
  const std::vector<TextPair> pairs = {{"w1", "w2"}, {"w3", "w4"}};
  const Error error = error_of(encoder.predict(pairs));
  EXPECT_EQ(error.code, ErrorCode::kInternal);
  EXPECT_THAT(error.message, HasSubstr("pair 0 "));
  const std::vector<std::string_view> documents = {"w2", "w4"};
  EXPECT_EQ(error_of(encoder.rank("w1", documents)).code, ErrorCode::kInternal);
}

TEST(CrossEncoderPredict, OneRowOfTypeEmbeddingsMeansZeros) {
  const TinyModel one({.type_vocab = 1});
  const TinyModel two({.type_vocab = 2, .equal_types = true});
  // All other tensors are the same, and the second model cannot tell its two types apart.
  const TextPair pair = {"w1 w2", "w3"};
  EXPECT_EQ(load(one).predict({&pair, 1}).value()[0].logit,
            load(two).predict({&pair, 1}).value()[0].logit);
  const Tokenizer tokenizer = Tokenizer::load(one.folder()).value();
  EXPECT_EQ(tokenizer.encode("w1", "w2").value().type_ids, std::vector<std::int32_t>(5, 0));
  const Tokenizer usual = Tokenizer::load(two.folder()).value();
  EXPECT_EQ(usual.encode("w1", "w2").value().type_ids, (std::vector<std::int32_t>{0, 0, 0, 1, 1}));
}

TEST(CrossEncoderPredict, SeveralLabels) {
  const TinyModel model({.labels = 3});
  const CrossEncoder encoder = load(model);
  EXPECT_EQ(encoder.info().num_labels, 3U);
  EXPECT_EQ(encoder.info().activation, Activation::kIdentity);
  const Texts texts = random_texts(40);
  ScoreOptions options;
  options.activation = Activation::kSigmoid;
  const Predictions predictions = encoder.predict(texts.pairs(), options).value();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const std::vector<float> logits(predictions.logits(i).begin(), predictions.logits(i).end());
    ASSERT_EQ(logits.size(), 3U);
    std::vector<float> softmax = logits;
    engine::apply_activation(Activation::kSoftmax, softmax);
    EXPECT_EQ(predictions.probabilities(i), softmax);
    EXPECT_EQ(predictions.scores(i)[2], engine::sigmoid(logits[2]));
    EXPECT_EQ(predictions[i].logit, logits[0]);
    EXPECT_EQ(predictions[i].probability, softmax[0]);
    EXPECT_EQ(predictions[i].score, engine::sigmoid(logits[0]));
    EXPECT_EQ(predictions.span(i), nullptr);
  }
  const std::vector<std::string_view> documents = {"w2"};
  EXPECT_EQ(error_of(encoder.rank("w1", documents)).code, ErrorCode::kUnsupportedModel);
  options.truncation = Truncation::kChunkMax;
  EXPECT_EQ(error_of(encoder.predict(texts.pairs(), options)).code, ErrorCode::kInvalidArgument);
}

TEST(CrossEncoderPredict, OneLabelHasSigmoidUnlessTheConfigSaysOtherwise) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  EXPECT_EQ(encoder.info().activation, Activation::kSigmoid);
  const TextPair pair = {"w1", "w2"};
  const Predictions predictions = encoder.predict({&pair, 1}).value();
  EXPECT_EQ(predictions[0].score, engine::sigmoid(predictions[0].logit));
  EXPECT_EQ(predictions[0].probability, predictions[0].score);
  EXPECT_EQ(predictions.logits(0)[0], predictions[0].logit);
  ScoreOptions options;
  options.activation = Activation::kIdentity;
  EXPECT_EQ(encoder.predict({&pair, 1}, options).value()[0].score, predictions[0].logit);
}

TEST(CrossEncoderLoad, InfoDescribesTheModel) {
  const TinyModel model;
  const CrossEncoder encoder = load(model, {.threads = 3});
  const ModelInfo& info = encoder.info();
  EXPECT_EQ(info.name, model.folder());
  EXPECT_EQ(info.architecture, "BertForSequenceClassification");
  EXPECT_EQ(info.layers, 2U);
  EXPECT_EQ(info.hidden_size, 16U);
  EXPECT_EQ(info.heads, 2U);
  EXPECT_EQ(info.intermediate_size, 32U);
  EXPECT_EQ(info.vocab_size, tiny_vocab().size());
  EXPECT_EQ(info.max_length, 64U);
  EXPECT_EQ(info.num_labels, 1U);
  EXPECT_EQ(info.isa, available_isas().front());
  EXPECT_EQ(info.threads, 3U);
  EXPECT_EQ(info.note, "");
  EXPECT_GT(CrossEncoder::load(model.folder()).value().info().threads, 0U);
}

TEST(CrossEncoderLoad, HashesTheWeightsOnce) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  std::ifstream file(model.folder() + "/model.safetensors", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(encoder.weights_sha256().value(), base::sha256_hex(bytes));
  EXPECT_EQ(encoder.weights_sha256().value(), base::sha256_hex(bytes));
}

TEST(CrossEncoderLoad, NoDigestOfWeightsThatWereWrittenTo) {
  const TinyModel model;
  const CrossEncoder encoder = load(model);
  std::ofstream(model.folder() + "/model.safetensors", std::ios::app) << "x";
  const Error error = error_of(encoder.weights_sha256());
  EXPECT_EQ(error.code, ErrorCode::kIoError);
  EXPECT_THAT(error.message, HasSubstr("model.safetensors: the file has been written to"));
}

TEST(CrossEncoderLoad, RefusesWhatCannotBeHad) {
  const TinyModel model;
  const auto code = [&](const LoadOptions& options) {
    return error_of(CrossEncoder::load(model.folder(), options)).code;
  };
  EXPECT_EQ(code({.precision = Precision::kBf16, .isa = "scalar"}),
            ErrorCode::kUnsupportedPrecision);
  EXPECT_EQ(code({.precision = static_cast<Precision>(77)}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.isa = "sse9"}), ErrorCode::kUnsupportedIsa);
  EXPECT_EQ(code({.threads = 1025}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.max_length = 2}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      error_of(CrossEncoder::load(model.folder() + "/absent", {.local_files_only = true})).code,
      ErrorCode::kModelNotFound);
}

TEST(CrossEncoderLoad, Int8TakesNoMoreInputsThanItsSumsHold) {
  const TinyModel model({.intermediate = 66312, .layers = 1});
  EXPECT_TRUE(CrossEncoder::load(model.folder(), {.threads = 1}).ok());
  const Error error =
      error_of(CrossEncoder::load(model.folder(), {.precision = Precision::kInt8, .threads = 1}));
  EXPECT_EQ(error.code, ErrorCode::kUnsupportedPrecision);
  EXPECT_THAT(error.message, HasSubstr("encoder.layer.0.output.dense.weight"));
  EXPECT_THAT(error.message, HasSubstr("66311"));
}

TEST(CrossEncoderLoad, TokenizerMustFitTheEmbeddings) {
  const TinyModel model({.rows_missing = 1});
  const Error error = error_of(CrossEncoder::load(model.folder()));
  EXPECT_EQ(error.code, ErrorCode::kBadConfig);
  EXPECT_THAT(error.message, HasSubstr("vocab_size"));
}

TEST(CrossEncoderLoad, LimitsWithoutRoomForATokenAreErrors) {
  const TinyModel positions({.max_positions = 2});
  EXPECT_EQ(error_of(CrossEncoder::load(positions.folder())).code, ErrorCode::kBadConfig);
  const TinyModel tokenizer({.tokenizer_config = R"({"model_max_length":1})"});
  EXPECT_EQ(error_of(CrossEncoder::load(tokenizer.folder())).code, ErrorCode::kBadConfig);
  EXPECT_TRUE(CrossEncoder::load(tokenizer.folder(), {.max_length = 8}).ok());
}

TEST(CrossEncoderLoad, MovedObjectsWork) {
  const TinyModel model;
  CrossEncoder first = load(model);
  const TextPair pair = {"w1", "w2"};
  const float expected = first.predict({&pair, 1}).value()[0].logit;
  CrossEncoder second = std::move(first);
  EXPECT_EQ(second.predict({&pair, 1}).value()[0].logit, expected);
  CrossEncoder third = load(model, {.threads = 1});
  third = std::move(second);
  EXPECT_EQ(third.predict({&pair, 1}).value()[0].logit, expected);
}

}  // namespace
}  // namespace crossrank
