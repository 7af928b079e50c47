// Reads crossrank_calibration.json.
#include "model/calibration.h"

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "json/reader.h"

namespace crossrank::model {
namespace {

// What a later crossrank writes under another number may mean something else.
constexpr std::size_t kFormat = 1;

Result<double> finite_number(const json::Reader& in) {
  const json::Value& value = in.value();
  // 1e999 is infinite, and an integer may have any number of digits.
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    return in.bad("must be a finite number");
  }
  return value.get<double>();
}

bool is_sha256(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

Result<SavedCalibration> parse_calibration(const base::Blob& file) {
  if (file.bytes().size() > kMaxCalibrationBytes) {
    return Error{ErrorCode::kBadConfig,
                 file.name() +
                     ": more than 64 KB, so it is no calibration, which has less than 1. "
                     "`crossrank calibrate` writes one."};
  }
  CR_TRY_ASSIGN(const json::Value root, json::parse_object(file, ErrorCode::kBadConfig));
  const json::Reader in(file.name(), root, ErrorCode::kBadConfig);
  CR_TRY_ASSIGN(const std::size_t format, in.member("format").size());
  if (format != kFormat) {
    return in.member("format").bad("must be 1, which is all that this version reads");
  }
  SavedCalibration out;
  CR_TRY_ASSIGN(out.temperature, finite_number(in.member("temperature")));
  if (!(out.temperature > 0)) return in.member("temperature").bad("must be above 0");
  CR_TRY_ASSIGN(out.bias, finite_number(in.member("bias")));
  CR_TRY_ASSIGN(out.weights_sha256, in.member("weights_sha256").string());
  if (!is_sha256(out.weights_sha256)) {
    return in.member("weights_sha256").bad("must be a SHA-256, 64 hex digits in lower case");
  }
  return out;
}

}  // namespace crossrank::model
