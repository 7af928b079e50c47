// The report of a load. Figures that too few right answers gave are "-", of none at all null.
#include "load_report.h"

#include <array>
#include <utility>

#include "crossrank/version.h"
#include "display.h"
#include "progress_bar.h"
#include "quantiles.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

struct Quantile {
  const char* title;
  const char* member;
  std::size_t per_mille;
  std::size_t least;  // answers, so that it is not the slowest one by another name
};
constexpr std::array kQuantiles = {
    Quantile{"p50 ms", "p50", 500, 1},   Quantile{"p90 ms", "p90", 900, 10},
    Quantile{"p99 ms", "p99", 990, 100}, Quantile{"p99.9 ms", "p99_9", 999, 1000},
    Quantile{"max ms", "max", 1000, 1},
};

// Kinds that JSON names although there was none.
constexpr std::array<std::string_view, 7> kKinds = {
    "429", "503", "504", kTimeoutFailure, kConnectionFailure, kUnsentFailure, kWrongFailure};

std::string rate_of(const LoadRun& run) {
  return run.rate ? json::dump(json::Value(*run.rate)) : "max";
}

// "429: 17, timeout: 3"
std::string failures_of(const LoadTally& tally) {
  std::string text;
  for (const auto& [kind, failures] : tally.failures) {
    text += (text.empty() ? "" : ", ") + kind + ": " + with_thousands(failures.count);
  }
  return text.empty() ? "-" : text;
}

std::vector<std::string> row_of(const LoadRun& run, std::size_t documents) {
  const std::size_t served = run.tally.latencies_ms.size();
  std::vector<std::string> row = {
      rate_of(run), decimals(run.offered_per_second, 1), decimals(run.per_second(served), 1),
      decimals(run.per_second(run.tally.good), 1), decimals(run.per_second(served * documents), 1)};
  for (const Quantile& q : kQuantiles) {
    row.push_back(served >= q.least ? decimals(quantile(run.tally.latencies_ms, q.per_mille), 1)
                                    : "-");
  }
  row.push_back(failures_of(run.tally));
  return row;
}

// Lines about requests that failed or had to wait.
std::string notes_of(const LoadRun& run) {
  const LoadTally& tally = run.tally;
  std::string notes;
  if (tally.late > 0) {
    notes += "rate " + rate_of(run) + ": " + with_thousands(tally.late) + " of " +
             counted(tally.requests, "request") +
             " found no free connection and waited for one; more --connections if that is not "
             "meant\n";
  }
  for (const auto& [kind, failures] : tally.failures) {
    notes += "rate " + rate_of(run) + ", the first " + kind + ": " + failures.first + "\n";
  }
  return notes;
}

std::string server_of(const LoadFacts& facts) {
  const std::string& model = facts.report.model;
  return (model.empty() ? "" : model + " at ") + facts.plan.url;
}

json::Value latency_json(const std::vector<double>& latencies_ms) {
  if (latencies_ms.empty()) return nullptr;
  json::Value latency;
  for (const Quantile& q : kQuantiles) latency[q.member] = quantile(latencies_ms, q.per_mille);
  return latency;
}

json::Value run_json(const LoadRun& run, std::size_t documents) {
  const LoadTally& tally = run.tally;
  const std::size_t served = tally.latencies_ms.size();
  json::Value errors = json::Value::object();
  json::Value messages = json::Value::object();
  for (const std::string_view kind : kKinds) errors[std::string(kind)] = 0;
  for (const auto& [kind, failures] : tally.failures) {
    errors[kind] = failures.count;
    messages[kind] = failures.first;
  }
  return {{"rate", run.rate ? json::Value(*run.rate) : json::Value("max")},
          {"seconds", run.seconds},
          {"requests", tally.requests},
          {"served", served},
          {"good", tally.good},
          {"late", tally.late},
          {"offered_per_second", run.offered_per_second},
          {"served_per_second", run.per_second(served)},
          {"good_per_second", run.per_second(tally.good)},
          {"pairs_per_second", run.per_second(served * documents)},
          {"latency_ms", latency_json(tally.latencies_ms)},
          {"errors", std::move(errors)},
          {"first_errors", std::move(messages)}};
}

}  // namespace

std::string load_table(const LoadFacts& facts) {
  std::vector<Table::Column> columns = {
      {"rate", true}, {"offered/s", true}, {"served/s", true}, {"good/s", true}, {"pairs/s", true}};
  for (const Quantile& q : kQuantiles) columns.push_back({q.title, true});
  columns.push_back({"failed"});
  Table table(columns);
  for (const LoadRun& run : facts.report.runs) table.add_row(row_of(run, facts.documents));

  const LoadPlan& plan = facts.plan;
  std::string text = table.render(200) + counted(facts.documents, "document") + " a request, " +
                     counted(facts.workload.pairs.size(), "pair") + " (" + facts.workload.name +
                     "), " + decimals(plan.duration.count(), 1) + " s a rate, " +
                     counted(plan.connections, "connection") + ", " + server_of(facts) + "\n";
  text += "latency of right answers, from when a request was due; good: ";
  text +=
      plan.deadline
          ? "within " + with_thousands(static_cast<std::size_t>(plan.deadline->count())) + " ms\n"
          : "all of them, without --deadline-ms\n";
  for (const LoadRun& run : facts.report.runs) text += notes_of(run);
  return printable_lines(text);
}

json::Value load_json(const LoadFacts& facts) {
  const LoadPlan& plan = facts.plan;
  json::Value runs = json::Value::array();
  for (const LoadRun& run : facts.report.runs) runs.push_back(run_json(run, facts.documents));
  const std::string& model = facts.report.model;
  return {{"url", plan.url},
          {"model", model.empty() ? json::Value() : json::Value(model)},
          {"documents", facts.documents},
          {"pairs", facts.workload.pairs.size()},
          {"input", facts.workload.name},
          {"duration_seconds", plan.duration.count()},
          {"connections", plan.connections},
          {"timeout_ms", plan.timeout.count()},
          {"deadline_ms", plan.deadline ? json::Value(plan.deadline->count()) : json::Value()},
          {"seed", plan.seed},
          {"version", version()},
          {"runs", std::move(runs)}};
}

}  // namespace crossrank::cli
