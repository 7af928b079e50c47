// Version and build facts of the library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crossrank {

inline constexpr int kVersionMajor = 0;
inline constexpr int kVersionMinor = 1;
inline constexpr int kVersionPatch = 0;

/// "0.1.0"
[[nodiscard]] std::string_view version() noexcept;

/// One line: version, compiler, build type.
[[nodiscard]] std::string build_info();

/// Kernel sets that are compiled in and that this CPU and operating system run, best first.
[[nodiscard]] std::vector<std::string> available_isas();

}  // namespace crossrank
