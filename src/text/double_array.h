// DoubleArray: a set of byte strings with a value each, for longest-prefix search. Not a map that
// grows: built once from all keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace crossrank::text {

// A trie in one array. The child of a node for byte b is unit base ^ b, if that unit's label is b.
class DoubleArray {
 public:
  struct Key {
    std::string_view bytes;
    std::int32_t value;  // not negative
  };
  struct Match {
    std::int32_t value = -1;  // -1: no key is a prefix
    std::size_t length = 0;   // bytes of the longest key that is one
  };
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNowhere = ~Node{0};

  DoubleArray() = default;
  // Of equal keys the first counts; the empty key never matches. False when the array would need
  // more than 2^23 units (some 3 million tokens).
  bool build(std::vector<Key> keys);

  bool empty() const { return units_.empty(); }
  // The node that `bytes` leads to, or kNowhere.
  Node walk(std::string_view bytes) const;
  // The longest key below `from` that `text` begins with.
  Match longest(Node from, std::string_view text) const {
    Match match;
    if (from == kNowhere) return match;
    Unit unit = units_[from];
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      unit = units_[unit.base() ^ byte];
      if (unit.label() != byte + 1u) break;
      if (unit.value >= 0) match = {unit.value, i + 1};
    }
    return match;
  }
  // Calls on_key(value, length) for each key that `text` begins with, the shortest first.
  template <typename OnKey>
  void for_each_prefix(std::string_view text, OnKey&& on_key) const {
    if (units_.empty()) return;
    Unit unit = units_[kRoot];
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      unit = units_[unit.base() ^ byte];
      if (unit.label() != byte + 1u) break;
      if (unit.value >= 0) on_key(unit.value, i + 1);
    }
  }

 private:
  struct Unit {
    std::uint32_t bits = 0;  // base << 9 | label
    std::int32_t value = -1;

    // 0 for a leaf: unit 0 ^ b then belongs to no node, or to one with another byte.
    std::uint32_t base() const { return bits >> 9; }
    // 0 for an unused unit and the root, else 1 + the byte that leads here.
    std::uint32_t label() const { return bits & 0x1FF; }
  };
  class Builder;

  std::vector<Unit> units_;
};

}  // namespace crossrank::text
