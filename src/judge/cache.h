// Settled answers by question: bounded, and one call for questions that are asked at the same time.
// Knows nothing of what it keeps.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace crossrank::judge {

// For any number of threads. Value is copied out; a value that is not worth keeping is shared with
// nobody.
template <typename Value>
class SingleFlightCache {
 public:
  explicit SingleFlightCache(std::size_t entries) : entries_(entries) {}

  struct Found {
    Value value;
    bool cached;  // not made by this call
  };

  // What `key` was settled as; else make() is called, by one thread a key, and its value kept if
  // keep(value). Others wait for it up to `deadline` or until `cancelled()`; when it comes to
  // nothing worth keeping they make their own.
  template <typename Make, typename Keep, typename Cancelled>
  Found get(const std::string& key, std::chrono::steady_clock::time_point deadline,
            const Cancelled& cancelled, const Make& make, const Keep& keep) {
    if (entries_ == 0) return {make(), false};
    std::unique_lock lock(mutex_);
    for (;;) {
      if (const auto found = index_.find(key); found != index_.end()) {
        order_.splice(order_.begin(), order_, found->second);  // the latest is kept longest
        return {found->second->second, true};
      }
      if (under_way_.insert(key).second) break;
      const bool waiting = std::chrono::steady_clock::now() < deadline && !cancelled();
      if (!waiting) {
        lock.unlock();
        return {make(), false};  // which sees the deadline or the flag itself
      }
      changed_.wait_for(lock, std::chrono::milliseconds(50));
    }
    lock.unlock();
    const Landing landing{*this, key};
    Value value = make();
    if (keep(value)) put(key, value);
    return {std::move(value), false};
  }

 private:
  // Lets the next one of the same key go on, also when make() throws.
  struct Landing {
    SingleFlightCache& cache;
    const std::string& key;
    ~Landing() {
      const std::lock_guard lock(cache.mutex_);
      cache.under_way_.erase(key);
      cache.changed_.notify_all();
    }
  };

  void put(const std::string& key, const Value& value) {
    const std::lock_guard lock(mutex_);
    order_.emplace_front(key, value);
    index_[key] = order_.begin();
    if (order_.size() > entries_) {
      index_.erase(order_.back().first);
      order_.pop_back();
    }
  }

  const std::size_t entries_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::pair<std::string, Value>> order_;  // latest first
  std::unordered_map<std::string, typename std::list<std::pair<std::string, Value>>::iterator>
      index_;
  std::unordered_set<std::string> under_way_;
};

}  // namespace crossrank::judge
