// crossrank tune: how much of the first stage to blend into a reranked run, by judgments.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
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
#include "interrupt.h"
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

std::string four(double value) { return decimals(value, 4); }

// The tuned blend, on queries that did not choose it, against each run alone.
struct Gains {
  explicit Gains(const eval::Tuning& tuning)
      : over_reranked(eval::compare(tuning.second, tuning.cross_validated, 1).front()),
        over_first(eval::compare(tuning.first, tuning.cross_validated, 1).front()) {}
  eval::Comparison over_reranked, over_first;
};

std::string against(const char* what, const std::vector<double>& values,
                    const eval::Comparison& gain) {
  std::string text = std::string(what) + " " + four(eval::mean(values)) + ", ";
  switch (gain.verdict) {
    case eval::Verdict::kHelped: text += "blending helps"; break;
    case eval::Verdict::kHurt: text += "blending hurts"; break;
    case eval::Verdict::kUndecided:
      text += gain.ties == gain.queries ? "blending changes nothing" : "undecided";
      break;
  }
  if (!gain.interval || gain.ties == gain.queries) return text;
  return text + " (difference " + with_sign(gain.difference) + ", 95 % interval " +
         interval_text(gain.interval) + ")";
}

std::string conclusion(const eval::Tuning& tuning, const Gains& gains, const TuneFlags& flags) {
  return "cross-validated " + flags.measure + " (" + std::to_string(flags.folds) +
         " folds): " + four(eval::mean(tuning.cross_validated)) + "; " +
         against("the reranked run", tuning.second, gains.over_reranked) + "; " +
         against("the first stage", tuning.first, gains.over_first);
}

std::string flags_of(const eval::BlendSetting& setting) {
  if (setting.alpha == 1) return "the reranked run as it is";
  if (setting.alpha == 0) return "the first stage as it is";
  return "--blend " + decimals(setting.alpha, 2) + " --blend-method " + name_of(setting.blend);
}

std::string table_of(const eval::Tuning& tuning, const Gains& gains, const TuneFlags& flags) {
  Table table({{"alpha", true}, {"z", true, 6}, {"rrf", true, 6}});
  for (std::size_t i = 0; i < tuning.points.size(); i += 2) {  // rrf and z of the same alpha
    table.add_row({decimals(tuning.points[i].setting.alpha, 2), four(tuning.points[i + 1].mean),
                   four(tuning.points[i].mean)});
  }
  return table.render(terminal_width()) + "\nbest: " + flags_of(tuning.best) + "\n" +
         conclusion(tuning, gains, flags) + "\n";
}

json::Value gain_json(const eval::Comparison& gain) {
  return {{"difference", gain.difference},
          {"interval", interval_json(gain.interval)},
          {"p", gain.p ? json::Value(*gain.p) : json::Value()}};
}

std::string json_of(const eval::Tuning& tuning, const Gains& gains, const TuneFlags& flags) {
  json::Value points = json::Value::array();
  for (const eval::Tuning::Point& point : tuning.points) {
    points.push_back({{"blend_method", name_of(point.setting.blend)},
                      {"alpha", point.setting.alpha},
                      {"mean", point.mean}});
  }
  const json::Value out = {
      {"measure", flags.measure},
      {"queries", tuning.second.size()},
      {"blend", tuning.best.alpha},
      {"blend_method", name_of(tuning.best.blend)},
      {"first_stage", eval::mean(tuning.first)},
      {"reranked", eval::mean(tuning.second)},
      {"cross_validated", eval::mean(tuning.cross_validated)},
      {"folds", flags.folds},
      {"over_reranked", gain_json(gains.over_reranked)},
      {"over_first_stage", gain_json(gains.over_first)},
      {"points", points},
  };
  return json::dump(out) + "\n";
}

void say_left_out(const TuneFlags& flags, const eval::Tuning& tuning) {
  const auto say_queries = [&](std::size_t count, const std::string& file) {
    if (count == 0) return;
    say(counted_queries(count) + " of " + flags.reranked + (count == 1 ? " is" : " are") +
        " not in " + file + ": left out");
  };
  say_queries(tuning.unjudged, flags.qrels);
  say_queries(tuning.unranked, flags.run);
  const auto is_zero = [](double value) { return value == 0; };
  if (std::all_of(tuning.second.begin(), tuning.second.end(), is_zero)) {
    say(flags.measure + " is 0 for every query: do the ids of the documents in " + flags.qrels +
        " agree with those of the runs?");
  }
}

Result<void> tune(const TuneFlags& flags) {
  const auto inputs = {flags.qrels, flags.run, flags.reranked};
  if (std::count(inputs.begin(), inputs.end(), "-") > 1) {
    return Error{ErrorCode::kInvalidArgument, "only one file can be -, standard input"};
  }
  eval::TuningOptions options;
  options.stop = [] { return interrupted().load(); };
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
  if (!flags.output.quiet) say_left_out(flags, *tuned);
  const Gains gains(*tuned);
  Output out;
  const Format format = flags.output.resolved(Format::kTable, Format::kJson);
  out.buffer() =
      format == Format::kTable ? table_of(*tuned, gains, flags) : json_of(*tuned, gains, flags);
  CR_TRY(out.flush());
  if (!flags.output.quiet && !out.closed() && format != Format::kTable) {
    say(flags_of(tuned->best) + "; " + conclusion(*tuned, gains, flags));
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
      "cross-validated: the setting for a fifth of the queries is chosen by the rest.");
  run_as(*app, chosen, [flags] { return tune(*flags); });
}

}  // namespace crossrank::cli
