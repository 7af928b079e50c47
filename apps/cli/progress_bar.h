// A progress bar with rate and ETA on standard error; silent where that is no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "crossrank/options.h"

namespace crossrank::cli {

class ProgressBar {
 public:
  enum class Unit { kPairs, kBytes };

  // `what` names the work in one word. Nothing is drawn when `quiet` or without a terminal.
  ProgressBar(std::string what, Unit unit, bool quiet);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done` units of the whole, which is `fraction` of it; negative = nobody knows. Draws ten times
  // a second at most, and nothing for work that takes less than a third of a second.
  void update(std::size_t done, double fraction);

  // update() as the library calls it, with a total that is 0 while nobody knows it.
  Progress callback();

  // Takes the bar off the screen, so that others can write there.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  Unit unit_;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_draw_ = start_ + std::chrono::milliseconds(333);
};

// The bar's text for a terminal of `width` columns. Apart from the clock, for tests.
std::string progress_text(const std::string& what, ProgressBar::Unit unit, std::size_t done,
                          double fraction, double seconds, std::size_t width);

// "1,234,567"
std::string with_thousands(std::size_t value);
// "1 pair", "2,000 pairs": of a noun whose plural ends in s.
std::string counted(std::size_t count, std::string_view noun);
// "1 query", "2,000 queries"
std::string counted_queries(std::size_t count);
// "87.3 MB"
std::string with_unit(double bytes);

}  // namespace crossrank::cli
