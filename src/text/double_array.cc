// DoubleArray: construction from sorted keys, first fit.
#include "text/double_array.h"

#include <algorithm>

namespace crossrank::text {
namespace {

constexpr std::uint32_t kBlock = 256;          // base ^ byte stays in the block of base
constexpr std::uint32_t kMaxUnits = 1u << 23;  // base has 23 bits
constexpr int kTries = 64;                     // free units looked at before a block is added

// The first 8 bytes as a number that orders like them: most comparisons of a sort end here.
std::uint64_t order_prefix(std::string_view bytes) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    prefix = prefix << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0);
  }
  return prefix;
}

void sort_keys(std::vector<DoubleArray::Key>& keys) {
  std::vector<std::pair<std::uint64_t, DoubleArray::Key>> order;
  order.reserve(keys.size());
  for (const DoubleArray::Key& key : keys) order.emplace_back(order_prefix(key.bytes), key);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second.bytes < b.second.bytes;
  });
  std::transform(order.begin(), order.end(), keys.begin(), [](const auto& k) { return k.second; });
}

}  // namespace

class DoubleArray::Builder {
 public:
  Builder(const std::vector<Key>& keys, std::vector<Unit>& units) : keys_(keys), units_(units) {}

  bool run() {
    add_block();
    take(kRoot);
    std::vector<Range> open = {{0, keys_.size(), 0, kRoot}};
    while (!open.empty()) {
      const Range range = open.back();
      open.pop_back();
      if (!place_children(range, open)) return false;
    }
    return true;
  }

 private:
  // The keys that begin with the bytes that lead to `node`.
  struct Range {
    std::size_t begin, end, depth;
    Node node;
  };

  unsigned char byte_at(std::size_t key, std::size_t depth) const {
    return static_cast<unsigned char>(keys_[key].bytes[depth]);
  }

  bool place_children(Range range, std::vector<Range>& open) {
    for (; range.begin < range.end && keys_[range.begin].bytes.size() == range.depth;
         ++range.begin) {
      std::int32_t& value = units_[range.node].value;
      if (value < 0 && range.depth > 0) value = keys_[range.begin].value;
    }
    if (range.begin == range.end) return true;
    bytes_.clear();
    const std::size_t first_child = open.size();
    for (std::size_t i = range.begin; i < range.end; ++i) {
      const unsigned char byte = byte_at(i, range.depth);
      if (bytes_.empty() || bytes_.back() != byte) {
        if (!bytes_.empty()) open.back().end = i;
        bytes_.push_back(byte);
        open.push_back({i, range.end, range.depth + 1, kNowhere});
      }
    }
    const std::uint32_t base = find_base();
    if (base == 0) return false;
    used_base_[base] = true;
    units_[range.node].bits |= base << 9;
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      const Node child = base ^ bytes_[i];
      take(child);
      units_[child].bits = bytes_[i] + 1u;
      open[first_child + i].node = child;
    }
    return true;
  }

  // A base at which all of bytes_ have a free unit; 0 when the array is full. No two nodes share
  // a base, so a unit's label tells whose child it is; 0 is never given, it marks leaves.
  std::uint32_t find_base() {
    std::uint32_t unit = next_free_[search_from_];
    for (int tries = 0; tries < kTries && unit != search_from_; unit = next_free_[unit]) {
      if (unit == kFreeList) continue;
      if (const std::uint32_t base = (unit - 1) ^ bytes_[0]; fits(base)) return base;
      ++tries;
    }
    // What nothing fits into would else be looked at each time, and each time a block be added.
    search_from_ = previous_free_[unit];
    if (units_.size() + kBlock > kMaxUnits) return 0;
    const auto base = static_cast<std::uint32_t>(units_.size());
    add_block();
    return base;
  }

  bool fits(std::uint32_t base) const {
    if (base == 0 || used_base_[base]) return false;
    return std::all_of(bytes_.begin(), bytes_.end(),
                       [&](unsigned char byte) { return is_free_[base ^ byte]; });
  }

  // The free units are a ring of doubly linked slots; slot u + 1 is unit u, slot kFreeList its
  // head.
  void add_block() {
    const auto size = static_cast<std::uint32_t>(units_.size());
    units_.resize(size + kBlock);
    used_base_.resize(size + kBlock, false);
    is_free_.resize(size + kBlock, true);
    next_free_.resize(size + kBlock + 1);
    previous_free_.resize(size + kBlock + 1);
    for (std::uint32_t slot = size + 1; slot <= size + kBlock; ++slot) {
      const std::uint32_t last = previous_free_[kFreeList];
      next_free_[last] = slot;
      previous_free_[slot] = last;
      next_free_[slot] = kFreeList;
      previous_free_[kFreeList] = slot;
    }
  }

  void take(Node unit) {
    const std::uint32_t slot = unit + 1;
    if (search_from_ == slot) search_from_ = previous_free_[slot];
    is_free_[unit] = false;
    next_free_[previous_free_[slot]] = next_free_[slot];
    previous_free_[next_free_[slot]] = previous_free_[slot];
  }

  static constexpr std::uint32_t kFreeList = 0;

  const std::vector<Key>& keys_;
  std::vector<Unit>& units_;
  std::vector<unsigned char> bytes_;  // of the children being placed
  std::vector<bool> used_base_, is_free_;
  std::vector<std::uint32_t> next_free_{0}, previous_free_{0};
  std::uint32_t search_from_ = kFreeList;  // a slot of the ring
};

bool DoubleArray::build(std::vector<Key> keys) {
  sort_keys(keys);
  return Builder(keys, units_).run();
}

DoubleArray::Node DoubleArray::walk(std::string_view bytes) const {
  if (units_.empty()) return kNowhere;
  Node node = kRoot;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    node = units_[node].base() ^ byte;
    if (units_[node].label() != byte + 1u) return kNowhere;
  }
  return node;
}

}  // namespace crossrank::text
