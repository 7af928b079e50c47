// Tests of src/eval/evaluation: which queries count, and what a report is given.
#include "eval/evaluation.h"

#include <gtest/gtest.h>

#include <numeric>

namespace crossrank::eval {
namespace {

const char* const kQrels = "a 0 d1 1\nb 0 d1 2\nc 0 d1 1\n";
const char* const kRun = "c Q0 d1 1 0.25 t\na Q0 x 1 3 t\na Q0 d1 2 1 t\nz Q0 d1 1 9 t\n";  // not b

EvaluationOptions options() {
  EvaluationOptions options;
  options.measures = parse_measures("MRR,P@1").value();
  return options;
}

Evaluation run_with(const EvaluationOptions& options) {
  return evaluate(parse_qrels(kQrels, "q").value(), parse_run(kRun, "r").value(), options);
}

TEST(Evaluation, MeansAreOverTheQueriesOfBoth) {
  const Evaluation e = run_with(options());
  EXPECT_EQ(e.queries, 2u);
  EXPECT_EQ(e.missing, 1u);
  EXPECT_EQ(e.unknown, 1u);
  EXPECT_FALSE(e.rows[1]);
  EXPECT_DOUBLE_EQ(e.means[0], (0.5 + 1) / 2);
  EXPECT_TRUE(e.top.empty());
}

TEST(Evaluation, AllQueriesCountsTheMissingAsZero) {
  EvaluationOptions all = options();
  all.all_queries = true;
  const Evaluation e = run_with(all);
  EXPECT_EQ(e.queries, 3u);
  EXPECT_EQ(e.missing, 1u);
  EXPECT_DOUBLE_EQ(e.means[0], (0.5 + 0 + 1) / 3);
}

TEST(Evaluation, PairsWhatBothHave) {
  const Evaluation e = run_with(options());
  const Evaluation other =
      evaluate(parse_qrels(kQrels, "q").value(),
               parse_run("b Q0 d1 1 1 t\nc Q0 x 1 1 t", "r").value(), options());
  const PairedRows rows = paired_rows(e, other);
  EXPECT_EQ(rows.before, (std::vector<double>{1, 1}));
  EXPECT_EQ(rows.after, (std::vector<double>{0, 0}));
  EXPECT_EQ(rows_of(other), (std::vector<double>{1, 1, 0, 0}));
}

TEST(Evaluation, ReportsTopDocumentsAndScores) {
  EvaluationOptions report = options();
  report.for_report = true;
  const Evaluation e = run_with(report);
  ASSERT_EQ(e.top[0].size(), 2u);
  EXPECT_EQ(e.top[0][0].id, "x");
  EXPECT_EQ(e.top[0][0].grade, kUnjudged);
  EXPECT_EQ(e.top[0][1].grade, 1);
  EXPECT_TRUE(e.top[1].empty());
  EXPECT_EQ(e.scores.low, 0.25);
  EXPECT_EQ(e.scores.high, 3);  // the 9 is of a query that nobody judged
  EXPECT_EQ(e.scores.unjudged.back(), 1u);
  EXPECT_EQ(std::accumulate(e.scores.relevant.begin(), e.scores.relevant.end(), std::size_t{0}),
            2u);
  EXPECT_DOUBLE_EQ(e.ndcg_by_depth[0], 0.5);
}

TEST(Evaluation, OneScoreForAllIsOneBin) {
  EvaluationOptions report = options();
  report.for_report = true;
  const Evaluation e = evaluate(parse_qrels("a 0 d 1", "q").value(),
                                parse_run("a Q0 d 1 7 t\na Q0 e 2 7 t", "r").value(), report);
  EXPECT_EQ(e.scores.relevant[0], 1u);
  EXPECT_EQ(e.scores.unjudged[0], 1u);
}

}  // namespace
}  // namespace crossrank::eval
