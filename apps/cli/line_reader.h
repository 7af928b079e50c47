// Lines of a file or of standard input, in bounded memory. Does not look at what they say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "crossrank/result.h"

namespace crossrank::cli {

// A file descriptor opened for reading, or standard input. Movable.
class InputFile {
 public:
  // "-" and "" are standard input. Errors: kFileNotFound, kIoError.
  static Result<InputFile> open(const std::string& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  // For messages: the path, or "standard input".
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_terminal() const;
  // Bytes of a regular file, for the progress bar.
  [[nodiscard]] std::optional<std::uint64_t> size() const;

  // Up to `size` bytes, 0 at the end. Errors: kIoError, also for what begins as a gzip file does;
  // kCancelled (Ctrl-C while it waited).
  Result<std::size_t> read(char* data, std::size_t size);
  // Fills `data` from the byte `offset` of a regular file, wherever read() is. Errors: kIoError,
  // also where the file ends before.
  Result<void> read_at(std::uint64_t offset, std::span<char> data) const;
  // True when the next read() would wait longer than `milliseconds`.
  [[nodiscard]] bool would_wait(int milliseconds) const;
  // Everything that is left. Errors: as read().
  Result<std::string> read_all();

 private:
  InputFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  Result<std::size_t> read_some(char* data, std::size_t size);
  int fd_;
  std::string name_;
  bool at_start_ = true;
};

// The longest line that is read as one record.
inline constexpr std::size_t kMaxLineBytes = std::size_t{64} << 20;

class LineReader {
 public:
  explicit LineReader(InputFile file) : file_(std::move(file)) {}

  // The next line without its \n or \r\n; nothing at the end of the input. The view lives until the
  // next call. The byte order mark of the first line is dropped. Errors: as InputFile::read(), and
  // kBadInput for a line of more than kMaxLineBytes, which is then behind us.
  Result<std::optional<std::string_view>> next();

  // Of the line that next() gave last, counted from 1.
  [[nodiscard]] std::size_t line_number() const { return line_number_; }
  [[nodiscard]] std::uint64_t bytes_consumed() const { return consumed_; }
  [[nodiscard]] const InputFile& file() const { return file_; }
  // The error with "FILE:LINE: " in front when it is one of what the line says, kBadInput.
  [[nodiscard]] Error at_line(const Error& error) const;
  // The file, for those who read on elsewhere in it.
  [[nodiscard]] InputFile take_file() && { return std::move(file_); }

  // True when no whole line is here and none comes within 20 ms: somebody is waiting for the
  // answers to what was read so far.
  [[nodiscard]] bool idle() const;

 private:
  Result<bool> fill();  // reads more; false at the end

  InputFile file_;
  std::string buffer_;
  std::size_t pos_ = 0;      // start of the next line in buffer_
  std::size_t scanned_ = 0;  // no line break in [pos_, scanned_)
  std::size_t line_number_ = 0;
  std::uint64_t consumed_ = 0;
  bool at_end_ = false;
};

}  // namespace crossrank::cli
