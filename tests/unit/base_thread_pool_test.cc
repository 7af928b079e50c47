// Tests of src/base/thread_pool: every index once, on a worker of its own, run after run. Also run
// under ThreadSanitizer.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

namespace crossrank::base {
namespace {

// Runs `count` bodies and checks that each index came once and no worker ran two at a time.
void check_run(Parallel& parallel, std::size_t count) {
  std::vector<int> seen(count, 0);  // plain ints: a second thread on one of them is a race
  std::vector<std::atomic<int>> busy(parallel.workers());
  std::atomic<bool> shared{false};
  parallel.run(count, [&](std::size_t worker, std::size_t index) {
    if (worker >= busy.size() || busy[worker].fetch_add(1) != 0) {
      shared = true;
      return;
    }
    ++seen[index];
    busy[worker].fetch_sub(1);
  });
  EXPECT_FALSE(shared);
  EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), 0), static_cast<int>(count));
  for (const int n : seen) ASSERT_EQ(n, 1);
}

TEST(ThreadPool, EveryIndexRunsOnce) {
  for (const std::size_t threads : {1u, 2u, 3u, 8u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.workers(), threads);
    for (const std::size_t count : {0u, 1u, 2u, 7u, 8u, 9u, 1000u}) check_run(pool, count);
  }
}

TEST(ThreadPool, NoThreadsMeansTheCaller) {
  ThreadPool pool(0);
  EXPECT_EQ(pool.workers(), 1u);
  check_run(pool, 10);
}

TEST(ThreadPool, OneThreadIsTheCallersOwn) {
  ThreadPool pool(1);
  const std::thread::id caller = std::this_thread::get_id();
  std::size_t next = 0;
  pool.run(5, [&](std::size_t worker, std::size_t index) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(worker, 0u);
    EXPECT_EQ(index, next++);
  });
  EXPECT_EQ(next, 5u);
}

TEST(ThreadPool, SumsAreComplete) {
  ThreadPool pool(4);
  std::vector<std::size_t> sums(pool.workers(), 0);
  pool.run(100'000, [&](std::size_t worker, std::size_t index) { sums[worker] += index; });
  EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), std::size_t{0}), 4'999'950'000u);
}

TEST(ThreadPool, WhatBodiesWroteIsSeenAfterRun) {
  ThreadPool pool(3);
  std::vector<std::size_t> values(64, 0);
  for (std::size_t round = 1; round <= 5'000;
       ++round) {  // each round reads what the last one wrote
    pool.run(values.size(), [&](std::size_t, std::size_t i) { values[i] += round; });
  }
  for (const std::size_t v : values) ASSERT_EQ(v, 5'000u * 5'001u / 2);
}

TEST(ThreadPool, UnevenBodiesAreShared) {
  ThreadPool pool(2);
  std::atomic<std::size_t> others{0};
  pool.run(21, [&](std::size_t, std::size_t index) {
    if (index != 0) {
      ++others;
      return;
    }
    // The long body ends only when the other worker has done all the short ones.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (others != 20 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(others, 20u);
  });
}

TEST(ThreadPool, WorkersThatSleepWakeUp) {
  ThreadPool pool(3);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // longer than they spin
    check_run(pool, 50);
  }
}

TEST(ThreadPool, ManyPoolsComeAndGo) {
  for (int i = 0; i < 300; ++i) {
    ThreadPool pool(3);
    if (i % 2 == 0) check_run(pool, 5);
  }
}

TEST(ThreadPool, PoolsDoNotDisturbEachOther) {
  std::vector<std::thread> callers;
  callers.reserve(3);
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([] {
      ThreadPool pool(2);
      for (int round = 0; round < 200; ++round) check_run(pool, 20);
    });
  }
  for (std::thread& t : callers) t.join();
}

TEST(Serial, RunsInOrderOnTheCaller) {
  Serial serial;
  EXPECT_EQ(serial.workers(), 1u);
  std::vector<std::size_t> order;
  serial.run(4, [&](std::size_t worker, std::size_t index) {
    EXPECT_EQ(worker, 0u);
    order.push_back(index);
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace crossrank::base
