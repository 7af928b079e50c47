// Standard output and standard error by write(2): no iostream, so that every failure is seen.
#include "console.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "display.h"

namespace crossrank::cli {
namespace {

// 0, or the errno of the write that failed. Waits where a pipe or terminal that somebody set to
// O_NONBLOCK is full.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd poll_fd = {fd, POLLOUT, 0};
      if (::poll(&poll_fd, 1, -1) < 0 && errno != EINTR) return errno;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

void say(std::string_view text) {
  write_all(STDERR_FILENO, "crossrank: " + printable_lines(text) + "\n");
}

ExitCode fail(const Error& error) {
  const bool of_options =
      error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kTooLong;
  say(error.code == ErrorCode::kCancelled ? "interrupted"
      : of_options                        ? with_flags(error.message)
                                          : error.message);
  return exit_code(error.code);
}

std::string with_flags(std::string_view message) {
  std::string out(message);
  // The judge's options carry their type: "url" alone is a word.
  constexpr std::string_view kJudge = "JudgeOptions::";
  for (std::size_t at = out.find(kJudge); at != out.npos; at = out.find(kJudge, at)) {
    out.replace(at, kJudge.size(), "--judge-");
    for (; at < out.size() && out[at] != ' ' && out[at] != ','; ++at) {
      if (out[at] == '_') out[at] = '-';
    }
  }
  for (const char* option : {"max_length", "max_chars", "batch_tokens", "max_chunks",
                             "metadata_fields", "metadata_template", "max_metadata_chars"}) {
    const std::string_view name = option;
    for (std::size_t at = out.find(name); at != out.npos; at = out.find(name, at + name.size())) {
      if (at > 0 && (out[at - 1] == '_' || out[at - 1] == '"')) continue;  // a part, or a key
      std::string flag = "--" + std::string(name);
      std::replace(flag.begin(), flag.end(), '_', '-');
      out.replace(at, name.size(), flag);
    }
  }
  return out;
}

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) != 0; }

bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) != 0; }

std::size_t terminal_width() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (const char* columns = std::getenv("COLUMNS")) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(columns, columns + std::strlen(columns), value);
    if (error == std::errc() && *end == '\0' && value > 0) return value;
  }
  return 100;
}

Result<void> Output::flush() {
  const int error = closed_ || failed_ ? 0 : write_all(STDOUT_FILENO, buffer_);
  buffer_.clear();  // never again: a part of it may be out there
  if (error == EPIPE) {
    closed_ = true;
  } else if (error != 0) {
    failed_ = true;
    return Error{ErrorCode::kIoError,
                 std::string("standard output cannot be written (") + std::strerror(error) +
                     "): the results are incomplete; make room or redirect them elsewhere"};
  }
  return {};
}

Result<void> Output::write_if_large() {
  constexpr std::size_t kLarge = std::size_t{64} << 10;
  return buffer_.size() < kLarge ? Result<void>() : flush();
}

}  // namespace crossrank::cli
