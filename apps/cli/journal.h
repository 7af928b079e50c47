// Journal: lines that a long command has finished, on disk, so that the same command goes on behind
// them after a kill. Knows nothing of what they say.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "crossrank/result.h"

namespace crossrank::cli {

// Owns the file, and a lock on it: a second process on the same file is refused. One thread.
class Journal {
 public:
  // Opens or makes `path`. `title` says what the work is, with all that its results depend on; it
  // is the first line. What a kill left of a line is cut off; a file that does not begin as this
  // journal does is left as it is. Errors: kInvalidArgument where the file is of other work, or in
  // use; kIoError.
  static Result<Journal> open(const std::string& path, std::string_view title);

  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&& other) noexcept;
  ~Journal();

  [[nodiscard]] const std::string& path() const { return path_; }
  // Whole lines behind the first.
  [[nodiscard]] std::size_t lines() const { return lines_; }
  // Writes a line, which has no line break, through to the disk. Error: kIoError.
  Result<void> append(std::string_view line);
  // Calls on_line with each whole line behind the first, however long, and with its number in the
  // file; its first error ends this. One line at a time is in memory. Errors: kIoError, and those
  // of on_line.
  using OnLine = std::function<Result<void>(std::string_view line, std::size_t number)>;
  Result<void> read(const OnLine& on_line) const;
  // Deletes the file. Error: kIoError.
  Result<void> remove();

 private:
  Journal(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  Result<void> load(std::string_view title);

  int fd_;
  std::string path_;
  std::size_t lines_ = 0;
};

}  // namespace crossrank::cli
