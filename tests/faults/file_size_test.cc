// A file that may not grow (RLIMIT_FSIZE) in the middle of a download.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>

#include "hub/pull.h"
#include "tests/hub/fake_hub.h"

namespace crossrank::hub {
namespace {

using testing::HasSubstr;

using FileSizeTest = HubTest;

// Stands for a full disk: the system refuses to let a file grow.
TEST_F(FileSizeTest, ADownloadThatCannotGrowIsKeptForLater) {
  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 50'000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto result = pull_quickly("test/plain");
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kIoError);
  EXPECT_THAT(result.error().message, HasSubstr(".incomplete: cannot write"));
  expect_nothing_published("test/plain");
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  expect_complete("test/plain");
}

}  // namespace
}  // namespace crossrank::hub
