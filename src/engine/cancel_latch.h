// CancelLatch: a caller's cancel flag as one call sees it. Once set, set until the call has ended.
#pragma once

#include <atomic>

#include "base/cancel.h"

namespace crossrank::engine {

// The flag is the caller's and may be reset while a call is still leaving work out because it was
// set. Many threads may ask.
class CancelLatch {
 public:
  explicit CancelLatch(const std::atomic<bool>* flag) : flag_(flag) {}

  bool is_set() {
    if (latched_.load(std::memory_order_relaxed)) return true;
    if (!base::is_cancelled(flag_)) return false;
    latched_.store(true, std::memory_order_relaxed);
    return true;
  }

 private:
  const std::atomic<bool>* flag_;  // may be null
  std::atomic<bool> latched_{false};
};

}  // namespace crossrank::engine
