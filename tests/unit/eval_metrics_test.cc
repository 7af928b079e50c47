// Tests of src/eval/metrics: names, and values that are computed by hand.
#include "eval/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>

#include "eval/trec_files.h"

namespace crossrank::eval {
namespace {

using ::testing::HasSubstr;

// Five ranked documents: grade 1, unjudged, 0, 3, -1; a grade 2 was not found.
GradedRanking example(std::int32_t level = 1) {
  GradedRanking ranking;
  ranking.grades = {1, kUnjudged, 0, 3, -1};
  ranking.ideal = {3, 2, 1};
  ranking.relevance_level = level;
  ranking.relevant = level == 1 ? 3 : 2;
  return ranking;
}

double value(const std::string& name, const GradedRanking& ranking) {
  return measure(parse_measures(name).value().front(), ranking);
}

TEST(Metrics, ByHand) {
  const GradedRanking r = example();
  const double log3 = std::log2(3.0);
  const double log5 = std::log2(5.0);
  EXPECT_DOUBLE_EQ(value("nDCG", r), (1 + 3 / log5) / (3 + 2 / log3 + 1.0 / 2));
  EXPECT_DOUBLE_EQ(value("nDCG@1", r), 1.0 / 3);
  EXPECT_DOUBLE_EQ(value("nDCG@2", r), 1 / (3 + 2 / log3));
  EXPECT_DOUBLE_EQ(value("nDCG_exp@4", r), (1 + 7 / log5) / (7 + 3 / log3 + 1.0 / 2));
  EXPECT_DOUBLE_EQ(value("MRR", r), 1);
  EXPECT_DOUBLE_EQ(value("MAP", r), (1.0 / 1 + 2.0 / 4) / 3);
  EXPECT_DOUBLE_EQ(value("MAP@3", r), 1.0 / 3);
  EXPECT_DOUBLE_EQ(value("P@4", r), 2.0 / 4);
  EXPECT_DOUBLE_EQ(value("P@10", r), 2.0 / 10);
  EXPECT_DOUBLE_EQ(value("R@3", r), 1.0 / 3);
  EXPECT_DOUBLE_EQ(value("R@10", r), 2.0 / 3);
  EXPECT_DOUBLE_EQ(value("success@1", r), 1);
}

TEST(Metrics, JudgedCountsWhatIsThere) {
  const GradedRanking r = example();
  const Measure judged2 = {Family::kJudged, 2, "judged@2"};
  const Measure judged10 = {Family::kJudged, 10, "judged@10"};
  EXPECT_DOUBLE_EQ(measure(judged2, r), 1.0 / 2);
  EXPECT_DOUBLE_EQ(measure(judged10, r), 4.0 / 5);  // a negative grade is a judgment
}

TEST(Metrics, TheRelevanceLevelIsForBinaryMeasures) {
  const GradedRanking r = example(2);
  EXPECT_DOUBLE_EQ(value("MRR", r), 1.0 / 4);
  EXPECT_DOUBLE_EQ(value("MRR@3", r), 0);
  EXPECT_DOUBLE_EQ(value("MAP", r), 1.0 / 4 / 2);
  EXPECT_DOUBLE_EQ(value("success@3", r), 0);
  EXPECT_DOUBLE_EQ(value("R@5", r), 1.0 / 2);
  EXPECT_DOUBLE_EQ(value("nDCG", r), value("nDCG", example(1)));
}

TEST(Metrics, NothingThereIsZeroAndNotNan) {
  for (const char* name :
       {"nDCG", "nDCG@10", "nDCG_exp", "MRR@10", "MAP", "P@5", "R@5", "success@5"}) {
    EXPECT_EQ(value(name, {}), 0) << name;
    GradedRanking only_run;
    only_run.grades = {kUnjudged, 0};
    EXPECT_EQ(value(name, only_run), 0) << name;
    GradedRanking only_qrels;
    only_qrels.ideal = {2};
    only_qrels.relevant = 1;
    EXPECT_EQ(value(name, only_qrels), 0) << name;
  }
  EXPECT_EQ(measure({Family::kJudged, 10, ""}, {}), 0);
}

TEST(Metrics, LargeGradesStayFinite) {
  GradedRanking r;
  r.grades.assign(10'000, kMaxExpGrade);
  r.ideal = r.grades;
  EXPECT_DOUBLE_EQ(value("nDCG_exp", r), 1);
  r.grades.assign(10, std::numeric_limits<std::int32_t>::max());
  r.ideal = r.grades;
  EXPECT_DOUBLE_EQ(value("nDCG", r), 1);
}

TEST(Metrics, DepthsAreWhatTheMeasureSays) {
  std::array<double, 8> sums{};
  add_ndcg_by_depth(example(), sums);
  add_ndcg_by_depth(example(), sums);
  for (std::size_t k = 1; k <= sums.size(); ++k) {
    EXPECT_NEAR(sums[k - 1], 2 * value("nDCG@" + std::to_string(k), example()), 1e-12) << k;
  }
}

TEST(Metrics, Names) {
  const auto measures = parse_measures("ndcg@10,RR,AP@100,recall@5,Success@1,Judged@7").value();
  ASSERT_EQ(measures.size(), 6u);
  EXPECT_EQ(measures[0].name, "ndcg@10");
  EXPECT_EQ(measures[1].family, Family::kReciprocalRank);
  EXPECT_EQ(measures[1].cutoff, 0u);
  EXPECT_EQ(measures[2].family, Family::kAveragePrecision);
  EXPECT_EQ(measures[2].cutoff, 100u);
  EXPECT_EQ(measures[5].family, Family::kJudged);
}

TEST(Metrics, NamesThatAreRefused) {
  for (const auto& [list, what] : {
           std::pair{"", "is not known"},
           std::pair{"nDCG@10,", "is not known"},
           std::pair{"bpref", "is not known: there are"},
           std::pair{"P", "needs a cutoff: P@10"},
           std::pair{"nDCG@", "has no number"},
           std::pair{"nDCG@0", "has no number"},
           std::pair{"nDCG@-1", "has no number"},
           std::pair{"nDCG@1.5", "has no number"},
           std::pair{"nDCG@99999999999999999999", "has no number"},
           std::pair{"MAP,AP", "'AP' is there twice"},
           std::pair{"judged@10,nDCG", "says nothing of quality"},
       }) {
    const auto measures = parse_measures(list);
    ASSERT_FALSE(measures.ok()) << list;
    EXPECT_EQ(measures.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(measures.error().message, HasSubstr(what));
  }
}

}  // namespace
}  // namespace crossrank::eval
