// Precision and threads.
#include "engine/compute.h"

#include <algorithm>
#include <string>
#include <system_error>

#include "base/cpu_count.h"

namespace crossrank::engine {
namespace {

constexpr std::size_t kMaxThreads = 1024;

}  // namespace

Result<kernels::Arithmetic> arithmetic_of(Precision precision) {
  switch (precision) {
    case Precision::kFp32: return kernels::Arithmetic::kFp32;
    case Precision::kBf16: return kernels::Arithmetic::kBf16;
    case Precision::kInt8: return kernels::Arithmetic::kInt8;
  }
  return Error{ErrorCode::kInvalidArgument, "precision is not a value of crossrank::Precision"};
}

Result<std::size_t> thread_count(std::size_t asked) {
  if (asked > kMaxThreads) {
    return Error{ErrorCode::kInvalidArgument, "threads is " + std::to_string(asked) + "; at most " +
                                                  std::to_string(kMaxThreads) +
                                                  " are possible, and 0 takes what is available"};
  }
  return asked != 0 ? asked : std::min(base::available_cpus(), kMaxThreads);
}

Result<std::unique_ptr<base::ThreadPool>> start_threads(std::size_t threads) {
  try {
    return std::make_unique<base::ThreadPool>(threads);
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kOverloaded, "cannot start " + std::to_string(threads) +
                                             " threads: " + error.what() + "; ask for fewer"};
  }
}

}  // namespace crossrank::engine
