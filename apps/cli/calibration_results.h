// What `crossrank calibrate` found, and the texts that it becomes: a table, JSON, the sidecar, the
// page. Fits nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "eval/calibration.h"
#include "json/json.h"
#include "options.h"

namespace crossrank::cli {

struct CalibrationResults {
  const ModelInfo& info;
  const ScoringFlags& scoring;
  std::string weights_sha256 = {};  // 64 digits
  std::vector<eval::LabelledLogit> pairs = {};
  std::size_t queries = 0;
  std::size_t folds = 0;
  eval::Calibration fit = {};
  // The arguments of the sigmoid, one a pair, and what they are worth: as they come, and for each
  // query by the fit to the other folds.
  std::vector<double> raw = {}, cross_validated = {};
  eval::CalibrationFigures before = {}, after = {};

  [[nodiscard]] std::size_t relevant() const;
};

// One line: what probabilities gain on held-out queries.
std::string conclusion(const CalibrationResults& results);
// One line: temperature, bias, and from what.
std::string summary(const CalibrationResults& results);

std::string calibration_table(const CalibrationResults& results);
std::string calibration_json(const CalibrationResults& results);
// The file that LoadOptions::calibration reads.
std::string sidecar(const CalibrationResults& results);
// The page with the plots.
std::string calibration_html(const CalibrationResults& results);

}  // namespace crossrank::cli
