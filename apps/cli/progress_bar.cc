// A progress bar: one line, redrawn in place.
#include "progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "console.h"

namespace crossrank::cli {
namespace {

// "1:02:03", "2:03"
std::string clock_text(double seconds) {
  const auto s = static_cast<unsigned long>(std::min(std::ceil(seconds), 359999.0));
  char text[32];
  if (s >= 3600) {
    std::snprintf(text, sizeof(text), "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
  } else {
    std::snprintf(text, sizeof(text), "%lu:%02lu", s / 60, s % 60);
  }
  return text;
}

void write_stderr(const std::string& text) {
  // A bar that cannot be drawn is not worth a word.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
}

std::size_t stderr_width() {
  winsize size = {};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string with_thousands(std::size_t value) {
  std::string text = std::to_string(value);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
  return text;
}

std::string counted(std::size_t count, std::string_view noun) {
  std::string text = with_thousands(count) + " ";
  text.append(noun).append(count == 1 ? "" : "s");
  return text;
}

std::string counted_queries(std::size_t count) {
  return with_thousands(count) + (count == 1 ? " query" : " queries");
}

std::string with_unit(double bytes) {
  const char* units[] = {"B", "kB", "MB", "GB"};
  std::size_t unit = 0;
  while (bytes >= 999.95 && unit < 3) {
    bytes /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

std::string progress_text(const std::string& what, ProgressBar::Unit unit, std::size_t done,
                          double fraction, double seconds, std::size_t width) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  std::string numbers;
  if (unit == ProgressBar::Unit::kBytes) {
    numbers = with_unit(static_cast<double>(done)) + "  " + with_unit(rate) + "/s";
  } else {
    numbers = with_thousands(done) + " pairs  " +
              with_thousands(static_cast<std::size_t>(std::lround(rate))) + "/s";
  }
  if (fraction < 0) return (what + "  " + numbers).substr(0, width);
  fraction = std::clamp(fraction, 0.0, 1.0);
  char percent[16];
  std::snprintf(percent, sizeof(percent), "%3d%%  ", static_cast<int>(fraction * 100));
  numbers = percent + numbers;
  if (fraction > 0) numbers += "  ETA " + clock_text(seconds * (1 - fraction) / fraction);
  const std::size_t taken = what.size() + numbers.size() + 5;  // "  [" and "] "
  std::string bar;
  if (width > taken + 4) {
    const std::size_t cells = std::min<std::size_t>(width - taken, 40);
    const auto full = static_cast<std::size_t>(fraction * static_cast<double>(cells));
    bar = "[" + std::string(full, '#') + std::string(cells - full, '-') + "] ";
  }
  return (what + "  " + bar + numbers).substr(0, width);
}

ProgressBar::ProgressBar(std::string what, Unit unit, bool quiet)
    : what_(std::move(what)), unit_(unit), enabled_(!quiet && stderr_is_terminal()) {}

void ProgressBar::update(std::size_t done, double fraction) {
  const auto now = Clock::now();
  if (!enabled_ || now < next_draw_) return;
  next_draw_ = now + std::chrono::milliseconds(100);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  // \r goes to the start of the line, ESC [ K clears what the longer text before left.
  write_stderr("\r" + progress_text(what_, unit_, done, fraction, seconds, stderr_width() - 1) +
               "\x1b[K");
  drawn_ = true;
}

Progress ProgressBar::callback() {
  return [this](std::size_t done, std::size_t total) {
    update(done, total > 0 ? static_cast<double>(done) / static_cast<double>(total) : -1);
  };
}

void ProgressBar::clear() {
  if (drawn_) write_stderr("\r\x1b[K");
  drawn_ = false;
}

}  // namespace crossrank::cli
