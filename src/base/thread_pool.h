// ThreadPool: fork-join over an index range on a fixed set of threads. Not a task queue.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace crossrank::base {

// Something that runs body(worker, index) once for every index in [0, count) and returns when all
// are done. `worker` < workers() and no two running bodies share it. Bodies must not throw.
class Parallel {
 public:
  using Body = std::function<void(std::size_t worker, std::size_t index)>;
  virtual ~Parallel() = default;
  virtual std::size_t workers() const = 0;
  virtual void run(std::size_t count, const Body& body) = 0;
};

// Runs everything on the calling thread.
class Serial final : public Parallel {
 public:
  std::size_t workers() const override { return 1; }
  void run(std::size_t count, const Body& body) override {
    for (std::size_t i = 0; i < count; ++i) body(0, i);
  }
};

// `threads` workers, of which the caller of run() is number 0. Indices are handed out in order, one
// at a time, so uneven bodies balance. run() may be called by one thread at a time: callers lock.
// After fork(), which must not come during run(), the child's copy runs everything on the caller.
class ThreadPool final : public Parallel {
 public:
  // Throws std::system_error when the system refuses a thread.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t workers() const override;
  void run(std::size_t count, const Body& body) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crossrank::base
