// Turnstile: a mutex that admits callers in the order they came, and lets them give up waiting.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>

namespace crossrank::engine {

// A plain std::mutex would let one long call take every stretch while others starve.
class Turnstile {
 public:
  // Waits for the turn; false when `cancel` (which may be null) was set before it came.
  bool enter(const std::atomic<bool>* cancel);
  void leave();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  struct Waiter {};
  std::list<Waiter> waiting_;  // first come first
  bool busy_ = false;
};

}  // namespace crossrank::engine
