// Turnstile: a queue of waiters; the first one goes next.
#include "engine/turnstile.h"

#include <chrono>

#include "base/cancel.h"

namespace crossrank::engine {

bool Turnstile::enter(const std::atomic<bool>* cancel) {
  std::unique_lock lock(mutex_);
  const auto me = waiting_.insert(waiting_.end(), Waiter{});
  const auto my_turn = [&] { return !busy_ && waiting_.begin() == me; };
  // Asked once a round: the flag may be reset between two questions.
  bool stop = base::is_cancelled(cancel);
  while (!my_turn() && !stop) {
    // Nobody signals `changed_` when a cancel flag is set, so those who have one look again.
    if (cancel == nullptr) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, std::chrono::milliseconds(20));
    }
    stop = base::is_cancelled(cancel);
  }
  waiting_.erase(me);
  if (stop) {
    changed_.notify_all();  // the next in line may have waited for this one to go
    return false;
  }
  busy_ = true;
  return true;
}

void Turnstile::leave() {
  const std::scoped_lock lock(mutex_);
  busy_ = false;
  changed_.notify_all();
}

}  // namespace crossrank::engine
