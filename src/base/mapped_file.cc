// MappedFile on POSIX mmap.
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace crossrank::base {
namespace {

class Mapping {
 public:
  Mapping(void* address, std::size_t size) : address_(address), size_(size) {}
  Mapping(const Mapping&) = delete;  // a copy would unmap under the original
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { munmap(address_, size_); }

 private:
  void* address_;
  std::size_t size_;
};

Error io_error(const std::filesystem::path& path, const char* what, int error) {
  return {error == ENOENT || error == ENOTDIR ? ErrorCode::kFileNotFound : ErrorCode::kIoError,
          path.string() + ": cannot " + what + ": " + std::generic_category().message(error) + "."};
}

FileStamp stamp_of(const struct stat& info) {
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = static_cast<std::uint64_t>(info.st_size),
          .seconds = info.st_mtim.tv_sec,
          .nanoseconds = info.st_mtim.tv_nsec};
}

}  // namespace

Result<Blob> map_file(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return io_error(path, "open", errno);
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return Error{ErrorCode::kIoError, path.string() + ": not a regular file."};
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) {
    close(fd);
    return Blob(path.string(), std::string_view(), nullptr, stamp_of(info));
  }
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int error = errno;
  close(fd);
  if (address == MAP_FAILED) return io_error(path, "map", error);
  auto owner = std::make_shared<Mapping>(address, size);
  return Blob(path.string(), {static_cast<const char*>(address), size}, std::move(owner),
              stamp_of(info));
}

Result<void> check_unchanged(const Blob& blob) {
  if (!blob.stamp()) return {};
  const FileStamp& then = *blob.stamp();
  struct stat info {};
  if (stat(blob.name().c_str(), &info) != 0) return {};
  const FileStamp now = stamp_of(info);
  if (now.device != then.device || now.inode != then.inode) return {};
  if (now.size == then.size && now.seconds == then.seconds && now.nanoseconds == then.nanoseconds) {
    return {};
  }
  return Error{ErrorCode::kIoError,
               blob.name() +
                   ": the file has been written to while it was in use. Load it again, and "
                   "replace such files by renaming others over them."};
}

}  // namespace crossrank::base
