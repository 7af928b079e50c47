// ThreadPool: workers spin briefly for the next job, then sleep.
#include "base/thread_pool.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace crossrank::base {
namespace {

// A forward pass forks every 50 to 500 us. 2,000 pauses (some 20 us on Zen 4, where each takes
// about 40 cycles) bridge most gaps inside a layer without a system call; an idle process pays
// nothing.
constexpr int kSpins = 2000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable wake;      // workers wait for a new generation
  std::condition_variable finished;  // run() waits for the workers to leave
  std::atomic<std::uint64_t> generation{0};
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> active{0};  // workers that have not left the current job
  std::size_t count = 0;
  const Body* body = nullptr;
  bool stopping = false;  // guarded by mutex
  std::vector<std::thread> threads;
  const pid_t process = getpid();

  // fork() copies this object but none of its threads: whoever waited for them would wait for ever.
  bool is_forked() const { return getpid() != process; }

  // Here and not in ~ThreadPool: when the system refuses the n-th thread, the others must end too.
  ~State() {
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  void work(std::size_t worker) {
    for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      (*body)(worker, i);
    }
  }

  void loop(std::size_t worker) {
    for (std::uint64_t seen = 0;;) {
      for (int spin = 0; spin < kSpins && generation.load(std::memory_order_acquire) == seen;
           ++spin) {
        pause();
      }
      if (generation.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex);
        wake.wait(lock,
                  [&] { return stopping || generation.load(std::memory_order_acquire) != seen; });
        if (stopping) return;
      }
      seen = generation.load(std::memory_order_acquire);
      work(worker);
      if (active.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::scoped_lock lock(mutex);  // so that run() cannot miss the notification
        finished.notify_one();
      }
    }
  }
};

ThreadPool::ThreadPool(std::size_t threads) : state_(std::make_unique<State>()) {
  for (std::size_t worker = 1; worker < threads; ++worker) {
    state_->threads.emplace_back([state = state_.get(), worker] { state->loop(worker); });
  }
}

ThreadPool::~ThreadPool() {
  // A copy that fork() made can neither join its threads nor destroy what they wait on.
  if (state_->is_forked()) static_cast<void>(state_.release());
}

std::size_t ThreadPool::workers() const { return state_->threads.size() + 1; }

void ThreadPool::run(std::size_t count, const Body& body) {
  State& s = *state_;
  if (s.threads.empty() || count <= 1 || s.is_forked()) {
    for (std::size_t i = 0; i < count; ++i) body(0, i);
    return;
  }
  {
    const std::scoped_lock lock(s.mutex);
    s.body = &body;
    s.count = count;
    s.next.store(0, std::memory_order_relaxed);
    s.active.store(s.threads.size(), std::memory_order_relaxed);
    s.generation.fetch_add(1, std::memory_order_release);
  }
  s.wake.notify_all();
  s.work(0);
  for (int spin = 0; spin < kSpins && s.active.load(std::memory_order_acquire) != 0; ++spin) {
    pause();
  }
  if (s.active.load(std::memory_order_acquire) != 0) {
    std::unique_lock lock(s.mutex);
    s.finished.wait(lock, [&] { return s.active.load(std::memory_order_acquire) == 0; });
  }
}

}  // namespace crossrank::base
