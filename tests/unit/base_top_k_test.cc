// TopK against a full sort.
#include "base/top_k.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace crossrank::base {
namespace {

using Item = std::pair<int, int>;  // value, index

struct Better {
  bool operator()(const Item& a, const Item& b) const {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  }
};

TEST(TopK, EqualsAFullSort) {
  std::mt19937 random(3);
  for (const std::size_t n : {0, 1, 2, 3, 10, 97, 1000}) {
    std::vector<Item> items;
    for (int i = 0; i < static_cast<int>(n); ++i) {
      items.emplace_back(static_cast<int>(random() % 20), i);  // many ties
    }
    std::vector<Item> sorted = items;
    std::sort(sorted.begin(), sorted.end(), Better());
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{97},
                                std::size_t{5000}, static_cast<std::size_t>(-1)}) {
      std::vector<Item> expected = sorted;
      if (k != 0 && k < n) expected.resize(k);
      for (int round = 0; round < 3; ++round) {
        TopK<Item, Better> best(k, n, Better());
        for (const Item& item : items) best.add(item);
        EXPECT_EQ(best.take(), expected) << "n " << n << " k " << k;
        std::shuffle(items.begin(), items.end(), random);
      }
    }
  }
}

}  // namespace
}  // namespace crossrank::base
