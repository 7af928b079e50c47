// Tests of src/base/mapped_file and blob: contents, lifetime, and whatever is not a readable file.
#include "base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>

#include "tests/support/error_of.h"
#include "tests/support/temp_folder.h"

namespace crossrank::base {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class MappedFileTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& bytes) const {
    write_file(dir_ / name, bytes);
    return dir_ / name;
  }

  const TempFolder folder_;
  const fs::path dir_ = folder_.path();
};

TEST_F(MappedFileTest, GivesTheBytesOfTheFile) {
  const std::string bytes("a\0b\n\xFF", 5);
  const fs::path path = write("f", bytes);
  const Result<Blob> blob = map_file(path);
  ASSERT_TRUE(blob.ok()) << blob.error().message;
  EXPECT_TRUE(*blob);
  EXPECT_EQ(blob->name(), path.string());
  EXPECT_EQ(blob->bytes(), bytes);
}

TEST_F(MappedFileTest, TheBytesLiveAsLongAsAnyCopy) {
  const std::string bytes(100'000, 'q');
  const fs::path path = write("f", bytes);
  Blob copy;
  EXPECT_FALSE(copy);
  {
    Result<Blob> blob = map_file(path);
    ASSERT_TRUE(blob.ok());
    copy = *blob;
    const Blob second = *std::move(blob);
  }
  fs::remove(path);  // the mapping holds the file
  EXPECT_EQ(copy.bytes(), bytes);
}

TEST_F(MappedFileTest, AFileThatWasWrittenToIsNoticed) {
  const fs::path path = write("f", "abc");
  const Blob blob = map_file(path).value();
  EXPECT_TRUE(check_unchanged(blob).ok());
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::milliseconds(10));
  const Error touched = error_of(check_unchanged(blob));
  EXPECT_EQ(touched.code, ErrorCode::kIoError);
  EXPECT_THAT(touched.message, HasSubstr(path.string() + ": the file has been written to"));
  const Blob again = map_file(path).value();
  EXPECT_TRUE(check_unchanged(again).ok());
  fs::resize_file(path, 2);
  EXPECT_EQ(error_of(check_unchanged(again)).code, ErrorCode::kIoError);
}

TEST_F(MappedFileTest, AFileThatWasReplacedOrRemovedIsUnchanged) {
  const fs::path path = write("f", "abc");
  const Blob blob = map_file(path).value();
  fs::rename(write("g", "other bytes"), path);
  EXPECT_TRUE(check_unchanged(blob).ok());
  EXPECT_EQ(blob.bytes(), "abc");
  fs::remove(path);
  EXPECT_TRUE(check_unchanged(blob).ok());
  EXPECT_TRUE(check_unchanged(Blob("builtin/f", "abc")).ok());
}

TEST_F(MappedFileTest, AnEmptyFileHasNoBytes) {
  const Result<Blob> blob = map_file(write("f", ""));
  ASSERT_TRUE(blob.ok()) << blob.error().message;
  EXPECT_TRUE(*blob);
  EXPECT_TRUE(blob->bytes().empty());
}

TEST_F(MappedFileTest, LinksAreFollowed) {
  write("f", "x");
  fs::create_symlink("f", dir_ / "link");
  EXPECT_TRUE(map_file(dir_ / "link").ok());
}

TEST_F(MappedFileTest, MissingFilesAreNotFound) {
  Error error = error_of(map_file(dir_ / "gone"));
  EXPECT_EQ(error.code, ErrorCode::kFileNotFound);
  EXPECT_EQ(error.message, (dir_ / "gone").string() + ": cannot open: No such file or directory.");
  write("f", "x");
  EXPECT_EQ(error_of(map_file(dir_ / "f" / "below")).code, ErrorCode::kFileNotFound);
  EXPECT_EQ(error_of(map_file("")).code, ErrorCode::kFileNotFound);
  fs::create_symlink("gone", dir_ / "dangling");
  EXPECT_EQ(error_of(map_file(dir_ / "dangling")).code, ErrorCode::kFileNotFound);
}

TEST_F(MappedFileTest, DirectoriesAreNotFiles) {
  const Error error = error_of(map_file(dir_));
  EXPECT_EQ(error.code, ErrorCode::kIoError);
  EXPECT_EQ(error.message, dir_.string() + ": not a regular file.");
}

TEST_F(MappedFileTest, AFifoDoesNotBlock) {  // a hang here is the failure
  ASSERT_EQ(mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(error_of(map_file(dir_ / "fifo")).code, ErrorCode::kIoError);
}

TEST_F(MappedFileTest, DevicesAndLinkLoopsAndLongNamesAreErrors) {
  EXPECT_EQ(error_of(map_file("/dev/null")).code, ErrorCode::kIoError);
  fs::create_symlink("loop", dir_ / "loop");
  EXPECT_EQ(error_of(map_file(dir_ / "loop")).code, ErrorCode::kIoError);
  EXPECT_EQ(error_of(map_file(dir_ / std::string(300, 'n'))).code, ErrorCode::kIoError);
}

TEST_F(MappedFileTest, UnreadableFilesAreErrors) {
  const fs::path path = write("f", "x");
  fs::permissions(path, fs::perms::none);
  fs::permissions(dir_, fs::perms::all);
  const bool root = geteuid() == 0;  // root reads everything, so be somebody else
  ASSERT_EQ(root ? seteuid(65534) : 0, 0);
  const Error error = error_of(map_file(path));
  ASSERT_EQ(root ? seteuid(0) : 0, 0);
  EXPECT_EQ(error.code, ErrorCode::kIoError);
  EXPECT_THAT(error.message, HasSubstr("cannot open: Permission denied"));
}

TEST_F(MappedFileTest, NoFileDescriptorIsLeftOpen) {
  const fs::path path = write("f", "x");
  const auto open_files = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = open_files();
  const Result<Blob> kept = map_file(path);
  for (const fs::path& other : {dir_, dir_ / "gone", write("empty", "")}) {
    EXPECT_EQ(map_file(other).ok(), other == dir_ / "empty");
  }
  EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace crossrank::base
