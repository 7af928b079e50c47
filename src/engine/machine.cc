// measure_peak: the roof of a precision on an instruction set. Loads no model.
#include "crossrank/machine.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <vector>

#include "base/guard.h"
#include "base/try.h"
#include "engine/compute.h"

namespace crossrank {

Result<double> measure_peak(Precision precision, std::string_view isa, std::size_t threads) {
  return base::guard_memory([&]() -> Result<double> {
    if (threads == 0) {
      return Error{ErrorCode::kInvalidArgument, "the roof of 0 threads was asked for; 1 is least"};
    }
    CR_TRY_ASSIGN(const kernels::Arithmetic arithmetic, engine::arithmetic_of(precision));
    CR_TRY_ASSIGN(const kernels::KernelTable* table, kernels::find_kernels(isa, arithmetic));
    CR_TRY_ASSIGN(threads, engine::thread_count(threads));
    CR_TRY_ASSIGN(const auto pool, engine::start_threads(threads));
    using Clock = std::chrono::steady_clock;
    constexpr std::size_t kSteps = 10000;
    constexpr std::chrono::milliseconds kTime{10};
    // All begin together and share one clock: threads that take turns on a CPU must not count as if
    // each had it alone. A worker that waits takes no second index, so all workers come.
    Clock::time_point start;
    std::barrier begin(static_cast<std::ptrdiff_t>(threads),
                       [&start]() noexcept { start = Clock::now(); });
    std::vector<std::size_t> work(threads);
    std::vector<Clock::time_point> ends(threads);
    pool->run(threads, [&](std::size_t, std::size_t i) {
      float numbers[4] = {1e-3F, 1e-3F, 0, 0};
      begin.arrive_and_wait();
      std::size_t done = 0;
      Clock::time_point now = Clock::now();
      for (; now - start < kTime; now = Clock::now()) done += table->linear.peak(kSteps, numbers);
      work[i] = done;
      ends[i] = now;
    });
    const std::chrono::duration<double> seconds =
        *std::max_element(ends.begin(), ends.end()) - start;
    return static_cast<double>(std::accumulate(work.begin(), work.end(), std::size_t{0})) /
           seconds.count();
  });
}

}  // namespace crossrank
