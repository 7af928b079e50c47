// Tests of src/model/calibration: what a calibration is, and every way to be none.
#include "model/calibration.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace crossrank::model {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kDigest(64, 'a');

std::string file(const std::string& format, const std::string& temperature, const std::string& bias,
                 const std::string& digest = '"' + kDigest + '"') {
  return R"({"format":)" + format + R"(,"temperature":)" + temperature + R"(,"bias":)" + bias +
         R"(,"weights_sha256":)" + digest + R"(,"figures":[{}]})";
}

Result<SavedCalibration> parsed(const std::string& text) {
  return parse_calibration(base::Blob("c.json", text));
}

TEST(ModelCalibration, IsRead) {
  const SavedCalibration found = parsed(file("1", "0.125", "-3")).value();
  EXPECT_EQ(found.temperature, 0.125);
  EXPECT_EQ(found.bias, -3);
  EXPECT_EQ(found.weights_sha256, kDigest);
}

TEST(ModelCalibration, EveryWayToBeNone) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "c.json: "},
      {"[]", "must be an object"},
      {"{}", "key `format` must be a whole number that is not negative, but it is missing"},
      {file("2", "1", "0"), "key `format` must be 1, which is all that this version reads, not 2"},
      {file("1", "0", "0"), "key `temperature` must be above 0, not 0"},
      {file("1", "-1", "0"), "key `temperature` must be above 0, not -1"},
      {file("1", "null", "0"), "key `temperature` must be a finite number"},
      {file("1", "true", "0"), "key `temperature` must be a finite number"},
      {file("1", "NaN", "0"), "c.json: "},
      {file("1", "1e999", "0"), "c.json: "},
      {file("1", "1", "\"0\""), "key `bias` must be a finite number, not \"0\""},
      {file("1", "1", "-1e999"), "c.json: "},
      {file("1", "1", "0", "7"), "key `weights_sha256` must be a string"},
      {file("1", "1", "0", "\"aa\""), "key `weights_sha256` must be a SHA-256"},
      {file("1", "1", "0", '"' + std::string(64, 'A') + '"'), "must be a SHA-256"},
      {file("1", "1", "0") + std::string(kMaxCalibrationBytes, ' '), "more than 64 KB"},
  };
  for (const auto& [text, says] : cases) {
    const Error error = error_of(parsed(text));
    EXPECT_EQ(error.code, ErrorCode::kBadConfig) << text;
    EXPECT_THAT(error.message, StartsWith("c.json: "));
    EXPECT_THAT(error.message, HasSubstr(says)) << text.substr(0, 200);
  }
}

}  // namespace
}  // namespace crossrank::model
