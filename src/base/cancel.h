// Cancel flags: what the options of the public API point to.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace crossrank::base {

// `flag` may be null: then nobody can cancel.
inline bool is_cancelled(const std::atomic<bool>* flag) { return flag != nullptr && flag->load(); }

// False when the flag was set before the time was over; it is looked at 20 times a second.
inline bool sleep_unless_cancelled(std::chrono::steady_clock::duration time,
                                   const std::atomic<bool>* flag) {
  constexpr std::chrono::milliseconds kSlice{50};
  const auto end = std::chrono::steady_clock::now() + time;
  for (auto now = std::chrono::steady_clock::now(); now < end;
       now = std::chrono::steady_clock::now()) {
    if (is_cancelled(flag)) return false;
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(end - now, kSlice));
  }
  return !is_cancelled(flag);
}

}  // namespace crossrank::base
