// What the hub's files say when the system refuses: path, reason, and what to do about a full disk.
#pragma once

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "crossrank/result.h"

namespace crossrank::hub {

// `error` is an errno. kIoError.
inline Error io_error(const std::filesystem::path& path, const char* what, int error) {
  return {ErrorCode::kIoError, path.string() + ": cannot " + what + ": " +
                                   std::generic_category().message(error) + "." +
                                   (error == ENOSPC || error == EDQUOT
                                        ? " Free some space, or set HF_HUB_CACHE to another disk."
                                        : "")};
}

}  // namespace crossrank::hub
