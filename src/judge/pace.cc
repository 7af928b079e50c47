// Turns, on one mutex.
#include "judge/pace.h"

#include <algorithm>
#include <utility>

#include "base/cancel.h"

namespace crossrank::judge {
namespace {

constexpr std::chrono::milliseconds kLook{50};  // nobody signals that a flag is set

}  // namespace

Pace::Turn::~Turn() {
  const std::lock_guard lock(pace_.mutex_);
  answered();
  leave();
}

bool Pace::Turn::await(Clock::time_point last, const std::atomic<bool>* cancel) {
  std::unique_lock lock(pace_.mutex_);
  for (;;) {
    const Clock::time_point now = Clock::now();
    if (base::is_cancelled(cancel) || !pace_.refusal_.empty()) return false;
    if (std::max(now, pace_.not_before_) > last) return false;
    const bool mine = held_ || !pace_.one_at_a_time_ || !pace_.taken_;
    if (mine && now >= pace_.not_before_) break;
    const Clock::time_point look = now + kLook;
    pace_.changed_.wait_until(lock, mine ? std::min(pace_.not_before_, look) : look);
  }
  if (pace_.one_at_a_time_) held_ = pace_.taken_ = true;
  had_company_ = pace_.one_at_a_time_ && pace_.under_way_ > 0;
  sending_ = true;
  ++pace_.under_way_;
  sent_ = Clock::now();
  return true;
}

void Pace::Turn::served() {
  const std::lock_guard lock(pace_.mutex_);
  pace_.served_ = true;
  answered();
  leave();
}

bool Pace::Turn::pause(Clock::time_point until) {
  const std::lock_guard lock(pace_.mutex_);
  const bool overtaken = is_overtaken();
  answered();
  if (!pace_.one_at_a_time_) held_ = pace_.taken_ = true;
  pace_.one_at_a_time_ = true;
  pace_.not_before_ = std::max(pace_.not_before_, until);
  pace_.paused_at_ = Clock::now();
  pace_.changed_.notify_all();
  return overtaken;
}

bool Pace::Turn::overtaken() const {
  const std::lock_guard lock(pace_.mutex_);
  return is_overtaken();
}

void Pace::Turn::refused(const std::string& sentence) {
  const std::lock_guard lock(pace_.mutex_);
  if (!pace_.served_) pace_.refusal_ = sentence;
  pace_.changed_.notify_all();
}

std::string Pace::Turn::refusal() const {
  const std::lock_guard lock(pace_.mutex_);
  return pace_.refusal_;
}

void Pace::Turn::answered() {
  if (std::exchange(sending_, false)) --pace_.under_way_;
}

void Pace::Turn::leave() {
  if (!held_) return;
  held_ = pace_.taken_ = false;
  pace_.changed_.notify_all();
}

}  // namespace crossrank::judge
