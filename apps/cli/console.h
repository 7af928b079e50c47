// Standard output and standard error: results go to the one, words to the other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "crossrank/result.h"
#include "exit_code.h"

namespace crossrank::cli {

// One message on standard error, "crossrank: TEXT", made safe for a terminal.
void say(std::string_view text);

// Says the error, with_flags() when it is about an option, and gives its exit code.
ExitCode fail(const Error& error);

// A message of the library with its options as the flags that they are here: "max_length" is
// --max-length, JudgeOptions::url is --judge-url.
std::string with_flags(std::string_view message);

bool stdout_is_terminal();
bool stderr_is_terminal();

// Columns of the terminal behind standard output, else COLUMNS, else 100.
std::size_t terminal_width();

// Buffered standard output.
class Output {
 public:
  // What is appended here is written by flush(), or by the first write_if_large() above 64 KB.
  std::string& buffer() { return buffer_; }

  // Writes all of the buffer. A reader that went away is no error: see closed(). After an error
  // nothing more is written, so that what is out there is a beginning of the results.
  // Errors: kIoError, once.
  Result<void> flush();
  Result<void> write_if_large();

  // True once the reader of our pipe is gone: the command ends quietly, its work is not wanted.
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  std::string buffer_;
  bool closed_ = false;
  bool failed_ = false;
};

}  // namespace crossrank::cli
