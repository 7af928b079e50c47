// What this machine can do: the roof that the speed of scoring is compared with.
#pragma once

#include <cstddef>
#include <string_view>

#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank {

/// Operations a second (each multiplication and each addition is one) that `threads` threads reach
/// together in a loop of nothing but the products of `precision` on `isa`, in registers. Takes
/// about 10 ms a call; clocks vary, so measure it beside what is compared with it. `isa` "" = the
/// best. Errors: kUnsupportedIsa, kUnsupportedPrecision, kInvalidArgument (0 threads or more than
/// 1,024, or a precision that is none), kOverloaded (threads cannot be started).
[[nodiscard]] Result<double> measure_peak(Precision precision, std::string_view isa,
                                          std::size_t threads);

}  // namespace crossrank
