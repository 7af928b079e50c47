// Lines by read(2): a wait for input ends at Ctrl-C, and every failure is seen.
#include "line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/try.h"
#include "interrupt.h"

namespace crossrank::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string reason(int error) { return std::string(" (") + std::strerror(error) + ")"; }

}  // namespace

Result<InputFile> InputFile::open(const std::string& path) {
  if (path.empty() || path == "-") return InputFile(STDIN_FILENO, "standard input");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return Error{
        ErrorCode::kFileNotFound,
        "the input file " + path + " does not exist: give a file, or - for standard input"};
  }
  if (fd < 0) {
    return Error{ErrorCode::kIoError, "the input file " + path + " cannot be opened" +
                                          reason(errno) + ": check its permissions"};
  }
  InputFile file(fd, path);
  struct stat status = {};
  if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    return Error{ErrorCode::kIoError, "the input " + path + " is a folder: give a file"};
  }
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      name_(std::move(other.name_)),
      at_start_(other.at_start_) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(name_, other.name_);
  std::swap(at_start_, other.at_start_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

bool InputFile::is_terminal() const { return ::isatty(fd_) != 0; }

std::optional<std::uint64_t> InputFile::size() const {
  struct stat status = {};
  if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::size_t> InputFile::read(char* data, std::size_t size) {
  CR_TRY_ASSIGN(std::size_t n, read_some(data, size));
  if (std::exchange(at_start_, false)) {
    constexpr std::string_view kGzip = "\x1f\x8b";
    if (n == 1 && size > 1 && data[0] == kGzip[0]) {  // a pipe that gives byte by byte
      CR_TRY_ASSIGN(const std::size_t more, read_some(data + 1, size - 1));
      n += more;
    }
    if (std::string_view(data, n).starts_with(kGzip)) {
      return Error{ErrorCode::kIoError, name_ + " is compressed (gzip): decompress it first " +
                                            (fd_ == STDIN_FILENO ? "(gunzip -c FILE | crossrank)"
                                                                 : "(gunzip -k " + name_ + ")")};
    }
  }
  return n;
}

Result<std::size_t> InputFile::read_some(char* data, std::size_t size) {
  while (!interrupted()) {
    const ssize_t n = ::read(fd_, data, size);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) {
      return Error{ErrorCode::kIoError, name_ + " cannot be read" + reason(errno)};
    }
  }
  return Error{ErrorCode::kCancelled, "interrupted"};
}

Result<void> InputFile::read_at(std::uint64_t offset, std::span<char> data) const {
  while (!data.empty()) {
    const ssize_t n = ::pread(fd_, data.data(), data.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return Error{ErrorCode::kIoError,
                   name_ + " cannot be read" + (n < 0 ? reason(errno) : ": it became shorter")};
    }
    data = data.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

bool InputFile::would_wait(int milliseconds) const {
  pollfd poll_fd = {fd_, POLLIN, 0};
  return ::poll(&poll_fd, 1, milliseconds) == 0;
}

Result<std::string> InputFile::read_all() {
  constexpr std::size_t kChunk = 1 << 20;
  std::string all;
  all.reserve(size().value_or(0) + kChunk);  // one spare chunk: the end is seen without growing
  for (;;) {
    const std::size_t before = all.size();
    if (all.capacity() - before < kChunk) all.reserve(2 * all.capacity());
    all.resize(before + kChunk);
    CR_TRY_ASSIGN(const std::size_t n, read(all.data() + before, kChunk));
    all.resize(before + n);
    if (n == 0) return all;
  }
}

Error LineReader::at_line(const Error& error) const {
  if (error.code != ErrorCode::kBadInput) return error;
  return {error.code, file_.name() + ":" + std::to_string(line_number_) + ": " + error.message};
}

Result<bool> LineReader::fill() {
  constexpr std::size_t kChunk = std::size_t{64} << 10;
  if (pos_ > 0) {
    buffer_.erase(0, pos_);
    scanned_ -= pos_;
    pos_ = 0;
  }
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  auto n = file_.read(buffer_.data() + before, kChunk);
  buffer_.resize(before + (n.ok() ? *n : 0));
  if (!n.ok()) return std::move(n).error();
  at_end_ = *n == 0;
  return *n > 0;
}

Result<std::optional<std::string_view>> LineReader::next() {
  bool too_long = false;
  std::uint64_t dropped = 0;  // bytes of an overlong line that are not in the buffer any more
  std::size_t end = std::string::npos;
  for (;;) {
    end = buffer_.find('\n', scanned_);
    if (end != std::string::npos) break;
    scanned_ = buffer_.size();
    if (scanned_ - pos_ > kMaxLineBytes) {
      too_long = true;
      dropped += scanned_ - pos_;
      pos_ = scanned_;
    }
    if (at_end_) break;
    CR_TRY(fill());
  }
  if (end == std::string::npos && pos_ == buffer_.size() && !too_long) {
    return std::optional<std::string_view>();
  }
  const std::size_t length = (end == std::string::npos ? buffer_.size() : end) - pos_;
  std::string_view line(buffer_.data() + pos_, length);
  pos_ += length + (end != std::string::npos ? 1 : 0);
  scanned_ = pos_;
  consumed_ += dropped + length + (end != std::string::npos ? 1 : 0);
  ++line_number_;
  if (too_long || length > kMaxLineBytes) {
    return Error{ErrorCode::kBadInput, "the line has " + std::to_string(dropped + length) +
                                           " bytes, more than " + std::to_string(kMaxLineBytes) +
                                           " are not read as one: is it one pair a line?"};
  }
  if (line_number_ == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(3);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return std::optional<std::string_view>(line);
}

bool LineReader::idle() const {
  constexpr int kMilliseconds = 20;  // longer than a busy producer's pause, unseen by a human
  return !at_end_ && buffer_.find('\n', scanned_) == std::string::npos &&
         file_.would_wait(kMilliseconds);
}

}  // namespace crossrank::cli
