// Every case of tests/eval/cases against what the references made of it.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "eval/evaluation.h"
#include "eval/significance.h"
#include "json/json.h"

namespace crossrank::eval {
namespace {

// The references sum in another order at most.
constexpr double kTolerance = 1e-9;

std::string read(const std::string& name) {
  std::ifstream in(CROSSRANK_SOURCE_DIR "/tests/eval/cases/" + name, std::ios::binary);
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

const json::Value& expected() {
  static const json::Value kValue = json::parse(read("expected.json")).value();
  return kValue;
}

// Compares all queries and means of a case; returns how many numbers that were.
std::size_t check(const std::string& name, const std::string& level, const json::Value& wanted) {
  const std::string qrels_text = read(name + ".qrels");
  const std::string run_text = read(name + ".run");
  const Qrels qrels = parse_qrels(qrels_text, "qrels").value();
  const Run run = parse_run(run_text, "run").value();
  std::string list;
  for (const auto& measure : expected()["measures"]) {
    list += (list.empty() ? "" : ",") + measure.get<std::string>();
  }
  EvaluationOptions options;
  options.measures = parse_measures(list).value();
  options.relevance_level = std::stoi(level);
  const Evaluation found = evaluate(qrels, run, options);

  std::size_t count = 0;
  const json::Value& queries = wanted["queries"];
  EXPECT_EQ(found.queries, queries.size()) << name;
  for (std::size_t q = 0; q < found.rows.size(); ++q) {
    const std::string id(qrels.queries()[q].id);
    EXPECT_EQ(found.rows[q].has_value(), queries.contains(id)) << name << " " << id;
    if (!found.rows[q] || !queries.contains(id)) continue;
    for (std::size_t m = 0; m < options.measures.size(); ++m, ++count) {
      const std::string& measure = options.measures[m].name;
      EXPECT_NEAR((*found.rows[q])[m], queries[id][measure].get<double>(), kTolerance)
          << name << ", level " << level << ", query " << id << ", " << measure;
    }
  }
  for (std::size_t m = 0; m < options.measures.size(); ++m, ++count) {
    const std::string& measure = options.measures[m].name;
    EXPECT_NEAR(found.means[m], wanted["mean"][measure].get<double>(), kTolerance)
        << name << ", level " << level << ", mean of " << measure;
  }
  return count;
}

TEST(EvalGolden, EveryMeasureOfEveryCase) {
  std::size_t count = 0;
  for (const auto& [name, levels] : expected()["cases"].items()) {
    for (const auto& [level, wanted] : levels.items()) count += check(name, level, wanted);
  }
  EXPECT_GT(count, 1500);
}

TEST(EvalGolden, SignificanceAsScipyAndNumpyHaveIt) {
  for (const json::Value& wanted : expected()["significance"]) {
    const auto before = wanted["before"].get<std::vector<double>>();
    const auto after = wanted["after"].get<std::vector<double>>();
    const Comparison found = compare(before, after, 1).front();
    ASSERT_TRUE(found.p && found.interval);
    EXPECT_NEAR(*found.p, wanted["p"].get<double>(), 1e-12) << before.size();
    const double tolerance = wanted["tolerance"].get<double>();
    EXPECT_NEAR(found.interval->low, wanted["interval"][0].get<double>(), tolerance);
    EXPECT_NEAR(found.interval->high, wanted["interval"][1].get<double>(), tolerance);
  }
}

}  // namespace
}  // namespace crossrank::eval
