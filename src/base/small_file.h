// read_small_file: a text of the user's as bytes, from a file or a pipe. Models are
// mapped_file.h's.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "crossrank/result.h"

namespace crossrank::base {

inline constexpr std::size_t kSmallFileBytes = std::size_t{1} << 20;

// Reads to the end whatever `path` is, so that a shell's <(command) will do. Errors: kFileNotFound,
// kIoError; kBadInput when there is more than kSmallFileBytes.
Result<std::string> read_small_file(const std::filesystem::path& path);

}  // namespace crossrank::base
