// src/eval/calibration against scipy and scikit-learn: cases/calibration.json is made by
// generate_calibration.py, by hand.
#include "eval/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "json/json.h"

namespace crossrank::eval {
namespace {

const json::Value& expected() {
  static const json::Value kValue = [] {
    std::ifstream in(CROSSRANK_SOURCE_DIR "/tests/eval/cases/calibration.json", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    return json::parse(text).value();
  }();
  return kValue;
}

std::vector<LabelledLogit> pairs_of(const json::Value& wanted) {
  std::vector<LabelledLogit> pairs;
  for (const json::Value& pair : wanted["pairs"]) {
    pairs.push_back({pair[0].get<double>(), pair[1] == 1, pair[2].get<std::size_t>()});
  }
  return pairs;
}

// The reference stops where the gradient is below 1e-10; a digit or two are lost on the way.
double tolerance(double value) { return 1e-8 * std::max(1.0, std::abs(value)); }

void compare(const CalibrationFigures& found, const json::Value& wanted) {
  EXPECT_NEAR(found.log_loss, wanted["log_loss"].get<double>(), 1e-9);
  EXPECT_NEAR(found.brier, wanted["brier"].get<double>(), 1e-9);
  EXPECT_NEAR(found.error, wanted["error"].get<double>(), 1e-9);
  ASSERT_EQ(found.bins.size(), wanted["shares"].size());
  for (std::size_t b = 0; b < found.bins.size(); ++b) {
    EXPECT_NEAR(found.bins[b].relevant, wanted["shares"][b].get<double>(), 1e-12) << b;
    EXPECT_NEAR(found.bins[b].probability, wanted["means"][b].get<double>(), 1e-9) << b;
  }
}

TEST(CalibrationGolden, FitAsScipyHasIt) {
  std::size_t cases = 0;
  for (const auto& [name, wanted] : expected()["cases"].items()) {
    SCOPED_TRACE(name);
    const Calibration found = fit_calibration(pairs_of(wanted)).value();
    const double temperature = wanted["temperature"].get<double>();
    EXPECT_NEAR(found.temperature, temperature, tolerance(temperature));
    EXPECT_NEAR(found.bias, wanted["bias"].get<double>(), tolerance(wanted["bias"].get<double>()));
    ++cases;
  }
  EXPECT_EQ(cases, 6u);
}

TEST(CalibrationGolden, FiguresAsScikitLearnHasThem) {
  std::size_t raw = 0;
  for (const auto& [name, wanted] : expected()["cases"].items()) {
    SCOPED_TRACE(name);
    const std::vector<LabelledLogit> pairs = pairs_of(wanted);
    const Calibration fitted = {wanted["temperature"].get<double>(), wanted["bias"].get<double>()};
    compare(calibration_figures(pairs, arguments(pairs, fitted)), wanted["fitted"]);
    if (!wanted.contains("raw")) continue;
    compare(calibration_figures(pairs, arguments(pairs, {})), wanted["raw"]);
    ++raw;
  }
  EXPECT_GE(raw, 3u);
}

TEST(CalibrationGolden, CrossValidationByQuery) {
  const auto folds = expected()["folds"].get<std::size_t>();
  for (const auto& [name, wanted] : expected()["cases"].items()) {
    SCOPED_TRACE(name);
    const std::vector<double> found = cross_validated(pairs_of(wanted), folds).value();
    ASSERT_EQ(found.size(), wanted["cross_validated"].size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i], wanted["cross_validated"][i].get<double>(), 1e-7) << i;
    }
  }
}

}  // namespace
}  // namespace crossrank::eval
