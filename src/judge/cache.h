// Settled answers by question: bounded, and one call for questions that are asked at the same time.
// Knows nothing of what it keeps.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
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
  // nothing worth keeping they make their own, all at once: another wait might be in vain, too.
  template <typename Make, typename Keep, typename Cancelled>
  Found get(const std::string& key, std::chrono::steady_clock::time_point deadline,
            const Cancelled& cancelled, const Make& make, const Keep& keep) {
    if (entries_ == 0) return {make(), false};
    std::unique_lock lock(mutex_);
    if (const Value* kept = find(key)) return {*kept, true};
    const auto [flight, is_mine] = under_way_.try_emplace(key, flights_);
    if (is_mine) {
      ++flights_;
      lock.unlock();
      const Landing landing{*this, key};
      return {make_and_keep(key, make, keep), false};
    }
    const std::uint64_t awaited = flight->second;
    while (is_under_way(key, awaited)) {
      if (std::chrono::steady_clock::now() >= deadline || cancelled()) {
        lock.unlock();
        return {make(), false};  // which sees the deadline or the flag itself
      }
      changed_.wait_for(lock, std::chrono::milliseconds(50));
    }
    if (const Value* kept = find(key)) return {*kept, true};
    lock.unlock();
    return {make_and_keep(key, make, keep), false};
  }

 private:
  // Lets those who wait for the same key go on, also when make() throws.
  struct Landing {
    SingleFlightCache& cache;
    const std::string& key;
    ~Landing() {
      const std::lock_guard lock(cache.mutex_);
      cache.under_way_.erase(key);
      cache.changed_.notify_all();
    }
  };

  bool is_under_way(const std::string& key, std::uint64_t flight) const {
    const auto found = under_way_.find(key);
    return found != under_way_.end() && found->second == flight;
  }

  // The latest found is kept longest.
  const Value* find(const std::string& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->second;
  }

  template <typename Make, typename Keep>
  Value make_and_keep(const std::string& key, const Make& make, const Keep& keep) {
    Value value = make();
    if (!keep(value)) return value;
    const std::lock_guard lock(mutex_);
    if (find(key) != nullptr) return value;  // another one who waited was faster
    order_.emplace_front(key, value);
    index_[key] = order_.begin();
    if (order_.size() > entries_) {
      index_.erase(order_.back().first);
      order_.pop_back();
    }
    return value;
  }

  const std::size_t entries_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::pair<std::string, Value>> order_;  // latest first
  std::unordered_map<std::string, typename std::list<std::pair<std::string, Value>>::iterator>
      index_;
  std::unordered_map<std::string, std::uint64_t> under_way_;  // key -> which flight
  std::uint64_t flights_ = 0;
};

}  // namespace crossrank::judge
