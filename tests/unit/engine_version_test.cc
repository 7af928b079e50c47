// Version and build facts.
#include "crossrank/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossrank {
namespace {

TEST(Version, SaysWhatTheHeaderSays) {
  const std::string expected = std::to_string(kVersionMajor) + "." + std::to_string(kVersionMinor) +
                               "." + std::to_string(kVersionPatch);
  EXPECT_EQ(version(), expected);
  EXPECT_THAT(build_info(), testing::HasSubstr(expected));
  EXPECT_EQ(build_info().find('\n'), std::string::npos);
}

TEST(Version, ScalarKernelsAreAlwaysThere) {
  EXPECT_THAT(available_isas(), testing::Contains("scalar"));
}

}  // namespace
}  // namespace crossrank
