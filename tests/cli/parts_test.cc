// Exit codes, JSON writing, quantiles and the doctor's data: the parts that need no process.
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

#include "apps/cli/exit_code.h"
#include "apps/cli/quantiles.h"
#include "apps/cli/reference_logits.h"
#include "apps/cli/result_writer.h"

namespace crossrank::cli {
namespace {

TEST(ExitCodes, AreThoseOfTheManual) {
  EXPECT_EQ(exit_code(ErrorCode::kInvalidArgument), 2);
  EXPECT_EQ(exit_code(ErrorCode::kUnsupportedIsa), 2);
  EXPECT_EQ(exit_code(ErrorCode::kUnsupportedPrecision), 2);
  EXPECT_EQ(exit_code(ErrorCode::kBadInput), 4);
  EXPECT_EQ(exit_code(ErrorCode::kTooLong), 4);
  for (const ErrorCode code :
       {ErrorCode::kFileNotFound, ErrorCode::kIoError, ErrorCode::kModelNotFound,
        ErrorCode::kBadConfig, ErrorCode::kBadTokenizer, ErrorCode::kBadSafetensors,
        ErrorCode::kBadWeights, ErrorCode::kUnsupportedModel, ErrorCode::kNetwork,
        ErrorCode::kDigestMismatch}) {
    EXPECT_EQ(exit_code(code), 3) << to_string(code);
  }
  EXPECT_EQ(exit_code(ErrorCode::kCancelled), 130);
  for (const ErrorCode code :
       {ErrorCode::kOverloaded, ErrorCode::kOutOfMemory, ErrorCode::kInternal}) {
    EXPECT_EQ(exit_code(code), 1) << to_string(code);
  }
}

TEST(ObjectWriter, KeepsRawJsonAsItIs) {
  std::string out;
  ObjectWriter(out).member("a", "x\"").raw("b", "{ \"n\": 1.50 }").member("c", 3).end();
  EXPECT_EQ(out, R"({"a":"x\"","b":{ "n": 1.50 },"c":3})");
}

TEST(Numbers, ReadBackToTheSameFloat) {
  for (const float value : {8.607138f, -4.3200774f, 1e-30f, 0.1f, 16777216.0f, -0.0f}) {
    EXPECT_EQ(std::stof(shortest(value)), value);
  }
  EXPECT_EQ(shortest(0.1f), "0.1");
}

TEST(Quantiles, AreNearestRanksAndTheMedianIsBetweenTheMiddleTwo) {
  EXPECT_EQ(percentile({7}, 1), 7);
  EXPECT_EQ(percentile({7}, 99), 7);
  EXPECT_EQ(median({7}), 7);
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({9, 1, 4, 2}), 3);
  EXPECT_EQ(percentile({9, 1, 4, 2}, 25), 1);
  EXPECT_EQ(percentile({9, 1, 4, 2}, 26), 2);
  EXPECT_EQ(percentile({9, 1, 4, 2}, 100), 9);
  std::vector<double> numbers(200);
  std::iota(numbers.begin(), numbers.end(), 1.0);
  EXPECT_EQ(percentile(numbers, 99), 198);
  EXPECT_EQ(median(numbers), 100.5);
  numbers.resize(101);
  EXPECT_EQ(percentile(numbers, 99), 100);  // 99.99 of 101 do not exceed it
  numbers.resize(50);
  EXPECT_EQ(percentile(numbers, 99), 50);
}

TEST(References, AreCompleteAndKnowTheirModels) {
  EXPECT_EQ(minilm_reference().pairs.size(), 16u);
  EXPECT_FALSE(builtin_reference().ids.empty());
  ModelInfo info;
  const std::string other(64, '0');
  for (const char* name : {"cross-encoder/ms-marco-MiniLM-L-6-v2",
                           "cross-encoder/ms-marco-MiniLM-L6-v2", "/data/ms-marco-MiniLM-L-6-v2/",
                           "/c/models--cross-encoder--ms-marco-MiniLM-L6-v2/snapshots/abc"}) {
    info.name = name;
    EXPECT_EQ(find_reference(info, other), &minilm_reference()) << name;
  }
  info.name = "/data/ms-marco-MiniLM-L-6-v2-tuned";
  EXPECT_EQ(find_reference(info, other), nullptr);
  EXPECT_EQ(find_reference(info, builtin_reference().weights_sha256), &builtin_reference());
  info.name = "builtin";
  ::unsetenv("CROSSRANK_BUILTIN");
  EXPECT_EQ(find_reference(info, other), &builtin_reference());
  ::setenv("CROSSRANK_BUILTIN", "/elsewhere", 1);
  EXPECT_EQ(find_reference(info, other), nullptr);
  ::unsetenv("CROSSRANK_BUILTIN");
}

}  // namespace
}  // namespace crossrank::cli
