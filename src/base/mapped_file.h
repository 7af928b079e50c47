// MappedFile: a regular file mapped read-only. Truncation by another process while mapped is out of
// scope.
#pragma once

#include <filesystem>

#include "base/blob.h"
#include "crossrank/result.h"

namespace crossrank::base {

// Maps the file at `path`. An empty file gives empty bytes.
// Errors: kFileNotFound; kIoError for anything but a readable regular file.
Result<Blob> map_file(const std::filesystem::path& path);

}  // namespace crossrank::base
