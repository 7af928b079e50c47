// When requests of a load are due: at random, as from many clients who know nothing of each other,
// or whenever somebody asks. Knows no clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "random.h"

namespace crossrank::cli {

// Any thread may call next().
class Arrivals {
 public:
  using Seconds = std::chrono::duration<double>;  // since the load began
  struct Arrival {
    std::size_t number = 0;  // from 0 on
    Seconds due{};
    bool late = false;  // it was due before somebody asked for it
  };

  // A Poisson process of `rate` arrivals a second; without a rate, whoever asks gets one that is
  // due at once.
  Arrivals(std::optional<double> rate, Seconds duration, std::uint64_t seed)
      : rate_(rate), duration_(duration), random_(seed) {}

  // The next one, or none when it would be due after the duration.
  std::optional<Arrival> next(Seconds now) {
    const std::lock_guard lock(mutex_);
    due_ = rate_ ? due_ + gap() : std::max(now, Seconds{});
    if (due_ >= duration_) return std::nullopt;
    return Arrival{count_++, due_, rate_ && due_ < now};
  }

 private:
  Seconds gap() { return Seconds(-std::log1p(-random_.uniform()) / *rate_); }

  const std::optional<double> rate_;
  const Seconds duration_;
  std::mutex mutex_;
  Random random_;
  Seconds due_{};
  std::size_t count_ = 0;
};

}  // namespace crossrank::cli
