// Joins a run with the qrels, query by query, and measures it.
#include "eval/evaluation.h"

#include <algorithm>
#include <functional>

namespace crossrank::eval {

GradedRanking graded(std::span<const Judgment> judgments, std::span<const ScoredDocument> documents,
                     std::int32_t relevance_level) {
  GradedRanking ranking;
  ranking.relevance_level = relevance_level;
  ranking.grades.reserve(documents.size());
  for (const ScoredDocument& d : documents) {
    ranking.grades.push_back(grade_of(judgments, d.document));
  }
  for (const Judgment& judgment : judgments) {
    if (judgment.grade > 0) ranking.ideal.push_back(judgment.grade);
    ranking.relevant += judgment.grade >= relevance_level;
  }
  std::sort(ranking.ideal.begin(), ranking.ideal.end(), std::greater<>());
  return ranking;
}

namespace {

// Of all documents of the queries that the qrels have, which is what the histogram counts.
void set_range(ScoreHistogram& scores, const Qrels& qrels, const Run& run) {
  bool first = true;
  for (const Run::Query& query : run.queries()) {
    if (qrels.find(query.id) == qrels.queries().size()) continue;
    const std::span<const ScoredDocument> documents = run.records(query);
    const double high = documents.front().score;  // a query of a run has a document at least
    const double low = documents.back().score;
    scores.high = first ? high : std::max(scores.high, high);
    scores.low = first ? low : std::min(scores.low, low);
    first = false;
  }
}

void add(ScoreHistogram& scores, double score, std::int32_t grade, std::int32_t relevance_level) {
  const double width = scores.high - scores.low;
  const double share = width > 0 ? (score - scores.low) / width : 0;
  const auto bin = std::min(ScoreHistogram::kBins - 1,
                            static_cast<std::size_t>(share * double{ScoreHistogram::kBins}));
  ScoreHistogram::Bins& bins = grade == kUnjudged         ? scores.unjudged
                               : grade >= relevance_level ? scores.relevant
                                                          : scores.not_relevant;
  ++bins[bin];
}

void count_judged(Evaluation& out, const GradedRanking& ranking) {
  static const Measure kJudgedAt10 = {Family::kJudged, 10, "judged@10"};
  const std::vector<std::int32_t>& grades = ranking.grades;
  const auto unjudged = std::count(grades.begin(), grades.end(), kUnjudged);
  out.deepest = std::max(out.deepest, grades.size());
  out.judged += grades.size() - static_cast<std::size_t>(unjudged);
  out.judged_at_10 += measure(kJudgedAt10, ranking);
}

void add_to_report(Evaluation& out, std::vector<TopDocument>& top,
                   std::span<const ScoredDocument> documents, const GradedRanking& ranking) {
  add_ndcg_by_depth(ranking, out.ndcg_by_depth);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    add(out.scores, documents[i].score, ranking.grades[i], ranking.relevance_level);
    if (i < Evaluation::kTop) {
      top.push_back({std::string(documents[i].document), documents[i].score, ranking.grades[i]});
    }
  }
}

}  // namespace

Evaluation evaluate(const Qrels& qrels, const Run& run, const EvaluationOptions& options) {
  Evaluation out;
  out.rows.resize(qrels.queries().size());
  out.means.resize(options.measures.size());
  if (options.for_report) {
    out.top.resize(out.rows.size());
    set_range(out.scores, qrels, run);
  }
  std::size_t known = 0;
  for (std::size_t q = 0; q < out.rows.size(); ++q) {
    const Qrels::Query& query = qrels.queries()[q];
    const std::size_t in_run = run.find(query.id);
    const bool found = in_run < run.queries().size();
    known += found;
    if (!found && !options.all_queries) continue;
    const std::span<const ScoredDocument> documents =
        found ? run.records(run.queries()[in_run]) : std::span<const ScoredDocument>();
    const GradedRanking ranking = graded(qrels.records(query), documents, options.relevance_level);
    std::vector<double>& row = out.rows[q].emplace();
    for (std::size_t m = 0; m < options.measures.size(); ++m) {
      row.push_back(measure(options.measures[m], ranking));
      out.means[m] += row.back();
    }
    ++out.queries;
    count_judged(out, ranking);
    if (options.for_report) add_to_report(out, out.top[q], documents, ranking);
  }
  out.missing = out.rows.size() - known;
  out.unknown = run.queries().size() - known;
  const auto count = static_cast<double>(std::max<std::size_t>(out.queries, 1));
  for (double& mean : out.means) mean /= count;
  out.judged_at_10 /= count;
  for (double& mean : out.ndcg_by_depth) mean /= count;
  return out;
}

std::vector<double> rows_of(const Evaluation& evaluation) {
  std::vector<double> rows;
  for (const auto& row : evaluation.rows) {
    if (row) rows.insert(rows.end(), row->begin(), row->end());
  }
  return rows;
}

PairedRows paired_rows(const Evaluation& before, const Evaluation& after) {
  PairedRows rows;
  for (std::size_t q = 0; q < before.rows.size(); ++q) {
    const auto& old = before.rows[q];
    const auto& fresh = after.rows[q];
    if (!old || !fresh) continue;
    rows.before.insert(rows.before.end(), old->begin(), old->end());
    rows.after.insert(rows.after.end(), fresh->begin(), fresh->end());
  }
  return rows;
}

}  // namespace crossrank::eval
