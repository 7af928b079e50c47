// Tests of src/eval/tuning and blend: which setting wins, what a fold decides, what is left out.
#include "eval/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crossrank::eval {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

constexpr double kLow = 0.001;

// In each query a is relevant, b is not; `first` and `second` say which scores they have.
struct Made {
  std::string qrels, first, second;

  void add(const std::string& query, const char* first_scores, const char* second_scores) {
    qrels += query + " 0 a 1\n";
    for (const char* document : {"a", "b"}) {
      const std::size_t i = document[0] == 'a' ? 0 : 2;
      first += query + " Q0 " + document + " 1 " + first_scores[i] + " t\n";
      second += query + " Q0 " + document + " 1 " + second_scores[i] + " t\n";
    }
  }

  [[nodiscard]] Result<Tuning> tune(std::size_t folds = 2, const Stop& stop = {}) const {
    TuningOptions options;
    options.measure = parse_measures("P@1").value().front();
    options.folds = folds;
    options.stop = stop;
    return eval::tune(parse_qrels(qrels, "q").value(), parse_run(first, "a").value(),
                      parse_run(second, "b").value(), options);
  }
};

TEST(Tuning, TheSecondRunAsItIsWinsWhereItIsBestAlone) {
  Made made;
  for (const char* query : {"q1", "q2", "q3", "q4"}) made.add(query, "1 2", "2 1");
  const Tuning tuning = made.tune().value();
  EXPECT_EQ(tuning.best.alpha, 1);
  EXPECT_EQ(tuning.best.blend, Blend::kZScore);
  EXPECT_THAT(tuning.first, Each(0));
  EXPECT_THAT(tuning.second, Each(1));
  EXPECT_THAT(tuning.cross_validated, Each(1));
}

TEST(Tuning, OfEqualMeansTheHighestAlphaWins) {
  Made made;
  for (const char* query : {"q1", "q2", "q3", "q4"}) made.add(query, "2 1", "1 2");
  const Tuning tuning = made.tune().value();
  EXPECT_NEAR(tuning.best.alpha, 0.45, kLow);  // at 0.5 the two cancel, and b is the last id
  EXPECT_EQ(tuning.best.blend, Blend::kZScore);
}

// Each fold's queries are measured with what is best for the others, here the wrong thing.
TEST(Tuning, AFoldHasNoSayInItsOwnSetting) {
  Made made;
  made.add("q1", "2 1", "1 2");
  made.add("q2", "1 2", "2 1");
  const Tuning tuning = made.tune(2).value();
  EXPECT_THAT(tuning.cross_validated, ElementsAre(0, 0));
  EXPECT_THAT(tuning.first, ElementsAre(1, 0));
  EXPECT_THAT(tuning.second, ElementsAre(0, 1));
}

TEST(Tuning, WhatIsLeftOutIsCounted) {
  Made made;
  for (const char* query : {"q1", "q2"}) made.add(query, "1 2", "2 1");
  made.second += "q8 Q0 a 1 1 t\nq9 Q0 a 1 1 t\n";
  made.first += "q8 Q0 a 1 1 t\n";
  made.qrels += "q9 0 a 1\n";
  const Tuning tuning = made.tune().value();
  EXPECT_EQ(tuning.second.size(), 2u);
  EXPECT_EQ(tuning.unjudged, 1u);
  EXPECT_EQ(tuning.unranked, 1u);
  EXPECT_EQ(made.tune(3).error().code, ErrorCode::kInvalidArgument);
  made.second += "q1 Q0 c 1 1 t\n";
  EXPECT_THAT(made.tune().error().message,
              HasSubstr("query q1: the document c is not in the first"));
}

TEST(Tuning, StopsWhenAsked) {
  Made made;
  for (const char* query : {"q1", "q2"}) made.add(query, "1 2", "2 1");
  EXPECT_EQ(made.tune(2, [] { return true; }).error().code, ErrorCode::kCancelled);
}

TEST(Blend, ZIsOfMeanZeroAndDeviationOne) {
  const std::vector<ScoredDocument> first = {{"a", 1}, {"b", 2}, {"c", 3}};
  const std::vector<ScoredDocument> second = {{"a", 10}, {"b", 0}, {"c", 10}};
  const float outer = 1.2247449F;  // sqrt(3 / 2)
  EXPECT_THAT(blended_scores(first, second, 0.5, Blend::kZScore),
              ElementsAre(FloatEq((0.70710678F - outer) / 2), FloatEq(-0.70710678F),
                          FloatEq((0.70710678F + outer) / 2)));
  const std::vector<ScoredDocument> equal = {{"a", 7}, {"b", 7}, {"c", 7}};
  EXPECT_THAT(blended_scores(first, equal, 0.5, Blend::kZScore),
              ElementsAre(FloatEq(-outer / 2), FloatEq(0), FloatEq(outer / 2)));
}

TEST(Blend, RanksOfEqualScoresAreByIdTheLastFirst) {
  const std::vector<ScoredDocument> first = {{"a", 7}, {"c", 7}, {"b", 7}};
  const std::vector<ScoredDocument> second = {{"a", 3}, {"c", 1}, {"b", 2}};
  EXPECT_THAT(blended_scores(first, second, 0.5, Blend::kReciprocalRank),
              ElementsAre(FloatEq((1 / 63.0F + 1 / 61.0F) / 2),
                          FloatEq((1 / 61.0F + 1 / 63.0F) / 2), FloatEq(1 / 62.0F)));
}

TEST(Blend, AnAlphaOfOneOrZeroIsOneRunAsItIs) {
  const std::vector<ScoredDocument> first = {{"a", 5}, {"b", -1e9F}, {"c", 4}};
  const std::vector<ScoredDocument> second = {{"a", 2.0000002F}, {"b", 2}, {"c", -1e9F}};
  for (const Blend blend : {Blend::kZScore, Blend::kReciprocalRank}) {
    EXPECT_THAT(blended_scores(first, second, 1, blend), ElementsAre(2.0000002F, 2, -1e9F));
    EXPECT_THAT(blended_scores(first, second, 0, blend), ElementsAre(5, -1e9F, 4));
  }
}

}  // namespace
}  // namespace crossrank::eval
