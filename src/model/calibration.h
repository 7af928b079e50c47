// The sidecar of a model: how its logits become probabilities. Read here; `crossrank calibrate`
// fits and writes it.
#pragma once

#include <cstddef>
#include <string>

#include "base/blob.h"
#include "crossrank/result.h"

namespace crossrank::model {

// Beside the weights in a model's folder, it is used without being asked for.
inline constexpr const char* kCalibrationFile = "crossrank_calibration.json";

// The files that `crossrank calibrate` writes have less than one; what is larger is something else.
inline constexpr std::size_t kMaxCalibrationBytes = std::size_t{64} << 10;

struct SavedCalibration {
  double temperature = 1;  // finite, above 0
  double bias = 0;         // finite
  std::string weights_sha256;
};

// Members that do not matter here (figures, counts) are passed over. Errors: kBadConfig with the
// file and the key.
Result<SavedCalibration> parse_calibration(const base::Blob& file);

}  // namespace crossrank::model
