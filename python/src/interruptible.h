// Interruptible work: the library runs without the GIL while the caller's thread looks out for
// Ctrl-C and moves the progress bar.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "crossrank/options.h"

namespace crossrank::python {

// What another thread sets to stop a call. Copies share the flag.
class CancelToken {
 public:
  void cancel() { flag_->store(true); }
  [[nodiscard]] const std::atomic<bool>* flag() const { return flag_.get(); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
};

// What Interruptible::run is told of `pairs` pairs: each has the prompt and `more` bytes in front
// of its own, and special tokens.
inline std::size_t work_bytes(std::size_t texts, std::size_t pairs,
                              const std::optional<std::string>& prompt, std::size_t more) {
  constexpr std::size_t kOfPair = 64;
  return texts + pairs * (kOfPair + more + (prompt ? prompt->size() : 0));
}

// Calls `work` without the GIL. It must stop soon after the token's flag is set, and touch nothing
// of Python. `on_progress` is None or called as on_progress(done, total), with the GIL, some 20
// times a second, with what the returned Progress was last told, and once at the end. A call with
// few texts is over before anybody waits for Ctrl-C: it runs where it is, since handing it to
// another thread and back would be a tenth of a pair's milliseconds. When a signal handler raises,
// as Ctrl-C does, the work is stopped and waited for, and the exception thrown. The same with what
// on_progress raises, and `work` throws.
class Interruptible {
 public:
  Interruptible(CancelToken token, nanobind::object on_progress);

  static constexpr std::size_t kLong = SIZE_MAX;
  // `bytes` of all texts; kLong for work that waits for others.
  void run(const std::function<void()>& work, std::size_t bytes);
  [[nodiscard]] Progress progress();  // for the options of the work; empty without on_progress
  [[nodiscard]] const std::atomic<bool>* flag() const { return token_.flag(); }

 private:
  void report();
  void run_watched(const std::function<void()>& work);

  CancelToken token_;
  nanobind::object on_progress_;
  std::atomic<std::size_t> done_{0};
  std::atomic<std::size_t> total_{0};
  std::size_t reported_ = 0;
};

}  // namespace crossrank::python
