// A calibration as text.
#include "calibration_results.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "console.h"
#include "crossrank/version.h"
#include "display.h"
#include "progress_bar.h"
#include "report_page.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

// Parts of the probabilities from 0 to 1 in the page's histograms.
constexpr std::size_t kParts = 20;

std::string four(double value) { return decimals(value, 4); }

json::Value figures_json(const eval::CalibrationFigures& figures) {
  return {{"log_loss", figures.log_loss},
          {"brier", figures.brier},
          {"calibration_error", figures.error}};
}

json::Value bins_json(const eval::CalibrationFigures& figures) {
  json::Value bins = json::Value::array();
  for (const eval::Bin& bin : figures.bins) {
    bins.push_back({{"pairs", bin.pairs},
                    {"low", bin.low},
                    {"high", bin.high},
                    {"probability", bin.probability},
                    {"relevant", bin.relevant}});
  }
  return bins;
}

// With what the logits were computed.
void add_options(json::Value& out, const CalibrationResults& results) {
  const ScoringFlags& scoring = results.scoring;
  const std::size_t asked = scoring.max_length;
  out["precision"] = name_of(results.info.precision);
  out["max_length"] =
      asked == 0 ? results.info.max_length : std::min(asked, results.info.max_length);
  out["max_chars"] = scoring.max_chars;
  out["truncation"] = name_of(scoring.truncation);
  if (!uses_chunks(scoring.truncation)) return;
  out["chunk_tokens"] = scoring.chunk.tokens;
  out["chunk_overlap"] = scoring.chunk.overlap;
  out["max_chunks"] = scoring.chunk.max_chunks;
}

void add_counts(json::Value& out, const CalibrationResults& results) {
  out["pairs"] = results.pairs.size();
  out["relevant"] = results.relevant();
  out["queries"] = results.queries;
  out["folds"] = results.folds;
}

// Pairs in equal parts of the probabilities, by label.
json::Value histogram_json(const CalibrationResults& results,
                           const std::vector<double>& arguments) {
  std::array<std::array<std::uint64_t, kParts>, 2> counts = {};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const double at = eval::probability_at(arguments[i]) * static_cast<double>(kParts);
    const std::size_t part = std::min(static_cast<std::size_t>(at), kParts - 1);
    ++counts[results.pairs[i].relevant ? 1 : 0][part];
  }
  return {{"relevant", counts[1]}, {"others", counts[0]}};
}

json::Value side_json(const CalibrationResults& results, const eval::CalibrationFigures& figures,
                      const std::vector<double>& arguments) {
  json::Value side = figures_json(figures);
  side["bins"] = bins_json(figures);
  side["histogram"] = histogram_json(results, arguments);
  return side;
}

}  // namespace

std::size_t CalibrationResults::relevant() const {
  return static_cast<std::size_t>(
      std::count_if(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.relevant; }));
}

std::string conclusion(const CalibrationResults& results) {
  const std::string numbers = "on held-out queries, log loss " + four(results.before.log_loss) +
                              " becomes " + four(results.after.log_loss) + ", calibration error " +
                              four(results.before.error) + " becomes " + four(results.after.error);
  if (results.after.log_loss < results.before.log_loss) return "probabilities improve: " + numbers;
  return "probabilities do not improve: " + numbers +
         "; they were as good before, or more pairs are needed";
}

std::string summary(const CalibrationResults& results) {
  return "temperature " + four(results.fit.temperature) + ", bias " + four(results.fit.bias) +
         ", from " + counted(results.pairs.size(), "pair") + " of " +
         with_thousands(results.queries) + " queries, " + with_thousands(results.relevant()) +
         " relevant";
}

std::string calibration_table(const CalibrationResults& results) {
  Table table({{"probability"}, {"log loss", true}, {"Brier", true, 6}, {"ECE", true, 6}, {""}});
  const auto add = [&](const char* name, const eval::CalibrationFigures& figures) {
    table.add_row({name, four(figures.log_loss), four(figures.brier), four(figures.error), ""});
  };
  add("before", results.before);
  add("after", results.after);
  return table.render(terminal_width()) + summary(results) + "\n" + conclusion(results) + "\n";
}

std::string calibration_json(const CalibrationResults& results) {
  json::Value out = {{"model", results.info.name},
                     {"weights_sha256", results.weights_sha256.substr(0, kDigestDigits)},
                     {"temperature", results.fit.temperature},
                     {"bias", results.fit.bias}};
  add_counts(out, results);
  for (const auto& [name, figures] :
       {std::pair("before", &results.before), std::pair("after", &results.after)}) {
    out[name] = figures_json(*figures);
    out[name]["bins"] = bins_json(*figures);
  }
  return json::dump(out) + "\n";
}

std::string sidecar(const CalibrationResults& results) {
  json::Value out = {{"format", 1},
                     {"temperature", results.fit.temperature},
                     {"bias", results.fit.bias},
                     {"weights_sha256", results.weights_sha256},
                     {"crossrank", version()}};
  add_options(out, results);
  add_counts(out, results);
  out["before"] = figures_json(results.before);
  out["after"] = figures_json(results.after);
  return json::dump_pretty(out) + "\n";
}

std::string calibration_html(const CalibrationResults& results) {
  json::Value out = {{"version", version()},
                     {"model", results.info.name},
                     {"weights_sha256", results.weights_sha256.substr(0, kDigestDigits)},
                     {"temperature", results.fit.temperature},
                     {"bias", results.fit.bias},
                     {"conclusion", conclusion(results)}};
  add_options(out, results);
  add_counts(out, results);
  out["before"] = side_json(results, results.before, results.raw);
  out["after"] = side_json(results, results.after, results.cross_validated);
  return calibration_page(json::escape_controls(json::dump(out)));
}

}  // namespace crossrank::cli
