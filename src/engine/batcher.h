// Batcher: which sequences share a forward pass, and how threads share the passes. Knows lengths
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace crossrank::engine {

struct BatchRules {
  std::size_t max_tokens = 512;   // a sequence longer than this is a batch of its own
  std::size_t max_sequences = 0;  // 0 = no bound
  std::size_t workers = 1;
};

struct BatchPlan {
  std::vector<std::uint32_t> order;   // sequence numbers, batch after batch, longest first
  std::vector<std::uint32_t> starts;  // [batches + 1]; batch b is order[starts[b], starts[b + 1])
  // True: each worker runs whole batches. False: the workers share each batch, one after another.
  bool across_batches = false;

  std::size_t batches() const { return starts.size() - 1; }
  std::span<const std::uint32_t> batch(std::size_t b) const {
    return std::span(order).subspan(starts[b], starts[b + 1] - starts[b]);
  }
};

// A plan for sequences of `lengths` tokens. It depends on its arguments alone. Batches get smaller
// than max_tokens where that gives every worker an equal share.
BatchPlan plan_batches(std::span<const std::uint32_t> lengths, const BatchRules& rules);

}  // namespace crossrank::engine
