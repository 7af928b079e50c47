// A calibration in the engine, on a tiny random model: which one is used, and that it changes
// probabilities and nothing else.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crossrank/cross_encoder.h"
#include "engine/activation.h"
#include "tests/support/error_of.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

using testing::HasSubstr;

std::string calibration(const std::string& weights, const std::string& temperature,
                        const std::string& bias) {
  return R"({"format":1,"temperature":)" + temperature + R"(,"bias":)" + bias +
         R"(,"weights_sha256":")" + weights + R"("})";
}

class EngineCalibration : public testing::Test {
 protected:
  EngineCalibration()
      : plain_(CrossEncoder::load(model_.folder(), {.threads = 1}).value()),
        weights_(plain_.weights_sha256().value()) {
    std::mt19937 random(6);
    for (std::size_t i = 0; i < 40; ++i) texts_.push_back(tiny_words(random, 1 + i % 9));
    documents_.assign(texts_.begin(), texts_.end());
    for (const std::string_view document : documents_) pairs_.push_back({"w1 w2", document});
  }

  // A file beside the model's folder.
  std::string written(const std::string& text) {
    write_file(elsewhere_.path() / "c.json", text);
    return (elsewhere_.path() / "c.json").string();
  }
  Result<CrossEncoder> load(const std::string& file) const {
    LoadOptions options;
    options.threads = 1;
    options.calibration = file;
    return CrossEncoder::load(model_.folder(), options);
  }
  std::filesystem::path own() const {
    return std::filesystem::path(model_.folder()) / "crossrank_calibration.json";
  }

  const TinyModel model_;
  const TempFolder elsewhere_;
  const CrossEncoder plain_;
  const std::string weights_;
  std::vector<std::string> texts_;
  std::vector<std::string_view> documents_;
  std::vector<TextPair> pairs_;
};

TEST_F(EngineCalibration, ChangesProbabilitiesAlone) {
  const CrossEncoder encoder = load(written(calibration(weights_, "2.5", "-0.75"))).value();
  ASSERT_TRUE(encoder.info().calibration.has_value());
  EXPECT_EQ(encoder.info().calibration->temperature, 2.5);
  EXPECT_EQ(encoder.info().calibration->bias, -0.75);
  EXPECT_FALSE(plain_.info().calibration.has_value());
  const Predictions before = plain_.predict(pairs_).value();
  const Predictions after = encoder.predict(pairs_).value();
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    EXPECT_EQ(after[i].logit, before[i].logit);
    EXPECT_EQ(after[i].score, before[i].score);
    EXPECT_EQ(after.scores(i), before.scores(i));
    const double at = static_cast<double>(before[i].logit) / 2.5 - 0.75;
    EXPECT_EQ(after[i].probability, engine::sigmoid(static_cast<float>(at)));
    EXPECT_EQ(after.probabilities(i), std::vector<float>{after[i].probability});
  }
}

TEST_F(EngineCalibration, NoneChangesNoBit) {
  const CrossEncoder encoder = load(written(calibration(weights_, "1", "0"))).value();
  const Predictions before = plain_.predict(pairs_).value();
  const Predictions after = encoder.predict(pairs_).value();
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    EXPECT_EQ(before[i].probability, engine::sigmoid(before[i].logit));
    EXPECT_EQ(after[i].probability, before[i].probability);
  }
}

TEST_F(EngineCalibration, ThresholdsAreOfCalibratedProbabilities) {
  const CrossEncoder encoder = load(written(calibration(weights_, "3", "0.5"))).value();
  const auto all = encoder.rank("w1 w2", documents_).value();
  RankOptions options;
  options.min_probability = all[9].pair.probability;  // inclusive
  const auto kept = encoder.rank("w1 w2", documents_, options).value();
  ASSERT_EQ(kept.size(), 10u);
  for (std::size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i].index, all[i].index);
  EXPECT_NE(plain_.rank("w1 w2", documents_, options).value().size(), 10u);
}

TEST_F(EngineCalibration, AFolderHasItsOwnUntilAnotherIsAskedFor) {
  write_file(own(), calibration(weights_, "2", "0"));
  EXPECT_EQ(load("").value().info().calibration->temperature, 2);
  EXPECT_EQ(load("").value().info().calibration->file, own().string());
  EXPECT_FALSE(load(kNoCalibration).value().info().calibration.has_value());
  const std::string other = written(calibration(weights_, "4", "0"));
  EXPECT_EQ(load(other).value().info().calibration->temperature, 4);
  // What is broken is an error, and never passed over.
  write_file(own(), "{}");
  EXPECT_EQ(error_of(load("")).code, ErrorCode::kBadConfig);
  EXPECT_EQ(load(other).value().info().calibration->temperature, 4);
  EXPECT_TRUE(load(kNoCalibration).ok());
}

TEST_F(EngineCalibration, OfOtherWeights) {
  const Error error = error_of(load(written(calibration(std::string(64, '0'), "2", "0"))));
  EXPECT_EQ(error.code, ErrorCode::kBadConfig);
  EXPECT_THAT(error.message, HasSubstr("c.json: fitted for the weights 000000000000, but those"));
  EXPECT_THAT(error.message, HasSubstr(weights_.substr(0, 12)));
}

TEST_F(EngineCalibration, FilesThatAreNone) {
  EXPECT_EQ(error_of(load((elsewhere_.path() / "nowhere").string())).code,
            ErrorCode::kFileNotFound);
  EXPECT_EQ(error_of(load(elsewhere_.path().string())).code, ErrorCode::kIoError);
  EXPECT_EQ(error_of(load(written(std::string(std::size_t{2} << 20, ' ')))).code,
            ErrorCode::kBadConfig);
}

TEST_F(EngineCalibration, SeveralLabelsHaveNone) {
  const TinyModel three({.labels = 3});
  const auto plain = CrossEncoder::load(three.folder(), {.threads = 1}).value();
  LoadOptions options;
  options.calibration = written(calibration(plain.weights_sha256().value(), "2", "0"));
  EXPECT_EQ(error_of(CrossEncoder::load(three.folder(), options)).code,
            ErrorCode::kUnsupportedModel);
}

// The smallest temperature and the largest numbers: probabilities stay between 0 and 1.
TEST(EngineLogitScale, IsSafeAtTheEnds) {
  const double tiny = 5e-324;
  const double huge = 1.7e308;
  for (const engine::LogitScale& scale :
       {engine::LogitScale{tiny, huge}, engine::LogitScale{tiny, -huge},
        engine::LogitScale{huge, huge}, engine::LogitScale{1, 0}}) {
    for (const float logit : {0.0F, 3e38F, -3e38F, 1e-45F}) {
      float p = logit;
      engine::apply_probability(scale, {&p, 1});
      EXPECT_TRUE(p >= 0 && p <= 1) << scale.temperature << " " << scale.bias << " " << logit;
    }
  }
}

}  // namespace
}  // namespace crossrank
