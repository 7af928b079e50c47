// Which calibration a loaded model has: the one asked for, or the one in its folder.
#pragma once

#include <optional>
#include <string>

#include "crossrank/cross_encoder.h"
#include "crossrank/result.h"
#include "engine/model_files.h"

namespace crossrank::engine {

// `asked` is LoadOptions::calibration. `labels` are the model's; `weights_sha256` is its digest,
// filled in where it was "" and is needed. Errors: kFileNotFound, kIoError, kBadConfig (malformed,
// or fitted for other weights), kUnsupportedModel (more than one label).
Result<std::optional<Calibration>> find_calibration(const std::string& asked,
                                                    const ModelFiles& files, std::size_t labels,
                                                    std::string& weights_sha256);

}  // namespace crossrank::engine
