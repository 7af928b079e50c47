// How long a pair may be, where several of a model's files say so.
#include "engine/length_limits.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crossrank/cross_encoder.h"
#include "crossrank/tokenizer.h"
#include "tests/support/error_of.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

using testing::HasSubstr;

ModelInfo info(const TinyModel& model, const LoadOptions& options = {.threads = 1}) {
  return CrossEncoder::load(model.folder(), options).value().info();
}

TEST(LengthLimits, TheSavedLengthOverridesTheTokenizers) {
  const TinyModel model({.max_positions = 40,
                         .tokenizer_config = R"({"model_max_length":24})",
                         .max_seq_length = 30});
  EXPECT_EQ(info(model).max_length, 30U);
  EXPECT_EQ(Tokenizer::load(model.folder())->max_length(), 30U);
  EXPECT_EQ(info(model, {.max_length = 35}).max_length, 35U);
  EXPECT_EQ(info(model).activation, Activation::kTanh);
  const TinyModel long_model({.max_positions = 40, .max_seq_length = 900});
  EXPECT_EQ(info(long_model).max_length, 40U);
  const TinyModel short_model({.max_seq_length = 2});
  const Error error = error_of(CrossEncoder::load(short_model.folder(), {}));
  EXPECT_EQ(error.code, ErrorCode::kBadConfig);
  EXPECT_THAT(error.message, HasSubstr("max_seq_length"));
  // Without modules.json the reference reads none of it.
  ASSERT_TRUE(std::filesystem::remove(model.folder() + "/modules.json"));
  EXPECT_EQ(info(model).max_length, 24U);
  EXPECT_EQ(info(model).activation, Activation::kSigmoid);
}

TEST(CutRules, TheSideIsTheModelsUnlessAsked) {
  const engine::LengthLimits limits{.usual = 64, .longest = 64};
  for (const bool models_own : {false, true}) {
    ScoreOptions options;
    EXPECT_EQ(engine::cut_rules(options, limits, models_own)->truncate_left, models_own);
    options.truncation_side = TruncationSide::kLeft;
    EXPECT_TRUE(engine::cut_rules(options, limits, models_own)->truncate_left);
    options.truncation_side = TruncationSide::kRight;
    EXPECT_FALSE(engine::cut_rules(options, limits, models_own)->truncate_left);
    options.max_document_tokens = 7;
    EXPECT_EQ(engine::cut_rules(options, limits, models_own)->max_document_tokens, 7U);
  }
}

}  // namespace
}  // namespace crossrank
