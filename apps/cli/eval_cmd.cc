// crossrank eval: how good rankings are by judgments, and whether one is better than another.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "base/utf8.h"
#include "commands.h"
#include "console.h"
#include "eval_input.h"
#include "eval_report.h"
#include "eval_results.h"
#include "input.h"
#include "interrupt.h"
#include "line_reader.h"
#include "options.h"
#include "progress_bar.h"
#include "query_file.h"
#include "whole_file.h"

namespace crossrank::cli {
namespace {

struct EvalFlags {
  std::string qrels;
  std::vector<std::string> runs;
  std::string measures = "nDCG@10,MRR@10,MAP,R@100,judged@10";
  std::size_t relevance_level = 1;
  bool all_queries = false;
  bool per_query = false;
  std::string queries;
  std::string details;
  std::string report;
  OutputFlags output;
};

std::string valid_utf8(std::string_view text) {
  return base::repair_utf8(text).value_or(std::string(text));
}

// The names of the files where these tell the runs apart, else their paths.
Result<std::vector<std::string>> run_names(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  names.reserve(paths.size());
  for (const std::string& path : paths) {
    names.push_back(valid_utf8(std::filesystem::path(path).filename().string()));
  }
  const auto differ = [](std::vector<std::string> list) {
    std::sort(list.begin(), list.end());
    return std::adjacent_find(list.begin(), list.end()) == list.end();
  };
  if (differ(names)) return names;
  names.clear();
  for (const std::string& path : paths) names.push_back(valid_utf8(path));
  if (differ(names)) return names;
  return Error{ErrorCode::kInvalidArgument, "--run: one file is named twice"};
}

Result<void> check(const EvalFlags& flags) {
  std::vector<std::string> inputs = flags.runs;
  inputs.insert(inputs.end(), {flags.qrels, flags.queries, flags.details});
  if (std::count(inputs.begin(), inputs.end(), "-") > 1) {
    return Error{ErrorCode::kInvalidArgument, "only one file can be -, standard input"};
  }
  if (flags.report.empty() && !(flags.queries.empty() && flags.details.empty())) {
    return Error{ErrorCode::kInvalidArgument, "--queries and --details are for --report"};
  }
  std::vector<NamedFile> others = {
      {"--qrels", flags.qrels}, {"--queries", flags.queries}, {"--details", flags.details}};
  for (const std::string& run : flags.runs) others.push_back({"--run", run});
  return check_not_input("--report", flags.report, others);
}

void say_duplicates(const std::string& file, std::size_t count) {
  if (count > 0) {
    say(file + ": " + counted(count, "line") +
        " with a query and document that a later line has again: the last one counts");
  }
}

// What a mean leaves out or hides, which its number does not show.
void say_left_out(const EvalFlags& flags, const EvalRun& run, const std::string& qrels,
                  std::size_t against_rank) {
  const eval::Evaluation& e = run.evaluation;
  if (e.judged == 0) {
    say(run.name + ": none of its documents is judged in " + qrels +
        " for its query: do the ids of the documents agree?");
  }
  if (against_rank > 0) {
    say(run.name + ": " + counted(against_rank, "line") +
        " with a worse rank and a better score than the line before: the scores count");
  }
  if (e.missing > 0) {
    say(run.name + " lacks " + with_thousands(e.missing) + " of the " +
        with_thousands(e.rows.size()) + " queries of " + qrels +
        (flags.all_queries ? ": they count as 0"
                           : ": they are left out; --all-queries counts them as 0"));
  }
  if (e.unknown > 0) {
    say(run.name + " has " + counted_queries(e.unknown) + " that " + qrels +
        " does not judge: left out");
  }
}

Result<EvalRun> evaluate_run(const EvalFlags& flags, const std::string& path, std::string name,
                             const eval::Qrels& qrels, const std::string& qrels_name,
                             const eval::EvaluationOptions& options) {
  CR_TRY_ASSIGN(const InputText input, read_text(path));
  CR_TRY_ASSIGN(const eval::Run run, eval::parse_run(input.text, input.name));
  if (run.queries().empty()) {
    return Error{ErrorCode::kBadInput, input.name + ": the run is empty"};
  }
  EvalRun result{std::move(name), run.duplicates(), eval::evaluate(qrels, run, options), {}, {}};
  if (result.evaluation.missing == qrels.queries().size()) {
    return Error{ErrorCode::kBadInput,
                 input.name + ": none of its " + with_thousands(run.queries().size()) +
                     " queries is in " + qrels_name + ": do the ids of the queries agree?"};
  }
  if (!flags.output.quiet) {
    say_left_out(flags, result, qrels_name, eval::lines_against_rank(input.text));
  }
  say_duplicates(input.name, result.duplicates);
  return result;
}

bool is_interrupted() { return interrupted(); }

// Intervals of the means, which cost more than all measures, where they are shown; and the tests.
Result<void> test(EvalResults& results, bool with_intervals) {
  const std::size_t width = results.measures.size();
  for (EvalRun& run : results.runs) {
    if (with_intervals) {
      run.intervals =
          eval::bootstrap_intervals(eval::rows_of(run.evaluation), width, is_interrupted);
    }
    const EvalRun& first = results.runs.front();
    if (&run == &first) continue;
    const eval::PairedRows rows = eval::paired_rows(first.evaluation, run.evaluation);
    run.against_first = eval::compare(rows.before, rows.after, width, is_interrupted);
  }
  if (interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
  return {};
}

Result<void> evaluate(const EvalFlags& flags) {
  CR_TRY(check(flags));
  eval::EvaluationOptions options;
  CR_TRY_ASSIGN(options.measures, eval::parse_measures(flags.measures));
  CR_TRY_ASSIGN(options.relevance_level, relevance_level_of(flags.relevance_level));
  options.all_queries = flags.all_queries;
  options.for_report = !flags.report.empty();
  CR_TRY_ASSIGN(const std::vector<std::string> names, run_names(flags.runs));
  QueryTexts texts;
  if (!flags.queries.empty()) {
    CR_TRY_ASSIGN(QueryFile queries, read_queries(flags.queries));
    if (queries.repairs.lines > 0) say(queries.repairs.report(queries.name));
    texts = std::move(queries.texts);
  }
  CR_TRY_ASSIGN(const InputText judged, read_text(flags.qrels));
  CR_TRY_ASSIGN(const eval::Qrels qrels, eval::parse_qrels(judged.text, judged.name));
  CR_TRY(check_grades(options.measures, qrels, judged.name));
  say_duplicates(judged.name, qrels.duplicates());

  EvalResults results{valid_utf8(std::filesystem::path(judged.name).filename().string()),
                      options.measures,
                      options.relevance_level,
                      options.all_queries,
                      {},
                      {}};
  for (const eval::Qrels::Query& query : qrels.queries()) {
    results.query_ids.push_back(valid_utf8(query.id));
  }
  const auto has_text = [&](const std::string& id) { return texts.count(id) > 0; };
  if (!flags.queries.empty() &&
      std::none_of(results.query_ids.begin(), results.query_ids.end(), has_text)) {
    say(flags.queries + ": none of its queries is in " + judged.name);
  }
  // One run's text at a time is in memory.
  for (std::size_t r = 0; r < flags.runs.size(); ++r) {
    CR_TRY_ASSIGN(EvalRun run,
                  evaluate_run(flags, flags.runs[r], names[r], qrels, judged.name, options));
    results.runs.push_back(std::move(run));
  }
  std::optional<TruncationShares> truncation;
  if (!flags.details.empty()) {
    CR_TRY_ASSIGN(truncation, read_details(flags.details, qrels, options.relevance_level));
    if (truncation->empty()) say(flags.details + ": none of its queries is in " + judged.name);
  }
  const Format format = flags.output.resolved();
  CR_TRY(test(results, options.for_report || format == Format::kJson || format == Format::kJsonl));

  Output out;
  out.buffer() = write_eval(results, format, flags.per_query);
  CR_TRY(out.flush());
  if (!flags.report.empty()) {
    CR_TRY(write_whole_file(flags.report, report_html(results, texts, truncation)));
  }
  if (!flags.output.quiet && !out.closed() && format != Format::kTable) {
    for (std::size_t r = 1; r < results.runs.size(); ++r) {
      say(conclusion(results, results.runs[r]));
    }
  }
  return {};
}

void add_input_flags(CLI::App& app, EvalFlags& flags) {
  app.add_option("--qrels", flags.qrels, "Judgments, lines QUERY 0 DOCUMENT GRADE")
      ->type_name("FILE")
      ->required()
      ->group("Input");
  app.add_option("--run", flags.runs,
                 "A ranking, lines QUERY Q0 DOCUMENT RANK SCORE TAG; may be given again. The\n"
                 "others are compared with the first")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->required()
      ->group("Input");
  app.add_option("--queries", flags.queries,
                 "Lines ID TAB TEXT, or JSON lines: the report shows the texts")
      ->type_name("FILE")
      ->group("Input");
  app.add_option("--details", flags.details,
                 "What rerank --details wrote: the report shows what was scored in part")
      ->type_name("FILE")
      ->group("Input");
}

}  // namespace

void add_eval(CLI::App& program, Command& chosen) {
  CLI::App* app =
      program.add_subcommand("eval", "How good rankings are by judgments, and which is better.");
  auto flags = std::make_shared<EvalFlags>();
  add_input_flags(*app, *flags);
  const char* group = "Measures";
  app->add_option("--measures", flags->measures, "Default " + flags->measures)
      ->type_name("A,B")
      ->group(group);
  add_count(*app, "--relevance-level", flags->relevance_level,
            "The lowest grade that is relevant for all but nDCG (default 1)", 1)
      ->group(group);
  app->add_flag("--all-queries", flags->all_queries,
                "Queries of the qrels that a run lacks count as 0 (trec_eval -c);\n"
                "without it they are left out")
      ->group(group);
  app->add_flag("--per-query", flags->per_query, "Every query too, not only the means")
      ->group("Output");
  app->add_option("--report", flags->report, "Write a page with plots, which needs no network")
      ->type_name("HTML")
      ->group("Output");
  add_output_flags(*app, flags->output,
                   {Format::kTable, Format::kJson, Format::kJsonl, Format::kTsv});
  app->footer(
      "Measures: nDCG, nDCG_exp (gain 2^grade - 1), MRR or RR, MAP or AP, each with or without\n"
      "@K; P@K, R@K, success@K, judged@K. Scores decide the order, the rank column does not;\n"
      "ties are broken as in trec_eval. One FILE may be -, standard input.\n"
      "tsv: record, run, measure, query or all, value; no header line.");
  run_as(*app, chosen, [flags] { return evaluate(*flags); });
}

}  // namespace crossrank::cli
