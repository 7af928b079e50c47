// WholeFile: an output file that appears under its name when all of it is there. Standard output is
// Output's.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"

namespace crossrank::cli {

// Owns a file beside `path` until finish() renames it; without that the destructor removes it, and
// what stood there stays. One thread.
class WholeFile {
 public:
  // Where `path` is a link, what it leads to is replaced. Errors: kIoError, also where something
  // stands there that is no regular file.
  static Result<WholeFile> create(const std::string& path);

  WholeFile(WholeFile&&) noexcept = default;
  WholeFile& operator=(WholeFile&&) noexcept = default;
  ~WholeFile();

  Result<void> write(std::string_view text);  // Error: kIoError.
  // Writes through to the disk, the name too. Error: kIoError.
  Result<void> finish();

 private:
  WholeFile(const std::string& path, std::string target);
  [[nodiscard]] Error error() const;

  std::string path_;  // as messages call it
  std::string target_, fresh_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_;
};

// A file that a command was told to use, and the flag that named it.
struct NamedFile {
  std::string flag;
  std::string path;  // "" is no file, "-" standard input
};

// `text` as the whole of `path`.
Result<void> write_whole_file(const std::string& path, std::string_view text);

// Whether `path` can be written, before the work that leads to it; "" is no file. Errors: as
// WholeFile::create().
Result<void> check_writable(const std::string& path);

// What is to be written at `path`, which `flag` named, must not replace another file of the
// command, whatever way that is spelled. "-" is refused, since no file of that name can be meant;
// "" is no file. Error: kInvalidArgument, which names both flags.
Result<void> check_not_input(std::string_view flag, const std::string& path,
                             const std::vector<NamedFile>& others);

}  // namespace crossrank::cli
