// Results of `crossrank eval` as text.
#include "eval_results.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "console.h"
#include "display.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

// p as people read it: 0.0312, 4.1e-07.
std::string p_text(const std::optional<double>& p) {
  if (!p) return "-";
  if (*p == 0) return "0";
  char text[32];
  std::snprintf(text, sizeof(text), *p < 0.0001 && *p > 0 ? "%.1e" : "%.4f", *p);
  return text;
}

std::string percent(double share) { return decimals(100 * share, 0) + " %"; }

std::string measures_json(const EvalResults& results, const std::vector<double>& values) {
  std::string out;
  ObjectWriter object(out);
  for (std::size_t m = 0; m < values.size(); ++m) {
    object.member(results.measures[m].name, values[m]);
  }
  object.end();
  return out;
}

// Calls `use(id, row)` for the queries that count.
template <typename Use>
void for_each_query(const EvalResults& results, const EvalRun& run, Use use) {
  for (std::size_t q = 0; q < results.query_ids.size(); ++q) {
    if (const auto& row = run.evaluation.rows[q]) use(results.query_ids[q], *row);
  }
}

void write_query(ObjectWriter& object, const EvalResults& results, const std::string& id,
                 const std::vector<double>& row) {
  object.member("query", id).raw("measures", measures_json(results, row));
}

void write_mean(ObjectWriter& object, const EvalResults& results, const EvalRun& run) {
  std::string intervals;
  ObjectWriter members(intervals);
  for (std::size_t m = 0; m < results.measures.size(); ++m) {
    members.member(results.measures[m].name, interval_json(run.intervals[m]));
  }
  members.end();
  object.member("run", run.name)
      .member("queries", run.evaluation.queries)
      .member("missing_queries", run.evaluation.missing)
      .member("unknown_queries", run.evaluation.unknown)
      .member("duplicate_lines", run.duplicates)
      .raw("measures", measures_json(results, run.evaluation.means))
      .raw("intervals", intervals);
}

void write_comparison(ObjectWriter& object, const EvalResults& results, const EvalRun& run,
                      std::size_t measure) {
  const eval::Comparison& c = run.against_first[measure];
  const std::string_view verdict = verdict_of(results, run, measure);
  object.member("run", run.name)
      .member("baseline", results.runs.front().name)
      .member("measure", results.measures[measure].name)
      .member("queries", c.queries)
      .member("difference", c.difference)
      .member("interval", interval_json(c.interval))
      .member("p", c.p ? json::Value(*c.p) : json::Value())
      .member("wins", c.wins)
      .member("ties", c.ties)
      .member("losses", c.losses)
      .member("verdict", verdict.empty() ? json::Value() : json::Value(verdict));
}

// "[" one object a call of `write(object, i)` "]"
template <typename Write>
std::string array_of(std::size_t count, Write write) {
  std::string out = "[";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    ObjectWriter object(out);
    write(object, i);
    object.end();
  }
  return out + "]";
}

std::string per_query_json(const EvalResults& results, const EvalRun& run) {
  std::string out;
  for_each_query(results, run, [&](const std::string& id, const std::vector<double>& row) {
    out += out.empty() ? "" : ",";
    ObjectWriter object(out);
    write_query(object, results, id, row);
    object.end();
  });
  return "[" + out + "]";
}

std::string write_json(const EvalResults& results, bool per_query) {
  const auto& runs = results.runs;
  std::string out;
  ObjectWriter object(out);
  object.member("qrels", results.qrels)
      .member("relevance_level", results.relevance_level)
      .member("all_queries", results.all_queries)
      .raw("runs", array_of(runs.size(), [&](ObjectWriter& member, std::size_t r) {
             write_mean(member, results, runs[r]);
             if (per_query) member.raw("per_query", per_query_json(results, runs[r]));
           }));
  const std::size_t measures = results.measures.size();
  object.raw("comparisons",
             array_of((runs.size() - 1) * measures, [&](ObjectWriter& member, std::size_t i) {
               write_comparison(member, results, runs[1 + i / measures], i % measures);
             }));
  json::Value conclusions = json::Value::array();
  for (std::size_t r = 1; r < runs.size(); ++r) {
    conclusions.push_back(conclusion(results, runs[r]));
  }
  object.member("conclusions", conclusions).end();
  return out + "\n";
}

std::string write_jsonl(const EvalResults& results, bool per_query) {
  std::string out;
  const auto line = [&out](std::string_view record, const auto& write) {
    ObjectWriter object(out);
    object.member("record", record);
    write(object);
    object.end();
    out += '\n';
  };
  for (const EvalRun& run : results.runs) {
    line("mean", [&](ObjectWriter& object) { write_mean(object, results, run); });
    if (!per_query) continue;
    for_each_query(results, run, [&](const std::string& id, const std::vector<double>& row) {
      line("query", [&](ObjectWriter& object) {
        object.member("run", run.name);
        write_query(object, results, id, row);
      });
    });
  }
  for (const EvalRun& run : results.runs) {
    for (std::size_t m = 0; m < run.against_first.size(); ++m) {
      line("comparison", [&](ObjectWriter& object) { write_comparison(object, results, run, m); });
    }
  }
  return out;
}

std::string write_tsv(const EvalResults& results, bool per_query) {
  std::string out;
  const auto line = [&](std::string_view record, const EvalRun& run, std::size_t measure,
                        const std::string& query, const json::Value& value) {
    out.append(record).append(1, '\t').append(tsv_field(run.name)).append(1, '\t');
    out.append(results.measures[measure].name).append(1, '\t').append(tsv_field(query));
    out.append(1, '\t').append(json::dump(value)).append(1, '\n');
  };
  for (const EvalRun& run : results.runs) {
    for (std::size_t m = 0; m < results.measures.size(); ++m) {
      line("mean", run, m, "all", run.evaluation.means[m]);
    }
    if (!per_query) continue;
    for_each_query(results, run, [&](const std::string& id, const std::vector<double>& row) {
      for (std::size_t m = 0; m < row.size(); ++m) line("query", run, m, id, row[m]);
    });
  }
  for (const EvalRun& run : results.runs) {
    for (std::size_t m = 0; m < run.against_first.size(); ++m) {
      const eval::Comparison& c = run.against_first[m];
      line("difference", run, m, "all", c.difference);
      line("low", run, m, "all", c.interval ? json::Value(c.interval->low) : json::Value());
      line("high", run, m, "all", c.interval ? json::Value(c.interval->high) : json::Value());
      line("p", run, m, "all", c.p ? json::Value(*c.p) : json::Value());
      line("wins", run, m, "all", c.wins);
      line("ties", run, m, "all", c.ties);
      line("losses", run, m, "all", c.losses);
    }
  }
  return out;
}

std::string means_table(const EvalResults& results, std::size_t width) {
  std::vector<Table::Column> columns = {{"run"}, {"queries", true}};
  for (const eval::Measure& measure : results.measures) columns.push_back({measure.name, true, 6});
  columns.push_back({""});  // so that the last measure stays aligned, too
  Table table(std::move(columns));
  for (const EvalRun& run : results.runs) {
    std::vector<std::string> cells = {run.name, std::to_string(run.evaluation.queries)};
    for (const double mean : run.evaluation.means) cells.push_back(decimals(mean, 4));
    cells.emplace_back();
    table.add_row(std::move(cells));
  }
  return table.render(width);
}

std::string comparison_table(const EvalResults& results, const EvalRun& run, std::size_t width) {
  Table table({{"measure"},
               {"difference", true},
               {"95 % interval", true},
               {"p", true},
               {"better", true},
               {"equal", true},
               {"worse", true},
               {""}});
  for (std::size_t m = 0; m < run.against_first.size(); ++m) {
    const eval::Comparison& c = run.against_first[m];
    table.add_row({results.measures[m].name, with_sign(c.difference), interval_text(c.interval),
                   p_text(c.p), std::to_string(c.wins), std::to_string(c.ties),
                   std::to_string(c.losses), std::string(verdict_of(results, run, m))});
  }
  return snippet(run.name + " against " + results.runs.front().name + ", over " +
                     with_thousands(run.against_first.front().queries) + " queries",
                 width) +
         "\n" + table.render(width);
}

// One sentence on the first measure; the runs have queries in common.
std::string verdict_sentence(const EvalResults& results, const EvalRun& run) {
  const eval::Comparison& c = run.against_first.front();
  const std::string& baseline = results.runs.front().name;
  if (c.ties == c.queries) {
    return run.name + " and " + baseline + " have the same " + results.measures.front().name +
           " for each of " + with_thousands(c.queries) + " queries.";
  }
  const std::string what = results.measures.front().name + " is " +
                           decimals(c.difference < 0 ? -c.difference : c.difference, 4) +
                           (c.difference < 0 ? " below" : " above") + " that of " + baseline +
                           " over " + with_thousands(c.queries) + " queries";
  const std::string why = " (95 % interval " + interval_text(c.interval) + ", p = " + p_text(c.p) +
                          "; " + std::to_string(c.wins) + " better, " + std::to_string(c.ties) +
                          " equal, " + std::to_string(c.losses) + " worse)";
  switch (c.verdict) {
    case eval::Verdict::kHelped: return run.name + " helped: its " + what + why + ".";
    case eval::Verdict::kHurt: return run.name + " hurt: its " + what + why + ".";
    case eval::Verdict::kUndecided: break;
  }
  return "Undecided whether " + run.name + " helps: its " + what + why +
         (c.queries < eval::kMinQueries
              ? ", and that is too few queries."
              : ", which chance alone may give: more queries would tell.");
}

// What the numbers do not show and may well explain them: sentences, each with a space in front.
std::string cautions(const EvalRun& baseline, const EvalRun& run) {
  constexpr double kJudgedGap = 0.05;
  std::string out;
  const double before = baseline.evaluation.judged_at_10;
  const double after = run.evaluation.judged_at_10;
  if (std::fabs(after - before) > kJudgedGap) {
    out += " Of the first 10 documents " + percent(before) + " are judged in " + baseline.name +
           " and " + percent(after) + " in " + run.name +
           ": what is not judged counts as not relevant, so judge more before you believe this.";
  }
  const std::size_t shallow = std::min(baseline.evaluation.deepest, run.evaluation.deepest);
  if (baseline.evaluation.deepest != run.evaluation.deepest) {
    out += " " + baseline.name + " has up to " + with_thousands(baseline.evaluation.deepest) +
           " documents a query, " + run.name + " up to " + with_thousands(run.evaluation.deepest) +
           ": measures that look deeper than " + with_thousands(shallow) +
           " show the difference of these, too.";
  }
  return out;
}

std::string query_table(const EvalResults& results, std::size_t width) {
  std::vector<Table::Column> columns = {{"query"}, {"run"}};
  for (const eval::Measure& measure : results.measures) columns.push_back({measure.name, true, 6});
  columns.push_back({""});
  Table table(std::move(columns));
  for (std::size_t q = 0; q < results.query_ids.size(); ++q) {
    for (const EvalRun& run : results.runs) {
      const auto& row = run.evaluation.rows[q];
      std::vector<std::string> cells = {results.query_ids[q], run.name};
      for (std::size_t m = 0; m < results.measures.size(); ++m) {
        cells.push_back(row ? decimals((*row)[m], 4) : "-");
      }
      cells.emplace_back();
      table.add_row(std::move(cells));
    }
  }
  return table.render(width) + "\n";
}

std::string write_table(const EvalResults& results, bool per_query) {
  const std::size_t width = terminal_width();
  std::string out = per_query ? query_table(results, width) : "";
  out += means_table(results, width);
  for (std::size_t r = 1; r < results.runs.size(); ++r) {
    out += "\n" + comparison_table(results, results.runs[r], width);
    out += printable_lines(conclusion(results, results.runs[r])) + "\n";
  }
  return out;
}

}  // namespace

std::string interval_text(const std::optional<eval::Interval>& interval) {
  return interval ? with_sign(interval->low) + " to " + with_sign(interval->high) : "-";
}

json::Value interval_json(const std::optional<eval::Interval>& interval) {
  return interval ? json::Value({interval->low, interval->high}) : json::Value();
}

std::string with_sign(double value) {
  const std::string digits = decimals(value, 4);
  return value >= 0 ? "+" + digits : digits;
}

std::string_view verdict_of(const EvalResults& results, const EvalRun& run, std::size_t measure) {
  if (results.measures[measure].family == eval::Family::kJudged) return "";
  switch (run.against_first[measure].verdict) {
    case eval::Verdict::kHelped: return "helped";
    case eval::Verdict::kHurt: return "hurt";
    case eval::Verdict::kUndecided: return "undecided";
  }
  return "";  // not reached: the switch is exhaustive
}

std::string conclusion(const EvalResults& results, const EvalRun& run) {
  const eval::Comparison& c = run.against_first.front();
  const std::string& baseline = results.runs.front().name;
  if (c.queries == 0) return run.name + " and " + baseline + " have no query in common.";
  return verdict_sentence(results, run) + cautions(results.runs.front(), run);
}

std::string write_eval(const EvalResults& results, Format format, bool per_query) {
  switch (format) {
    case Format::kTable: return write_table(results, per_query);
    case Format::kJson: return write_json(results, per_query);
    case Format::kTsv: return write_tsv(results, per_query);
    case Format::kJsonl:
    case Format::kTrec:
    case Format::kAuto: break;
  }
  return write_jsonl(results, per_query);
}

}  // namespace crossrank::cli
