// MappedFile: a regular file mapped read-only. When it is written to while mapped, the bytes
// change, and reading behind a new end kills the process; check_unchanged() notices some of it.
#pragma once

#include <filesystem>

#include "base/blob.h"
#include "crossrank/result.h"

namespace crossrank::base {

// Maps the file at `path`. An empty file gives empty bytes.
// Errors: kFileNotFound; kIoError for anything but a readable regular file.
Result<Blob> map_file(const std::filesystem::path& path);

// Error: kIoError when the file that `blob` maps has been written to since. One that was replaced
// by a rename, or removed, is not the file that is mapped, and its bytes are as they were.
Result<void> check_unchanged(const Blob& blob);

}  // namespace crossrank::base
