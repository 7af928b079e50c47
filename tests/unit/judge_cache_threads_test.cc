// The judge's cache: bounded, exact, one call for simultaneous questions, nobody left waiting.
#include "judge/cache.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace crossrank::judge {
namespace {

using namespace std::chrono_literals;
using Cache = SingleFlightCache<int>;
using Clock = std::chrono::steady_clock;

const auto kNever = [] { return false; };
const auto kKeep = [](int) { return true; };

int get(Cache& cache, const std::string& key, int value, bool* cached = nullptr) {
  const auto found = cache.get(
      key, Clock::now() + 10s, kNever, [&] { return value; }, kKeep);
  if (cached != nullptr) *cached = found.cached;
  return found.value;
}

TEST(SingleFlightCache, RemembersTheLatestAndNoMore) {
  Cache cache(2);
  bool cached = true;
  EXPECT_EQ(get(cache, "a", 1, &cached), 1);
  EXPECT_FALSE(cached);
  EXPECT_EQ(get(cache, "a", 9, &cached), 1);
  EXPECT_TRUE(cached);
  get(cache, "b", 2);
  get(cache, "a", 9);  // "b" is the oldest now
  get(cache, "c", 3);
  EXPECT_EQ(get(cache, "a", 9), 1);
  EXPECT_EQ(get(cache, "b", 9), 9);
}

TEST(SingleFlightCache, OfNoEntriesRemembersNothing) {
  Cache cache(0);
  get(cache, "a", 1);
  EXPECT_EQ(get(cache, "a", 2), 2);
}

TEST(SingleFlightCache, WhatIsNotWorthKeepingIsNotKept) {
  Cache cache(4);
  const auto refuse = [](int) { return false; };
  EXPECT_EQ(cache
                .get(
                    "a", Clock::now() + 1s, kNever, [] { return 1; }, refuse)
                .value,
            1);
  EXPECT_EQ(get(cache, "a", 2), 2);
}

TEST(SingleFlightCache, ManyAskingAtOnceMakeOneCall) {
  Cache cache(4);
  std::atomic<int> calls{0};
  std::atomic<int> shared{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto make = [&] {
        std::this_thread::sleep_for(200ms);
        return ++calls;
      };
      const auto found = cache.get("a", Clock::now() + 10s, kNever, make, kKeep);
      EXPECT_EQ(found.value, 1);
      shared += found.cached;
    });
  }
  threads.clear();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(shared, 7);
}

TEST(SingleFlightCache, WhoWaitedInVainAsksAtOnce) {
  Cache cache(4);
  std::atomic<int> calls{0};
  const auto fail_slowly = [&] {
    std::this_thread::sleep_for(200ms);
    return ++calls;
  };
  const auto refuse = [](int) { return false; };
  const auto start = Clock::now();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      EXPECT_FALSE(cache.get("a", Clock::now() + 10s, kNever, fail_slowly, refuse).cached);
    });
  }
  threads.clear();
  EXPECT_EQ(calls, 6);
  EXPECT_LT(Clock::now() - start, 1000ms);  // two calls' time, not six
  EXPECT_EQ(get(cache, "a", 9), 9);
}

TEST(SingleFlightCache, OfThoseWhoWaitedInVainOneIsRemembered) {
  Cache cache(1);
  std::atomic<int> calls{0};
  const auto make = [&] {
    std::this_thread::sleep_for(100ms);
    return ++calls;
  };
  const auto keep_but_first = [](int call) { return call > 1; };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { cache.get("a", Clock::now() + 10s, kNever, make, keep_but_first); });
  }
  threads.clear();
  bool cached = false;
  EXPECT_GT(get(cache, "a", 99, &cached), 1);
  EXPECT_TRUE(cached);
  get(cache, "b", 5);  // the only entry
  EXPECT_EQ(get(cache, "a", 7), 7);
  EXPECT_EQ(get(cache, "b", 8), 8);
}

TEST(SingleFlightCache, WhoWaitsGoesOnWhenTheCallFailsThrowsOrTakesTooLong) {
  Cache cache(4);
  std::atomic<bool> started{false};
  const auto slow = [&]() -> int {
    started = true;
    std::this_thread::sleep_for(300ms);
    throw std::runtime_error("no answer");
  };
  std::jthread first([&] {
    EXPECT_THROW(cache.get("a", Clock::now() + 10s, kNever, slow, kKeep), std::runtime_error);
  });
  while (!started) std::this_thread::yield();
  const auto begin = Clock::now();
  // A deadline, and a cancelled caller, do not wait for the one under way.
  EXPECT_EQ(cache
                .get(
                    "a", begin + 60ms, kNever, [] { return 5; }, kKeep)
                .value,
            5);
  EXPECT_EQ(cache
                .get(
                    "a", begin + 10s, [] { return true; }, [] { return 6; }, kKeep)
                .value,
            6);
  EXPECT_LT(Clock::now() - begin, 280ms);
  EXPECT_EQ(get(cache, "a", 7), 7);  // after the first one has thrown
}

}  // namespace
}  // namespace crossrank::judge
