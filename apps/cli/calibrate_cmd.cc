// crossrank calibrate: the temperature and bias that make probabilities mean what they say, from
// labelled pairs.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/try.h"
#include "calibration_results.h"
#include "commands.h"
#include "console.h"
#include "eval/calibration.h"
#include "input.h"
#include "line_reader.h"
#include "model_loader.h"
#include "options.h"
#include "pair_stream.h"
#include "whole_file.h"

namespace crossrank::cli {
namespace {

struct CalibrateFlags {
  std::string input;
  bool skip_bad = false;
  ModelFlags model;
  ScoringFlags scoring;
  std::string output;
  std::string report;
  std::size_t folds = 5;
  OutputFlags shown;
};

struct Labelled {
  std::vector<eval::LabelledLogit> pairs;
  std::size_t queries = 0;
  std::string file;
};

// Scores all pairs. What stays of them is a logit, a label, and which pairs have one query.
Result<Labelled> score(const CalibrateFlags& flags, InputFile input, const CrossEncoder& encoder) {
  PairStream stream("calibrate",
                    {.wants = {.label = true},
                     .skip_bad = flags.skip_bad,
                     .quiet = flags.shown.quiet,
                     .score = flags.scoring.options()},
                    LineReader(std::move(input)), encoder);
  Labelled out;
  out.file = stream.file();
  std::unordered_map<std::string, std::size_t> queries;
  const auto take = [&](const PairStream::Entry& entry, const Predictions& predictions,
                        std::size_t i) {
    const std::size_t query = queries.try_emplace(entry.pair.query, queries.size()).first->second;
    out.pairs.push_back({predictions[i].logit, entry.pair.relevant, query});
  };
  Result<void> done;
  while (done.ok() && !stream.at_end()) done = stream.next(take);
  stream.report();
  CR_TRY(std::move(done));
  out.queries = queries.size();
  return out;
}

// What cannot be written is said before the work.
Result<void> check_output(const CalibrateFlags& flags) {
  std::vector<NamedFile> others = {{"FILE", flags.input.empty() ? "-" : flags.input}};
  CR_TRY(check_not_input("--output", flags.output, others));
  others.push_back({"--output", flags.output});
  CR_TRY(check_not_input("--report", flags.report, others));
  CR_TRY(check_writable(flags.output));
  return check_writable(flags.report);
}

Result<void> fit(const CalibrateFlags& flags, CalibrationResults& results) {
  CR_TRY_ASSIGN(results.fit, eval::fit_calibration(results.pairs));
  CR_TRY_ASSIGN(results.cross_validated, eval::cross_validated(results.pairs, flags.folds));
  results.folds = flags.folds;
  results.raw = eval::arguments(results.pairs, {});
  results.before = eval::calibration_figures(results.pairs, results.raw);
  results.after = eval::calibration_figures(results.pairs, results.cross_validated);
  return {};
}

Result<void> show(const CalibrateFlags& flags, const CalibrationResults& results) {
  Output out;
  const Format format = flags.shown.resolved(Format::kTable, Format::kJson);
  const bool table = format == Format::kTable;
  out.buffer() = table ? calibration_table(results) : calibration_json(results);
  CR_TRY(out.flush());
  if (flags.shown.quiet || out.closed()) return {};
  if (!table) say(summary(results) + "; " + conclusion(results));
  if (eval::separated(results.pairs)) {
    say("the scores separate the labels perfectly, so that the temperature is what caution leaves "
        "of 0: label pairs that are harder to tell, too");
  }
  return {};
}

Result<void> calibrate(const CalibrateFlags& flags) {
  CR_TRY(flags.scoring.check());
  CR_TRY(check_output(flags));
  CR_TRY_ASSIGN(InputFile input, InputFile::open(flags.input));
  if (input.is_terminal() && !flags.shown.quiet) {
    say("reading pairs from the terminal, up to Ctrl-D");
  }
  // A calibration that is there already has no say, and may be one of other weights.
  ModelFlags model = flags.model;
  model.load.calibration = kNoCalibration;
  CR_TRY_ASSIGN(const CrossEncoder encoder, open_model(model, flags.shown.quiet));
  if (encoder.info().num_labels != 1) {
    return Error{ErrorCode::kUnsupportedModel, "calibrating needs a model with one label, but " +
                                                   encoder.info().name + " has " +
                                                   std::to_string(encoder.info().num_labels)};
  }
  CR_TRY(encoder.predict({}, flags.scoring.options()));  // what is wrong with the options
  CR_TRY_ASSIGN(Labelled labelled, score(flags, std::move(input), encoder));
  CalibrationResults results{.info = encoder.info(), .scoring = flags.scoring};
  results.pairs = std::move(labelled.pairs);
  results.queries = labelled.queries;
  if (auto fitted = fit(flags, results); !fitted.ok()) {
    return Error{fitted.error().code, labelled.file + ": " + fitted.error().message};
  }
  CR_TRY_ASSIGN(results.weights_sha256, encoder.weights_sha256());
  CR_TRY(write_whole_file(flags.output, sidecar(results)));
  if (!flags.report.empty()) CR_TRY(write_whole_file(flags.report, calibration_html(results)));
  return show(flags, results);
}

}  // namespace

void add_calibrate(CLI::App& program, Command& chosen) {
  CLI::App* app =
      program.add_subcommand("calibrate", "Probabilities that mean what they say, by labels.");
  auto flags = std::make_shared<CalibrateFlags>();
  add_input(*app, flags->input);
  app->footer(
      "FILE holds JSON lines {\"query\", \"document\", \"label\"}: pairs as `crossrank score` "
      "takes\n"
      "them, with true or false, or a number, of which more than 0 means relevant. Both kinds are\n"
      "needed, 20 of each at least, from many queries, as they come in your work: the share of\n"
      "relevant pairs is a part of what is learned.\n"
      "Probabilities are then sigmoid(logit / temperature + bias), for --calibration FILE, and "
      "for\n"
      "a model in whose folder the file lies as crossrank_calibration.json. What it gains is\n"
      "measured on held-out queries: each fold by the fit to the others.");
  app->add_flag("--skip-bad", flags->skip_bad, "Count and report bad lines instead of stopping")
      ->group("Input");
  add_model_flags(*app, flags->model);
  add_compute_flags(*app, flags->model);
  add_truncation_flags(*app, flags->scoring);
  add_batch_flag(*app, flags->scoring);
  add_count(*app, "--folds", flags->folds, "Of the cross-validation (default 5)", 2)
      ->group("Measures");
  app->add_option("--output,--out,-o", flags->output, "The calibration")
      ->type_name("FILE")
      ->required()
      ->group("Output");
  app->add_option("--report", flags->report, "Write a page with plots, which needs no network")
      ->type_name("HTML")
      ->group("Output");
  add_output_flags(*app, flags->shown, {Format::kTable, Format::kJson});
  run_as(*app, chosen, [flags] { return calibrate(*flags); });
}

}  // namespace crossrank::cli
