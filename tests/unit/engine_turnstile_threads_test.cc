// Turnstile: one at a time, first come first served, and waiters that give up.
#include "engine/turnstile.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace crossrank::engine {
namespace {

TEST(Turnstile, AdmitsOneAtATime) {
  Turnstile turnstile;
  int inside = 0;  // guarded by the turnstile: a race here is a finding of TSan
  int visits = 0;
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(turnstile.enter(nullptr));
        EXPECT_EQ(++inside, 1);
        ++visits;
        --inside;
        turnstile.leave();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(visits, 1600);
}

TEST(Turnstile, WaiterThatIsCancelledLeavesTheQueue) {
  Turnstile turnstile;
  ASSERT_TRUE(turnstile.enter(nullptr));
  std::atomic<bool> cancel{false};
  bool entered = true;
  std::thread first([&] { entered = turnstile.enter(&cancel); });
  std::thread second([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // most likely behind `first`
    ASSERT_TRUE(turnstile.enter(nullptr));
    turnstile.leave();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  cancel = true;
  first.join();  // although nobody left
  EXPECT_FALSE(entered);
  turnstile.leave();
  second.join();
}

TEST(Turnstile, CancelledBeforehand) {
  Turnstile turnstile;
  const std::atomic<bool> cancel{true};
  EXPECT_FALSE(turnstile.enter(&cancel));
  EXPECT_TRUE(turnstile.enter(nullptr));
  turnstile.leave();
}

TEST(Turnstile, ALongCallDoesNotStarveAShortOne) {
  Turnstile turnstile;
  std::atomic<bool> short_done{false};
  std::atomic<int> turns_meanwhile{0};
  ASSERT_TRUE(turnstile.enter(nullptr));
  std::atomic<bool> started{false};
  std::thread short_call([&] {
    started = true;
    ASSERT_TRUE(turnstile.enter(nullptr));
    short_done = true;
    turnstile.leave();
  });
  while (!started) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // it waits by now
  turnstile.leave();
  for (int turn = 0; turn < 100 && !short_done; ++turn) {
    ASSERT_TRUE(turnstile.enter(nullptr));
    ++turns_meanwhile;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    turnstile.leave();
  }
  short_call.join();
  EXPECT_LE(turns_meanwhile, 1);
}

}  // namespace
}  // namespace crossrank::engine
