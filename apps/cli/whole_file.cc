// WholeFile, by a temporary file and a rename.
#include "whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/try.h"

namespace crossrank::cli {
namespace {

// The path as every spelling of it comes out. One that is relative and does not exist would stay
// relative.
std::filesystem::path canonical(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(path, ignored);
  return std::filesystem::weakly_canonical(whole, ignored);
}

bool is_one_file(const std::string& a, const std::string& b) {
  std::error_code ignored;
  return a == b || std::filesystem::equivalent(a, b, ignored) ||
         (!canonical(a).empty() && canonical(a) == canonical(b));
}

// A renamed file has its new name on the disk when its folder is. A folder that cannot be read, or
// that a file system does not sync, is left to the system.
int sync_folder(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return 0;
  const int error = ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
  ::close(fd);
  return error;
}

}  // namespace

Result<WholeFile> WholeFile::create(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path canonical = std::filesystem::weakly_canonical(path, ignored);
  std::string target = canonical.empty() ? path : canonical.string();
  struct stat status = {};
  if (::stat(target.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kIoError, path + " is there and no regular file"};
  }
  WholeFile file(path, std::move(target));
  if (file.stream_ == nullptr) return file.error();
  return file;
}

WholeFile::WholeFile(const std::string& path, std::string target)
    : path_(path),
      target_(std::move(target)),
      stream_(nullptr, [](std::FILE* file) { return std::fclose(file); }) {
  // A killed process leaves its file, and in a container the next one has the same number.
  constexpr int kTries = 1000;
  const std::string stem = target_ + "." + std::to_string(::getpid());
  for (int i = 0; i < kTries && stream_ == nullptr; ++i) {
    fresh_ = stem + (i == 0 ? "" : "." + std::to_string(i)) + ".new";
    stream_.reset(std::fopen(fresh_.c_str(), "wxe"));
    if (stream_ == nullptr && errno != EEXIST) return;
  }
}

WholeFile::~WholeFile() {
  if (stream_ != nullptr) std::remove(fresh_.c_str());
}

Result<void> WholeFile::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stream_.get()) != text.size()) return error();
  return {};
}

Result<void> WholeFile::finish() {
  if (std::fflush(stream_.get()) != 0) return error();
  if (::fsync(::fileno(stream_.get())) != 0 && errno != EINVAL) return error();
  if (std::rename(fresh_.c_str(), target_.c_str()) != 0) return error();
  stream_.reset();
  if (const int failed = sync_folder(target_); failed != 0) {
    errno = failed;
    return error();
  }
  return {};
}

Error WholeFile::error() const {
  return {ErrorCode::kIoError, path_ + " cannot be written (" + std::strerror(errno) +
                                   "): check the folder's permissions and the disk"};
}

Result<void> write_whole_file(const std::string& path, std::string_view text) {
  CR_TRY_ASSIGN(WholeFile file, WholeFile::create(path));
  CR_TRY(file.write(text));
  return file.finish();
}

Result<void> check_writable(const std::string& path) {
  if (!path.empty()) CR_TRY(WholeFile::create(path));  // and removed at once
  return {};
}

Result<void> check_not_input(std::string_view flag, const std::string& path,
                             const std::vector<NamedFile>& others) {
  const std::string name(flag);
  if (path == "-") {
    return Error{ErrorCode::kInvalidArgument,
                 name + " names a file, and - is none: standard output will not do"};
  }
  if (path.empty()) return {};
  for (const NamedFile& other : others) {
    // Standard input may be a file, too.
    const std::string file = other.path == "-" ? "/dev/stdin" : other.path;
    if (file.empty() || !is_one_file(path, file)) continue;
    std::string both = name;
    both.append(" (").append(path).append(") and ").append(other.flag).append(" (");
    both.append(other.path).append(") are one file, which would be overwritten");
    return Error{ErrorCode::kInvalidArgument, std::move(both)};
  }
  return {};
}

}  // namespace crossrank::cli
