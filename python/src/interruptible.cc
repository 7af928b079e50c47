// Work in a thread of its own, so that the caller's can hold the GIL now and then.
#include "interruptible.h"

#include <chrono>
#include <future>
#include <system_error>
#include <utility>

namespace crossrank::python {
namespace nb = nanobind;
namespace {

constexpr std::chrono::milliseconds kLookOut{50};
constexpr std::size_t kFewBytes = 8192;  // some 2,000 tokens: tens of milliseconds in float32

// Signal handlers of Python run in the main thread alone.
bool in_main_thread() {
  const nb::object threading = nb::module_::import_("threading");
  return threading.attr("main_thread")().attr("ident").equal(threading.attr("get_ident")());
}

}  // namespace

Interruptible::Interruptible(CancelToken token, nb::object on_progress)
    : token_(std::move(token)), on_progress_(std::move(on_progress)) {}

Progress Interruptible::progress() {
  if (on_progress_.is_none()) return {};
  return [this](std::size_t done, std::size_t total) {
    total_.store(total, std::memory_order_relaxed);
    done_.store(done, std::memory_order_relaxed);
  };
}

void Interruptible::report() {
  const std::size_t done = done_.load(std::memory_order_relaxed);
  if (on_progress_.is_none() || done == reported_) return;
  on_progress_(done, total_.load(std::memory_order_relaxed));
  reported_ = done;
}

void Interruptible::run(const std::function<void()>& work, std::size_t bytes) {
  if (on_progress_.is_none() && (bytes <= kFewBytes || !in_main_thread())) {
    const nb::gil_scoped_release release;
    work();
    return;
  }
  run_watched(work);
  report();
}

void Interruptible::run_watched(const std::function<void()>& work) {
  std::future<void> result;
  try {
    result = std::async(std::launch::async, work);
  } catch (const std::system_error&) {  // no thread to be had: then nobody looks out
    const nb::gil_scoped_release release;
    work();
    return;
  }
  while (true) {
    std::future_status status{};
    {
      const nb::gil_scoped_release release;
      status = result.wait_for(kLookOut);
    }
    if (status == std::future_status::ready) break;
    try {
      if (PyErr_CheckSignals() != 0) throw nb::python_error();
      report();
    } catch (...) {
      token_.cancel();
      {
        const nb::gil_scoped_release release;
        result.wait();
      }
      throw;
    }
  }
  result.get();
}

}  // namespace crossrank::python
