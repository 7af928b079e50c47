// Tests of src/eval/calibration: what it refuses, separated labels, ties, and honest folds. Its
// numbers are compared in tests/eval.
#include "eval/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/error_of.h"

namespace crossrank::eval {
namespace {

using testing::HasSubstr;

// `count` pairs of four a query; the logits of relevant ones are around `gap`, of others around 0.
std::vector<LabelledLogit> made(std::size_t count, double gap) {
  std::mt19937 random(7);
  std::vector<LabelledLogit> pairs;
  for (std::size_t i = 0; i < count; ++i) {
    const bool relevant = random() % 3 == 0;
    const double noise = static_cast<double>(random() % 2000) / 1000 - 1;
    pairs.push_back({(relevant ? gap : 0) + noise, relevant, i / 4});
  }
  return pairs;
}

TEST(EvalCalibration, TooFewPairsOfAClass) {
  std::vector<LabelledLogit> pairs = made(300, 1);
  for (const bool class_kept : {true, false}) {
    std::vector<LabelledLogit> few;
    std::size_t of_other = 0;
    for (const LabelledLogit& pair : pairs) {
      if (pair.relevant == class_kept || of_other++ < 19) few.push_back(pair);
    }
    const Error error = error_of(fit_calibration(few));
    EXPECT_EQ(error.code, ErrorCode::kBadInput);
    EXPECT_THAT(error.message, HasSubstr(class_kept ? "and 19 other pairs" : "19 relevant pairs"));
    EXPECT_THAT(error.message, HasSubstr("label more pairs"));
    EXPECT_EQ(error_of(cross_validated(few, 2)).message, error.message);
  }
  EXPECT_THAT(error_of(fit_calibration({})).message, HasSubstr("0 relevant pairs and 0 other"));
}

TEST(EvalCalibration, LogitsThatAreNotFinite) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
    std::vector<LabelledLogit> pairs = made(300, 1);
    pairs[17].logit = bad;
    EXPECT_EQ(error_of(fit_calibration(pairs)).message, "a logit is not finite");
    EXPECT_EQ(error_of(cross_validated(pairs, 5)).message, "a logit is not finite");
  }
}

TEST(EvalCalibration, TheWrongWayRound) {
  std::vector<LabelledLogit> pairs = made(300, 1);
  for (LabelledLogit& pair : pairs) pair.relevant = !pair.relevant;
  const Error error = error_of(fit_calibration(pairs));
  EXPECT_EQ(error.code, ErrorCode::kBadInput);
  EXPECT_THAT(error.message, HasSubstr("the wrong way round"));
  // Logits that say nothing at all have a slope of 0, which is no better.
  for (LabelledLogit& pair : pairs) pair.logit = 3;
  EXPECT_THAT(error_of(fit_calibration(pairs)).message, HasSubstr("the wrong way round"));
}

TEST(EvalCalibration, SeparatedLabelsStayFinite) {
  std::vector<LabelledLogit> pairs = made(400, 1000);
  EXPECT_TRUE(separated(pairs));
  const Calibration found = fit_calibration(pairs).value();
  EXPECT_GT(found.temperature, 0);
  EXPECT_TRUE(std::isfinite(found.temperature) && std::isfinite(found.bias));
  const auto relevant = static_cast<double>(
      std::count_if(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.relevant; }));
  // The targets, and no more, is what the probabilities of the two heaps come to.
  EXPECT_NEAR(probability_at(1000 / found.temperature + found.bias),
              (relevant + 1) / (relevant + 2), 1e-3);
  EXPECT_NEAR(probability_at(found.bias), 1 / (400 - relevant + 2), 1e-3);
  pairs[0].relevant = !pairs[0].relevant;
  EXPECT_FALSE(separated(pairs));
}

TEST(EvalCalibration, LogitsOfAnySize) {
  for (const double size : {1e-30, 1e30}) {
    std::vector<LabelledLogit> pairs = made(300, 1);
    const Calibration plain = fit_calibration(pairs).value();
    for (LabelledLogit& pair : pairs) pair.logit *= size;
    const Calibration found = fit_calibration(pairs).value();
    EXPECT_NEAR(found.temperature / size, plain.temperature, 1e-9 * plain.temperature);
    EXPECT_NEAR(found.bias, plain.bias, 1e-9);
  }
}

TEST(EvalCalibration, TheSameBitsEveryTime) {
  const std::vector<LabelledLogit> pairs = made(300, 1);
  const Calibration once = fit_calibration(pairs).value();
  const Calibration again = fit_calibration(pairs).value();
  EXPECT_EQ(once.temperature, again.temperature);
  EXPECT_EQ(once.bias, again.bias);
}

TEST(EvalCalibration, AQueryHasNoSayInItsOwnFold) {
  std::vector<LabelledLogit> pairs = made(400, 1);
  const std::vector<double> before = cross_validated(pairs, 5).value();
  // What is moved in fold 0 moves the arguments of all others and none of the line of its own.
  for (LabelledLogit& pair : pairs) {
    if (pair.query % 5 == 0) pair.relevant = !pair.relevant;
  }
  const std::vector<double> after = cross_validated(pairs, 5).value();
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].query % 5 == 0) {
      EXPECT_EQ(before[i], after[i]) << i;
    } else {
      EXPECT_NE(before[i], after[i]) << i;
    }
  }
}

TEST(EvalCalibration, FoldsThatCannotBe) {
  EXPECT_EQ(error_of(cross_validated(made(80, 1), 21)).code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error_of(cross_validated(made(80, 1), 21)).message,
              HasSubstr("20 queries, fewer than the 21 folds"));
  std::vector<LabelledLogit> pairs = made(400, 1);
  for (LabelledLogit& pair : pairs) pair.relevant = pair.query % 5 == 2;
  EXPECT_THAT(error_of(cross_validated(pairs, 5)).message,
              HasSubstr("all relevant pairs are of the queries of one fold"));
}

TEST(EvalCalibration, EqualProbabilitiesShareABin) {
  // 70 of 100 are equal: whichever of them came first must not matter.
  std::vector<LabelledLogit> pairs;
  for (std::size_t i = 0; i < 100; ++i) {
    pairs.push_back({i < 70 ? -200.0 : static_cast<double>(i), i % 4 == 0, i});
  }
  const CalibrationFigures found = calibration_figures(pairs, arguments(pairs, {100, 0}));
  ASSERT_EQ(found.bins.size(), 4u);
  EXPECT_EQ(found.bins[0].pairs, 70u);
  EXPECT_DOUBLE_EQ(found.bins[0].low, found.bins[0].high);
  std::reverse(pairs.begin(), pairs.end());
  const CalibrationFigures reversed = calibration_figures(pairs, arguments(pairs, {100, 0}));
  EXPECT_EQ(found.bins[0].relevant, reversed.bins[0].relevant);
  EXPECT_NEAR(found.error, reversed.error, 1e-15);
}

TEST(EvalCalibration, ALossThatNoProbabilityShows) {
  // sigmoid(-800) is 0 in double, and its loss is 800 all the same.
  const std::vector<LabelledLogit> pairs = {{-800, true, 0}, {800, true, 1}};
  const CalibrationFigures found = calibration_figures(pairs, arguments(pairs, {}));
  EXPECT_DOUBLE_EQ(found.log_loss, 400);
  EXPECT_DOUBLE_EQ(found.brier, 0.5);
  EXPECT_EQ(found.bins.size(), 2u);
}

}  // namespace
}  // namespace crossrank::eval
