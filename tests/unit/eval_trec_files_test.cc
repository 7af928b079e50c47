// Tests of src/eval/trec_files: what is read, in which order, and what is refused with its line.
#include "eval/trec_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crossrank::eval {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::vector<std::string> documents(const Run& run, std::size_t query) {
  std::vector<std::string> out;
  for (const ScoredDocument& d : run.records(run.queries()[query])) out.emplace_back(d.document);
  return out;
}

std::vector<std::string> ids(const Run& run) {
  std::vector<std::string> out;
  for (const Run::Query& query : run.queries()) out.emplace_back(query.id);
  return out;
}

TEST(TrecFiles, ScoresDecideAndNotTheRanks) {
  const eval::Run run = parse_run("q Q0 a 1 0.5 t\nq Q0 b 2 2 t\nq Q0 c 3 -1e3 t\n", "f").value();
  EXPECT_THAT(documents(run, 0), ElementsAre("b", "a", "c"));
}

TEST(TrecFiles, TiesGoByDocumentBytewiseTheLastFirst) {
  const eval::Run run =
      parse_run("q Q0 a 1 1 t\nq Q0 \xC3\xA9 2 1 t\nq Q0 B 3 1 t\nq Q0 ab 4 1 t\n", "f").value();
  EXPECT_THAT(documents(run, 0), ElementsAre("\xC3\xA9", "ab", "a", "B"));
}

TEST(TrecFiles, ScoresAreFloat32AsInTrecEval) {
  const eval::Run run = parse_run("q Q0 a 1 1.000000001 t\nq Q0 b 2 1 t\n", "f").value();
  EXPECT_THAT(documents(run, 0), ElementsAre("b", "a"));
  // 1 + 2^-24 + 2^-54: straight to float32 that is above 1, by way of a double it is 1.
  const eval::Run twice =
      parse_run("q Q0 a 1 1.00000005960464483090 t\nq Q0 b 2 1 t\n", "f").value();
  EXPECT_THAT(documents(twice, 0), ElementsAre("b", "a"));
}

TEST(TrecFiles, QueriesInPiecesAreOneAndSorted) {
  const eval::Run run =
      parse_run("2 Q0 a 1 1 t\n10 Q0 a 1 1 t\n2 Q0 b 1 3 t\n1 Q0 a 1 1 t\n2 Q0 c 1 2 t", "f")
          .value();
  EXPECT_THAT(ids(run), ElementsAre("1", "10", "2"));
  EXPECT_THAT(documents(run, 2), ElementsAre("b", "c", "a"));
  EXPECT_EQ(run.find("2"), 2u);
  EXPECT_EQ(run.find("3"), 3u);
  EXPECT_EQ(run.duplicates(), 0u);
}

TEST(TrecFiles, TheLastLineOfADocumentCounts) {
  const eval::Run run = parse_run("q Q0 a 1 9 t\nq Q0 b 2 5 t\nq Q0 a 3 1 t\n", "f").value();
  EXPECT_THAT(documents(run, 0), ElementsAre("b", "a"));
  EXPECT_EQ(run.duplicates(), 1u);
  const Qrels qrels = parse_qrels("q 0 a 1\np 0 a 1\nq 0 a -2\n", "f").value();
  ASSERT_EQ(qrels.queries().size(), 2u);
  ASSERT_EQ(qrels.records(qrels.queries()[1]).size(), 1u);
  EXPECT_EQ(qrels.records(qrels.queries()[1])[0].grade, -2);
}

TEST(TrecFiles, LayoutDoesNotMatter) {
  const eval::Run run =
      parse_run("\xEF\xBB\xBFq Q0 a 1 1 t\r\n\r\n \t \n  q\tQ0\v b\f 2  +2.5E-1 t \r\n", "f")
          .value();
  EXPECT_THAT(ids(run), ElementsAre("q"));
  EXPECT_THAT(documents(run, 0), ElementsAre("a", "b"));
  EXPECT_EQ(run.records(run.queries()[0])[1].score, 0.25f);
  EXPECT_THAT(ids(parse_run("", "f").value()), IsEmpty());
  EXPECT_THAT(ids(parse_run("\xEF\xBB\xBF\n\n", "f").value()), IsEmpty());
}

TEST(TrecFiles, WhatIsTooSmallForADoubleIsZero) {
  const eval::Run run = parse_run("q Q0 a 1 1e-400 t\nq Q0 b 2 -1e-400 t\n", "f").value();
  EXPECT_EQ(run.records(run.queries()[0])[0].score, 0.0f);
}

struct Refused {
  const char* text;
  const char* where;
  const char* what;
};

TEST(TrecFiles, BadRunsAreRefusedWithFileAndLine) {
  const std::string long_field(200, 'x');
  const std::string long_line = "q Q0 a 1 " + long_field + " t";
  for (const Refused& bad : {
           Refused{"q Q0 a 1 1 t\n\nq Q0 a 1 1\n", "run.txt:3: ", "this one has 5"},
           Refused{"q Q0 a 1 1 t u", "run.txt:1: ", "this one has 7"},
           Refused{"q Q0 a 1 nan t", "run.txt:1: ", "'nan' is not a finite"},
           Refused{"q Q0 a 1 -inf t", "run.txt:1: ", "'-inf' is not a finite"},
           Refused{"q Q0 a 1 1e400 t", "run.txt:1: ", "'1e400' is not a finite"},
           Refused{"q Q0 a 1 1e39 t", "run.txt:1: ", "'1e39' is not a finite"},
           Refused{"q Q0 a 1 0x10 t", "run.txt:1: ", "'0x10' is not a number"},
           Refused{"q Q0 a 1 1,5 t", "run.txt:1: ", "'1,5' is not a number"},
           Refused{"q Q0 a 1 + t", "run.txt:1: ", "'+' is not a number"},
           Refused{"q Q0 a 1 +-1 t", "run.txt:1: ", "'+-1' is not a number"},
           Refused{"q Q0 a 1 \xFF t", "run.txt:1: ", "'\xEF\xBF\xBD' is not a number"},
           Refused{long_line.c_str(), "run.txt:1: ", "xxx...' is not a number"},
       }) {
    const Result<eval::Run> run = parse_run(bad.text, "run.txt");
    ASSERT_FALSE(run.ok()) << bad.text;
    EXPECT_EQ(run.error().code, ErrorCode::kBadInput);
    EXPECT_THAT(run.error().message, AllOf(StartsWith(bad.where), HasSubstr(bad.what)));
  }
}

TEST(TrecFiles, BadQrelsAreRefusedWithFileAndLine) {
  for (const Refused& bad : {
           Refused{"q 0 a 1\r\nq 0 a\r\n", "f:2: ", "this one has 3"},
           Refused{"q 0 a 1.5", "f:1: ", "'1.5' is not a whole number"},
           Refused{"q 0 a 1.", "f:1: ", "'1.' is not a whole number"},
           Refused{"q 0 a .0", "f:1: ", "'.0' is not a whole number"},
           Refused{"query-id corpus-id score\nq 0 a 1\n", "f:2: ", "this one has 4"},
           Refused{"q 0 a 2147483648", "f:1: ", "is not a whole number"},
           Refused{"q 0 a -2147483648", "f:1: ", "is not a whole number"},  // kUnjudged
           Refused{"q 0 a ++1", "f:1: ", "'++1' is not a whole number"},
       }) {
    const Result<Qrels> qrels = parse_qrels(bad.text, "f");
    ASSERT_FALSE(qrels.ok()) << bad.text;
    EXPECT_THAT(qrels.error().message, AllOf(StartsWith(bad.where), HasSubstr(bad.what)));
  }
}

TEST(TrecFiles, JudgmentsOfBeirAndOfProgramsThatKnowNoIntegers) {
  const Qrels beir =
      parse_qrels("\xEF\xBB\xBF\n \nquery-id\tcorpus-id\tscore\r\nq\ta\t2\nq\tb\t-1\n", "f")
          .value();
  const auto judgments = beir.records(beir.queries()[0]);
  EXPECT_EQ(grade_of(judgments, "a"), 2);
  EXPECT_EQ(grade_of(judgments, "b"), -1);
  const Qrels floats = parse_qrels("q 0 a 1.0\nq 0 b -1.00\nq 0 c +3.0\n", "f").value();
  const auto whole = floats.records(floats.queries()[0]);
  EXPECT_EQ(grade_of(whole, "a"), 1);
  EXPECT_EQ(grade_of(whole, "b"), -1);
  EXPECT_EQ(grade_of(whole, "c"), 3);
}

TEST(TrecFiles, LinesWhoseScoreSpeaksAgainstTheirRankAreCounted) {
  EXPECT_EQ(lines_against_rank("q Q0 a 1 3 t\nq Q0 b 2 3 t\nq Q0 c 3 1 t\n"), 0u);
  EXPECT_EQ(lines_against_rank("q Q0 a 1 1 t\nq Q0 b 2 2 t\nq Q0 c 3 3 t\n"), 2u);
  EXPECT_EQ(lines_against_rank("q Q0 a 1 1 t\np Q0 b 2 2 t\n"), 0u);    // another query
  EXPECT_EQ(lines_against_rank("q Q0 a 0 1 t\nq Q0 b 0 2 t\n"), 0u);    // no ranks
  EXPECT_EQ(lines_against_rank("q Q0 a 2 1 t\nq Q0 b 1 2 t\n"), 0u);    // the worst first
  EXPECT_EQ(lines_against_rank("q Q0 a x 1 t\n\nq Q0 b 1 y t\n"), 0u);  // no lines of a run
}

// Alternating queries are the worst case of putting them together; equal ids that of sorting.
TEST(TrecFiles, LargeHostileFilesAreReadInTime) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) {
    text += i % 2 == 0 ? "q1 Q0 same 1 1 t\n" : "q2 Q0 d" + std::to_string(i) + " 1 1 t\n";
  }
  const eval::Run run = parse_run(text, "f").value();
  EXPECT_EQ(run.queries().size(), 2u);
  EXPECT_EQ(run.duplicates(), 149'999u);
}

}  // namespace
}  // namespace crossrank::eval
