// The parts of `bench --url` that need no server: arrivals, the check of answers, quantiles.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/load_arrivals.h"
#include "apps/cli/load_requests.h"
#include "apps/cli/quantiles.h"
#include "json/json.h"

namespace crossrank::cli {
namespace {

using Seconds = Arrivals::Seconds;

std::vector<double> all_of(Arrivals& arrivals) {
  std::vector<double> due;
  while (const auto arrival = arrivals.next(Seconds(0))) {
    EXPECT_EQ(arrival->number, due.size());
    due.push_back(arrival->due.count());
  }
  return due;
}

TEST(Quantiles, OfOneInAThousand) {
  std::vector<double> sorted(2000);
  for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = static_cast<double>(i + 1);
  EXPECT_EQ(quantile(sorted, 999), 1998);
  EXPECT_EQ(quantile(sorted, 1000), 2000);
  EXPECT_EQ(quantile(sorted, 500), 1000);
  sorted.resize(999);
  EXPECT_EQ(quantile(sorted, 999), 999);
  sorted.resize(1);
  EXPECT_EQ(quantile(sorted, 1), 1);
}

TEST(Arrivals, ArePoissonAtTheRate) {
  Arrivals arrivals(200.0, Seconds(500), 7);
  const std::vector<double> due = all_of(arrivals);
  const auto count = static_cast<double>(due.size());
  EXPECT_NEAR(count, 100'000, 5 * std::sqrt(100'000));
  // Gaps are exponential: their deviation is their mean, and a share of 1/e is longer than it.
  double squares = 0;
  double longer = 0;
  for (std::size_t i = 1; i < due.size(); ++i) {
    const double gap = due[i] - due[i - 1];
    ASSERT_GE(gap, 0);
    squares += gap * gap;
    if (gap > 1.0 / 200) ++longer;
  }
  EXPECT_NEAR(squares / count, 2.0 / (200 * 200), 0.05 / (200 * 200));
  EXPECT_NEAR(longer / count, std::exp(-1.0), 0.01);
  EXPECT_LT(due.back(), 500);
}

TEST(Arrivals, AreThoseOfTheirSeed) {
  Arrivals first(50.0, Seconds(10), 1);
  Arrivals again(50.0, Seconds(10), 1);
  Arrivals other(50.0, Seconds(10), 2);
  const std::vector<double> due = all_of(first);
  EXPECT_EQ(due, all_of(again));
  EXPECT_NE(due, all_of(other));
}

TEST(Arrivals, AreLateWhenNobodyAskedInTime) {
  Arrivals arrivals(10.0, Seconds(10), 1);
  const auto early = arrivals.next(Seconds(-0.02));
  ASSERT_TRUE(early);
  EXPECT_FALSE(early->late);
  const auto late = arrivals.next(Seconds(9.99));
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->late);
  EXPECT_LT(late->due.count(), 5);  // when it was due, not when it was asked for
}

TEST(Arrivals, WithoutARateAreDueAtOnce) {
  Arrivals arrivals(std::nullopt, Seconds(10), 1);
  EXPECT_EQ(arrivals.next(Seconds(-0.02))->due.count(), 0);  // none before the beginning
  EXPECT_EQ(arrivals.next(Seconds(3))->due.count(), 3);
  EXPECT_FALSE(arrivals.next(Seconds(3))->late);
  EXPECT_FALSE(arrivals.next(Seconds(10)));
}

BenchWorkload workload(std::size_t pairs) {
  BenchWorkload workload;
  for (std::size_t i = 0; i < pairs; ++i) {
    workload.pairs.push_back({"q" + std::to_string(i), "d" + std::to_string(i), ""});
  }
  return workload;
}

TEST(LoadRequests, TakeConsecutivePairsAndBeginAnew) {
  LoadRequests requests(workload(5), 2, "");
  EXPECT_EQ(requests.body(0), R"({"query":"q0","documents":["d0","d1"]})");
  EXPECT_EQ(requests.body(1), R"({"query":"q2","documents":["d2","d3"]})");
  EXPECT_EQ(requests.body(2), R"({"query":"q4","documents":["d4","d0"]})");
  EXPECT_EQ(requests.body(3), requests.body(0));
  EXPECT_EQ(LoadRequests(workload(1), 3, "m").body(0),
            R"({"query":"q0","documents":["d0","d0","d0"],"model":"m"})");
}

std::string answer(std::vector<std::pair<int, double>> results) {
  json::Value list = json::Value::array();
  for (const auto& [index, score] : results) {
    list.push_back({{"index", index}, {"relevance_score", score}});
  }
  return json::dump({{"results", std::move(list)}});
}

TEST(LoadRequests, KnowARightAnswer) {
  LoadRequests requests(workload(4), 2, "");
  EXPECT_TRUE(requests.check(0, answer({{1, 0.9}, {0, 0.2}})).ok());
  EXPECT_TRUE(requests.check(0, answer({{0, 0.2}, {1, 0.9}})).ok());  // any order
  EXPECT_TRUE(requests.check(1, answer({{1, 0.5}, {0, 0.4}})).ok());  // other texts
  EXPECT_TRUE(requests.check(2, answer({{1, 0.9}, {0, 0.2}})).ok());  // the first request again
}

TEST(LoadRequests, KnowAWrongAnswer) {
  LoadRequests requests(workload(4), 2, "");
  ASSERT_TRUE(requests.check(0, answer({{1, 0.9}, {0, 0.2}})).ok());
  for (const std::string& wrong : {
           answer({{1, 0.9}}),
           answer({{1, 0.9}, {0, 0.2}, {1, 0.9}}),
           answer({{1, 0.9}, {1, 0.9}}),
           answer({{1, 0.9}, {2, 0.2}}),
           answer({{1, 0.9}, {-1, 0.2}}),
           answer({{1, 0.9}, {0, 0.2000001}}),
           answer({{1, 0.2}, {0, 0.9}}),
           std::string(R"({"results":[{"index":1},{"index":0}]})"),
           std::string(R"({"results":[{"index":1,"relevance_score":0.9},)"
                       R"({"index":0,"relevance_score":null}]})"),
           std::string(R"({"results":[1,2]})"),
           std::string(R"({"results":{"index":1}})"),
           std::string("[]"),
           std::string("no JSON"),
           std::string(),
       }) {
    const auto checked = requests.check(2, wrong);  // the first request again
    ASSERT_FALSE(checked.ok()) << wrong;
    EXPECT_EQ(checked.error().code, ErrorCode::kBadInput);
    EXPECT_FALSE(checked.error().message.empty());
  }
}

TEST(LoadRequests, CompareTheSameTextInOtherRequests) {
  BenchWorkload same = workload(2);
  same.pairs.push_back(same.pairs[0]);
  same.pairs.push_back({"q0", "d9", ""});
  LoadRequests requests(same, 2, "");
  ASSERT_TRUE(requests.check(0, answer({{0, 0.2}, {1, 0.9}})).ok());
  EXPECT_FALSE(requests.check(1, answer({{0, 0.3}, {1, 0.9}})).ok());
  EXPECT_TRUE(requests.check(1, answer({{0, 0.2}, {1, 0.9}})).ok());
}

}  // namespace
}  // namespace crossrank::cli
