// crossrank tune: how much of the first stage to blend into a reranked run, by judgments.
#include <CLI/CLI.hpp>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "display.h"
#include "eval/significance.h"
#include "eval/tuning.h"
#include "eval_input.h"
#include "eval_results.h"
#include "options.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

struct TuneFlags {
  std::string qrels, run, reranked;
  std::string measure = "nDCG@10";
  std::size_t relevance_level = 1;
  std::size_t folds = 5;
  OutputFlags output;
};

const char* name_of(eval::Blend blend) { return blend == eval::Blend::kZScore ? "z" : "rrf"; }

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::string four(double value) { return decimals(value, 4); }

// What the blend gains over the reranked run alone, for queries that did not choose it.
std::string conclusion(const eval::Tuning& tuning, const eval::Comparison& gain,
                       const std::string& measure) {
  const std::string numbers =
      measure + " " + four(mean(tuning.cross_validated)) + " on queries that had no say in it, " +
      four(mean(tuning.second)) + " without blending" +
      (gain.interval ? " (95 % interval of the difference " + with_sign(gain.interval->low) +
                           " to " + with_sign(gain.interval->high) + ")"
                     : "");
  switch (gain.verdict) {
    case eval::Verdict::kHelped: return "blending helps: " + numbers;
    case eval::Verdict::kHurt: return "blending hurts: " + numbers;
    case eval::Verdict::kUndecided: break;
  }
  return "whether blending helps is undecided: " + numbers;
}

std::string flags_of(const eval::BlendSetting& setting) {
  return "--blend " + decimals(setting.alpha, 2) + " --blend-method " + name_of(setting.blend);
}

std::string table_of(const eval::Tuning& tuning, const eval::Comparison& gain,
                     const std::string& measure) {
  Table table({{"alpha", true}, {"z", true, 6}, {"rrf", true, 6}});
  const std::size_t half = tuning.points.size() / 2;  // z, then rrf, with the same alphas
  for (std::size_t i = 0; i < half; ++i) {
    table.add_row({decimals(tuning.points[i].setting.alpha, 2), four(tuning.points[i].mean),
                   four(tuning.points[half + i].mean)});
  }
  return table.render(terminal_width()) + "\nbest: " + flags_of(tuning.best) + "\n" +
         conclusion(tuning, gain, measure) + "\n";
}

std::string json_of(const eval::Tuning& tuning, const eval::Comparison& gain,
                    const TuneFlags& flags) {
  json::Value points = json::Value::array();
  for (const eval::Tuning::Point& point : tuning.points) {
    points.push_back({{"blend_method", name_of(point.setting.blend)},
                      {"alpha", point.setting.alpha},
                      {"mean", point.mean}});
  }
  json::Value interval;
  if (gain.interval) interval = {gain.interval->low, gain.interval->high};
  const json::Value out = {
      {"measure", flags.measure},
      {"queries", tuning.second.size()},
      {"blend", tuning.best.alpha},
      {"blend_method", name_of(tuning.best.blend)},
      {"first_stage", mean(tuning.first)},
      {"reranked", mean(tuning.second)},
      {"cross_validated", mean(tuning.cross_validated)},
      {"folds", flags.folds},
      {"difference", gain.difference},
      {"interval", interval},
      {"p", gain.p ? json::Value(*gain.p) : json::Value()},
      {"points", points},
  };
  return json::dump(out) + "\n";
}

Result<void> tune(const TuneFlags& flags) {
  eval::TuningOptions options;
  CR_TRY_ASSIGN(const std::vector<eval::Measure> measures, eval::parse_measures(flags.measure));
  if (measures.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, "--measure is one measure"};
  }
  options.measure = measures.front();
  CR_TRY_ASSIGN(options.relevance_level, relevance_level_of(flags.relevance_level));
  options.folds = flags.folds;
  CR_TRY_ASSIGN(const InputText qrels_text, read_text(flags.qrels));
  CR_TRY_ASSIGN(const InputText run_text, read_text(flags.run));
  CR_TRY_ASSIGN(const InputText reranked_text, read_text(flags.reranked));
  CR_TRY_ASSIGN(const eval::Qrels qrels, eval::parse_qrels(qrels_text.text, qrels_text.name));
  CR_TRY_ASSIGN(const eval::Run run, eval::parse_run(run_text.text, run_text.name));
  CR_TRY_ASSIGN(const eval::Run reranked, eval::parse_run(reranked_text.text, reranked_text.name));
  CR_TRY(check_grades(measures, qrels, qrels_text.name));
  auto tuned = eval::tune(qrels, run, reranked, options);
  if (!tuned.ok()) {
    return Error{tuned.error().code, flags.reranked + ": " + tuned.error().message};
  }
  const eval::Comparison gain = eval::compare(tuned->second, tuned->cross_validated, 1).front();
  Output out;
  const Format format = flags.output.resolved(Format::kTable, Format::kJson);
  out.buffer() = format == Format::kTable ? table_of(*tuned, gain, flags.measure)
                                          : json_of(*tuned, gain, flags);
  CR_TRY(out.flush());
  if (!flags.output.quiet && !out.closed() && format != Format::kTable) {
    say(flags_of(tuned->best) + "; " + conclusion(*tuned, gain, flags.measure));
  }
  return {};
}

}  // namespace

void add_tune(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand("tune", "How much of the first stage to blend in.");
  auto flags = std::make_shared<TuneFlags>();
  const auto file = [&](const char* name, std::string& value, const char* help) {
    app->add_option(name, value, help)->type_name("FILE")->required()->group("Input");
  };
  file("--qrels", flags->qrels, "Judgments, lines QUERY 0 DOCUMENT GRADE");
  file("--run", flags->run, "The first stage's, lines QUERY Q0 DOCUMENT RANK SCORE TAG");
  file("--reranked", flags->reranked, "What `crossrank rerank` made of it, without --blend");
  app->add_option("--measure", flags->measure, "Default nDCG@10")
      ->type_name("NAME")
      ->group("Measures");
  add_count(*app, "--relevance-level", flags->relevance_level,
            "The lowest grade that is relevant for all but nDCG (default 1)", 1)
      ->group("Measures");
  add_count(*app, "--folds", flags->folds, "Of the cross-validation (default 5)", 2)
      ->group("Measures");
  add_output_flags(*app, flags->output, {Format::kTable, Format::kJson});
  app->footer(
      "Tries both methods of --blend with alphas from 0 to 1 and names the best. What it gains is\n"
      "measured on queries that had no say: the setting for a fifth of them is chosen by the "
      "rest.");
  run_as(*app, chosen, [flags] { return tune(*flags); });
}

}  // namespace crossrank::cli
