// Exceptions at two borders: out of a ThreadPool's bodies, and out of the public API.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <new>

#include "base/thread_pool.h"
#include "crossrank/result.h"

namespace crossrank::base {

// parallel.run() for bodies that may throw: after the first exception no further body starts, and
// it is rethrown here once all have returned.
inline void run_guarded(Parallel& parallel, std::size_t count, const Parallel::Body& body) {
  std::atomic<bool> failed{false};
  std::exception_ptr exception;
  parallel.run(count, [&](std::size_t worker, std::size_t index) {
    if (failed.load(std::memory_order_relaxed)) return;
    try {
      body(worker, index);
    } catch (...) {
      if (!failed.exchange(true)) exception = std::current_exception();
    }
  });
  if (exception != nullptr) std::rethrow_exception(exception);
}

// body(), which returns a Result, with std::bad_alloc turned into kOutOfMemory.
template <typename Body>
auto guard_memory(const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory,
                 "out of memory; use fewer threads, a smaller batch_tokens or a smaller model"};
  }
}

}  // namespace crossrank::base
