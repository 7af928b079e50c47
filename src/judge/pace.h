// Pace: when the questions of one ranking may be sent. At will, until the server says that they are
// too many; from then on one at a time, and none before the time that it named. Sends nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>

namespace crossrank::judge {

using Clock = std::chrono::steady_clock;

// For any number of threads.
class Pace {
 public:
  class Turn;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool one_at_a_time_ = false;
  bool taken_ = false;   // by the one
  bool served_ = false;  // any question
  std::size_t under_way_ = 0;
  Clock::time_point not_before_ = Clock::time_point::min();
  Clock::time_point paused_at_ = Clock::time_point::min();
  std::string refusal_;
};

// That of one question, which belongs to one thread.
class Pace::Turn {
 public:
  explicit Turn(Pace& pace) : pace_(pace) {}
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // Waits until the question may be sent. False, as soon as it is known, when that is not until
  // `last`, when cancelled, and when there is a refusal().
  bool await(Clock::time_point last, const std::atomic<bool>* cancel);

  // The server took the question, whatever it answered: others may send.
  void served();

  // The server wants nothing before `until`. Who says so first asks first; and whose turn it is
  // keeps it. Returns what overtaken() was before: of those sent together only one is not.
  bool pause(Clock::time_point until);

  // Whether the server may have refused this question for another's sake: since it was sent, one
  // has paused them all, or one of those from before the pause was still under way.
  bool overtaken() const;

  // The server refused to take the question, as `sentence` says, after the pause that it asked for.
  // If it has taken none yet, no other is sent.
  void refused(const std::string& sentence);

  // Why none is sent any more; "" otherwise.
  std::string refusal() const;

 private:
  // With the mutex locked:
  void leave();
  void answered();
  bool is_overtaken() const { return had_company_ || pace_.paused_at_ >= sent_; }

  Pace& pace_;
  bool held_ = false;
  bool sending_ = false;
  bool had_company_ = false;
  Clock::time_point sent_ = Clock::time_point::min();
};

}  // namespace crossrank::judge
