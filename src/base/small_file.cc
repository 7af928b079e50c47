// Small files by POSIX read().
#include "base/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace crossrank::base {
namespace {

Error io_error(const std::filesystem::path& path, const char* what, int error) {
  return {error == ENOENT || error == ENOTDIR ? ErrorCode::kFileNotFound : ErrorCode::kIoError,
          path.string() + ": cannot " + what + ": " + std::generic_category().message(error) + "."};
}

}  // namespace

Result<std::string> read_small_file(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_error(path, "open", errno);
  std::string text;
  std::array<char, 16u << 10> part{};
  ssize_t bytes = 0;
  while (text.size() <= kSmallFileBytes) {
    bytes = read(fd, part.data(), part.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(bytes));
  }
  const int error = errno;
  close(fd);
  if (bytes < 0) return io_error(path, "read", error);
  if (text.size() > kSmallFileBytes) {
    return Error{ErrorCode::kBadInput, path.string() + ": larger than 1 MB."};
  }
  return text;
}

}  // namespace crossrank::base
