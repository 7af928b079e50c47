// Finds a model's calibration and sees to it that it belongs to the weights.
#include "engine/calibration.h"

#include <memory>
#include <utility>

#include "base/small_file.h"
#include "base/try.h"
#include "model/calibration.h"

namespace crossrank::engine {
namespace {

constexpr std::size_t kShownDigits = 12;  // as many as name weights everywhere

Result<base::Blob> read_file(const std::string& path) {
  auto text = base::read_small_file(path);
  if (!text.ok()) {
    // What is too large to be read is what parse_calibration() would refuse, with the same code.
    Error error = std::move(text).error();
    if (error.code == ErrorCode::kBadInput) error.code = ErrorCode::kBadConfig;
    return error;
  }
  const auto bytes = std::make_shared<const std::string>(*std::move(text));
  return base::Blob(path, *bytes, bytes);
}

}  // namespace

Result<std::optional<Calibration>> find_calibration(const std::string& asked,
                                                    const ModelFiles& files, std::size_t labels,
                                                    std::string& weights_sha256) {
  if (asked == kNoCalibration) return std::optional<Calibration>();
  base::Blob file = files.dir.calibration_json;
  if (!asked.empty()) {
    CR_TRY_ASSIGN(file, read_file(asked));
  }
  if (!file) return std::optional<Calibration>();
  CR_TRY_ASSIGN(const model::SavedCalibration saved, model::parse_calibration(file));
  if (labels != 1) {
    return Error{ErrorCode::kUnsupportedModel,
                 file.name() + ": a calibration is for a model with one label, but " +
                     files.resolved.name + " has " + std::to_string(labels) +
                     ". Load it with the calibration \"none\"."};
  }
  if (weights_sha256.empty()) {
    CR_TRY_ASSIGN(weights_sha256, weights::weights_sha256(files.dir));
  }
  if (saved.weights_sha256 != weights_sha256) {
    return Error{ErrorCode::kBadConfig,
                 file.name() + ": fitted for the weights " +
                     saved.weights_sha256.substr(0, kShownDigits) + ", but those of " +
                     files.resolved.name + " are " + weights_sha256.substr(0, kShownDigits) +
                     ". Fit it again with `crossrank calibrate`, or load the model with the "
                     "calibration \"none\"."};
  }
  return std::optional<Calibration>({file.name(), saved.temperature, saved.bias});
}

}  // namespace crossrank::engine
