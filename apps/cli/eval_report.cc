// The report's data as JSON.
#include "eval_report.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "crossrank/version.h"
#include "report_page.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

// Of each run: the queries that gained most by it, and those that lost most.
constexpr std::size_t kExtremes = 10;
constexpr std::size_t kMaxTextCharacters = 400;

// What is drawn needs no more digits than a float32 has.
json::Value rounded_number(double value) { return json::number(static_cast<float>(value)); }

template <typename Values, typename ToJson>
json::Value list_of(const Values& values, ToJson to_json) {
  json::Value list = json::Value::array();
  for (const auto& value : values) list.push_back(to_json(value));
  return list;
}

json::Value interval_of(const std::optional<eval::Interval>& interval) {
  if (!interval) return nullptr;
  return {rounded_number(interval->low), rounded_number(interval->high)};
}

json::Value run_json(const EvalRun& run) {
  const eval::Evaluation& e = run.evaluation;
  json::Value scores = {{"low", rounded_number(e.scores.low)},
                        {"high", rounded_number(e.scores.high)},
                        {"relevant", e.scores.relevant},
                        {"not_relevant", e.scores.not_relevant},
                        {"unjudged", e.scores.unjudged}};
  return {{"name", run.name},
          {"queries", e.queries},
          {"missing", e.missing},
          {"unknown", e.unknown},
          {"duplicates", run.duplicates},
          {"means", list_of(e.means, rounded_number)},
          {"intervals", list_of(run.intervals, interval_of)},
          {"ndcg_by_depth", list_of(e.ndcg_by_depth, rounded_number)},
          {"scores", std::move(scores)}};
}

json::Value comparison_json(const EvalResults& results, std::size_t r) {
  const EvalRun& run = results.runs[r];
  json::Value measures = json::Value::array();
  for (std::size_t m = 0; m < run.against_first.size(); ++m) {
    const eval::Comparison& c = run.against_first[m];
    measures.push_back({{"queries", c.queries},
                        {"difference", rounded_number(c.difference)},
                        {"interval", interval_of(c.interval)},
                        {"p", c.p ? json::Value(*c.p) : json::Value()},
                        {"wins", c.wins},
                        {"ties", c.ties},
                        {"losses", c.losses},
                        {"verdict", verdict_of(results, run, m)}});
  }
  return {{"run", r}, {"conclusion", conclusion(results, run)}, {"measures", std::move(measures)}};
}

// The text of a query, cut to what a page can show.
json::Value text_of(const QueryTexts& texts, const std::string& id) {
  const auto found = texts.find(id);
  if (found == texts.end()) return nullptr;
  const std::string& text = found->second;
  const std::size_t bytes = base::prefix_bytes(text, kMaxTextCharacters);
  return bytes == text.size() ? text : text.substr(0, bytes) + "…";
}

json::Value query_json(const EvalResults& results, const QueryTexts& texts, std::size_t q) {
  json::Value values = list_of(results.runs, [q](const EvalRun& run) -> json::Value {
    const auto& row = run.evaluation.rows[q];
    return row ? list_of(*row, rounded_number) : json::Value();
  });
  return {{"id", results.query_ids[q]},
          {"text", text_of(texts, results.query_ids[q])},
          {"values", std::move(values)}};
}

// The queries whose first measure lost most (or, with one run, is lowest) and gained most.
struct Extremes {
  std::size_t run = 0;
  std::vector<std::size_t> worst, best;
};

Extremes extremes_of(const EvalResults& results, std::size_t r) {
  const auto& before = results.runs.front().evaluation.rows;
  const auto& after = results.runs[r].evaluation.rows;
  std::vector<std::pair<double, std::size_t>> sorted;
  for (std::size_t q = 0; q < after.size(); ++q) {
    if (!after[q] || !before[q]) continue;
    sorted.emplace_back(after[q]->front() - (r > 0 ? before[q]->front() : 0), q);
  }
  std::sort(sorted.begin(), sorted.end());
  Extremes out{r, {}, {}};
  const std::size_t count = std::min(kExtremes, sorted.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& [low, lowest] = sorted[i];
    const auto& [high, highest] = sorted[sorted.size() - 1 - i];
    // A query that gained is none of the worst, however few there are.
    if (r == 0 || low < 0) out.worst.push_back(lowest);
    if (r == 0 || high > 0) out.best.push_back(highest);
  }
  return out;
}

// The first documents of each run: [id, score, grade or null].
json::Value top_json(const EvalResults& results, std::size_t q) {
  return list_of(results.runs, [q](const EvalRun& run) {
    return list_of(run.evaluation.top[q], [](const eval::TopDocument& d) -> json::Value {
      const std::string id = base::repair_utf8(d.id).value_or(d.id);
      return {id, json::number(d.score),
              d.grade == eval::kUnjudged ? json::Value() : json::Value(d.grade)};
    });
  });
}

// [truncated, all] of each part of the ranks.
json::Value truncation_json(const TruncationShares& shares) {
  const auto counts = [](const auto& parts) {
    return list_of(parts, [](const TruncationShares::Count& count) -> json::Value {
      return {count.truncated, count.all};
    });
  };
  return {{"ranks_a_part", TruncationShares::kRanksAPart},
          {"relevant", counts(shares.relevant)},
          {"others", counts(shares.others)}};
}

std::string report_json(const EvalResults& results, const QueryTexts& texts,
                        const std::optional<TruncationShares>& truncation) {
  std::string out;
  ObjectWriter object(out);
  object.member("version", version())
      .member("qrels", results.qrels)
      .member("relevance_level", results.relevance_level)
      .member("all_queries", results.all_queries)
      .member("measures", list_of(results.measures, [](const auto& m) { return m.name; }));
  json::Value runs = json::Value::array();
  json::Value comparisons = json::Value::array();
  json::Value extremes = json::Value::array();
  std::set<std::size_t> shown;  // queries whose documents the page needs
  for (std::size_t r = 0; r < results.runs.size(); ++r) {
    runs.push_back(run_json(results.runs[r]));
    if (r > 0) comparisons.push_back(comparison_json(results, r));
    if (r == 0 && results.runs.size() > 1) continue;
    const Extremes e = extremes_of(results, r);
    extremes.push_back({{"run", r}, {"worst", e.worst}, {"best", e.best}});
    shown.insert(e.worst.begin(), e.worst.end());
    shown.insert(e.best.begin(), e.best.end());
  }
  object.member("runs", runs).member("comparisons", comparisons).member("extremes", extremes);
  object.member("truncation", truncation ? truncation_json(*truncation) : json::Value());
  std::string tops;
  ObjectWriter top(tops);
  for (const std::size_t q : shown) top.member(std::to_string(q), top_json(results, q));
  top.end();
  object.raw("top", tops);
  // As text, not as one tree: there may be many queries.
  std::string queries = "[";
  for (std::size_t q = 0; q < results.query_ids.size(); ++q) {
    queries += (q > 0 ? "," : "") + json::dump(query_json(results, texts, q));
  }
  object.raw("queries", queries + "]").end();
  return out;
}

}  // namespace

std::string report_html(const EvalResults& results, const QueryTexts& texts,
                        const std::optional<TruncationShares>& truncation) {
  return eval_page(report_json(results, texts, truncation));
}

}  // namespace crossrank::cli
