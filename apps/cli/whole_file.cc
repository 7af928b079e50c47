// WholeFile, by a temporary file and a rename.
#include "whole_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/try.h"

namespace crossrank::cli {

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
      fresh_(target_ + "." + std::to_string(::getpid()) + ".new"),
      stream_(std::fopen(fresh_.c_str(), "wxe"),
              [](std::FILE* file) { return std::fclose(file); }) {}

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
  return {};
}

Error WholeFile::error() const {
  return {ErrorCode::kIoError, path_ + " cannot be written (" + std::strerror(errno) +
                                   "): check the folder's permissions and the disk"};
}

}  // namespace crossrank::cli
