// Journal. A line counts when its line break is on the disk.
#include "journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/try.h"

namespace crossrank::cli {
namespace {

Error io_error(const std::string& path, const char* what) {
  return {ErrorCode::kIoError, path + " cannot be " + what + " (" + std::strerror(errno) +
                                   "): check the folder's permissions and the disk"};
}

struct Extent {
  std::size_t lines = 0;  // whole ones
  off_t bytes = 0;        // of them
};

Result<Extent> extent(int fd, const std::string& path) {
  Extent found;
  char chunk[std::size_t{64} << 10];
  for (off_t offset = 0;;) {
    const ssize_t n = ::pread(fd, chunk, sizeof(chunk), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path, "read");
    if (n == 0) return found;
    for (ssize_t i = 0; i < n; ++i) {
      if (chunk[i] != '\n') continue;
      ++found.lines;
      found.bytes = offset + i + 1;
    }
    offset += n;
  }
}

}  // namespace

Result<Journal> Journal::open(const std::string& path, std::string_view title) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return io_error(path, "opened");
  Journal journal(fd, path);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return Error{ErrorCode::kInvalidArgument,
                 path + " is in use by another process that writes the same output: wait for it"};
  }
  CR_TRY(journal.load(title));
  return journal;
}

Journal::Journal(Journal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), lines_(other.lines_) {}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> Journal::load(std::string_view title) {
  CR_TRY_ASSIGN(const Extent whole, extent(fd_, path_));
  if (::ftruncate(fd_, whole.bytes) != 0) return io_error(path_, "written");
  if (whole.lines == 0) {
    CR_TRY(append(title));
    lines_ = 0;
    return {};
  }
  std::string first(title.size() + 1, '\0');
  const ssize_t n = ::pread(fd_, first.data(), first.size(), 0);
  if (n < 0) return io_error(path_, "read");
  if (static_cast<std::size_t>(n) != first.size() || !first.starts_with(title) ||
      first.back() != '\n') {
    return Error{ErrorCode::kInvalidArgument,
                 path_ +
                     " is what another command left unfinished (with another model, input or "
                     "option): repeat that command to finish it, or delete the file"};
  }
  lines_ = whole.lines - 1;
  return {};
}

Result<void> Journal::append(std::string_view line) {
  std::string text(line);
  text += '\n';
  for (std::string_view left = text; !left.empty();) {
    const ssize_t n = ::write(fd_, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path_, "written");
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fdatasync(fd_) != 0 && errno != EINVAL) return io_error(path_, "written");
  ++lines_;
  return {};
}

Result<void> Journal::remove() {
  if (::unlink(path_.c_str()) != 0) return io_error(path_, "deleted");
  return {};
}

}  // namespace crossrank::cli
