// Journal. A line counts when its line break is on the disk.
#include "journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
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

// Up to `size` bytes from `offset` on; fewer only at the end of the file.
Result<std::string> read_at(int fd, const std::string& path, off_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n =
        ::pread(fd, bytes.data() + done, size - done, offset + static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path, "read");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

struct Extent {
  std::size_t lines = 0;  // whole ones
  off_t bytes = 0;        // of them
};

// Calls on_line(line, number) with the whole lines of the file.
template <typename OnLine>
Result<Extent> walk(int fd, const std::string& path, OnLine&& on_line) {
  constexpr std::size_t kChunk = std::size_t{64} << 10;
  Extent found;
  std::string begun;  // what is known of the line that the chunk goes on with
  for (off_t offset = 0;;) {
    CR_TRY_ASSIGN(const std::string chunk, read_at(fd, path, offset, kChunk));
    std::string_view left = chunk;
    for (std::size_t end = 0; (end = left.find('\n')) != left.npos; left.remove_prefix(end + 1)) {
      begun.append(left, 0, end);
      ++found.lines;
      found.bytes = offset + static_cast<off_t>(chunk.size() - left.size() + end + 1);
      CR_TRY(on_line(std::string_view(begun), found.lines));
      begun.clear();
    }
    begun += left;
    offset += static_cast<off_t>(chunk.size());
    if (chunk.size() < kChunk) return found;
  }
}

// Whether `path` still leads to the file that is open: the process that held the lock before may
// have finished and deleted it.
bool is_at(int fd, const std::string& path) {
  struct stat open = {};
  struct stat there = {};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &there) == 0 &&
         open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

Error foreign(const std::string& path) {
  return {ErrorCode::kInvalidArgument,
          path +
              " is what another command left unfinished (with another model, input or option): "
              "repeat that command to finish it, or delete the file"};
}

}  // namespace

Result<Journal> Journal::open(const std::string& path, std::string_view title) {
  constexpr int kTries = 1000;  // each lost to a process that has finished meanwhile
  for (int i = 0; i < kTries; ++i) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) return io_error(path, "opened");
    Journal journal(fd, path);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return io_error(path, "locked");
      break;
    }
    if (!is_at(fd, path)) continue;
    CR_TRY(journal.load(title));
    return journal;
  }
  return Error{ErrorCode::kInvalidArgument,
               path + " is in use by another process that writes the same output: wait for it"};
}

Journal::Journal(Journal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), lines_(other.lines_) {}

Journal& Journal::operator=(Journal&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(lines_, other.lines_);
  return *this;
}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

// The title is compared before anything is cut: a stranger's file has to stay what it is.
Result<void> Journal::load(std::string_view title) {
  struct stat status = {};
  if (::fstat(fd_, &status) != 0) return io_error(path_, "read");
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kIoError, path_ + " is there and no regular file"};
  }
  const std::string wanted = std::string(title) + '\n';
  CR_TRY_ASSIGN(const std::string found, read_at(fd_, path_, 0, wanted.size()));
  if (!wanted.starts_with(found)) return foreign(path_);
  if (found.size() < wanted.size()) {  // nothing, or what a kill left of the title
    if (::ftruncate(fd_, 0) != 0) return io_error(path_, "written");
    CR_TRY(append(title));
    lines_ = 0;
    return {};
  }
  const auto ignore = [](std::string_view, std::size_t) -> Result<void> { return {}; };
  CR_TRY_ASSIGN(const Extent whole, walk(fd_, path_, ignore));
  if (::ftruncate(fd_, whole.bytes) != 0) return io_error(path_, "written");
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

Result<void> Journal::read(const OnLine& on_line) const {
  const auto behind_title = [&](std::string_view line, std::size_t number) -> Result<void> {
    return number == 1 ? Result<void>() : on_line(line, number);
  };
  CR_TRY(walk(fd_, path_, behind_title));
  return {};
}

Result<void> Journal::remove() {
  if (!is_at(fd_, path_)) return {};  // somebody has put another file there
  if (::unlink(path_.c_str()) != 0) return io_error(path_, "deleted");
  return {};
}

}  // namespace crossrank::cli
