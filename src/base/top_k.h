// TopK: the best k of a stream, in memory for 2 k of them. Not a heap: ties follow `Better` alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace crossrank::base {

// `Better` is a strict total order (no two elements tie), so the outcome does not depend on the
// order of add().
template <typename T, typename Better>
class TopK {
 public:
  // k = 0 keeps everything. `expected` elements at most will be added.
  TopK(std::size_t k, std::size_t expected, Better better) : k_(k), better_(std::move(better)) {
    items_.reserve(k == 0 ? expected : std::min(expected, capacity()));
  }

  void add(T item) {
    if (k_ != 0 && items_.size() == capacity()) prune();
    items_.push_back(std::move(item));
  }

  // The best k, best first. The object is used up.
  std::vector<T> take() {
    if (k_ != 0) prune();
    std::sort(items_.begin(), items_.end(), better_);
    return std::move(items_);
  }

 private:
  std::size_t capacity() const { return k_ > items_.max_size() / 2 ? items_.max_size() : 2 * k_; }

  void prune() {
    if (items_.size() <= k_) return;
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(k_);
    std::nth_element(items_.begin(), end, items_.end(), better_);
    items_.erase(end, items_.end());
  }

  std::size_t k_;
  Better better_;
  std::vector<T> items_;
};

}  // namespace crossrank::base
