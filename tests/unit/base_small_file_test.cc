// Small files: from a disk or a pipe, and not without an end.
#include "base/small_file.h"

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temp_folder.h"

namespace crossrank::base {
namespace {

TEST(SmallFile, GivesItsBytes) {
  const TempFolder folder;
  const auto path = folder.path() / "file";
  for (const std::string& text :
       {std::string(), std::string("a\0b\n", 4), std::string(kSmallFileBytes, 'x')}) {
    write_file(path.string(), text);
    EXPECT_EQ(read_small_file(path).value(), text);
  }
}

TEST(SmallFile, MayBeAPipe) {
  const TempFolder folder;
  const auto path = folder.path() / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::jthread writer([&] { std::ofstream(path) << "se" << std::flush << "cret\n"; });
  EXPECT_EQ(read_small_file(path).value(), "secret\n");
}

TEST(SmallFile, RefusesWhatIsNone) {
  const TempFolder folder;
  EXPECT_EQ(error_of(read_small_file(folder.path() / "none")).code, ErrorCode::kFileNotFound);
  EXPECT_EQ(error_of(read_small_file(folder.path())).code, ErrorCode::kIoError);
  EXPECT_EQ(error_of(read_small_file("/dev/zero")).code, ErrorCode::kBadInput);
}

}  // namespace
}  // namespace crossrank::base
