// Batcher: stable sort by length, longest first, then cuts by token budget.
#include "engine/batcher.h"

#include <algorithm>
#include <numeric>

namespace crossrank::engine {
namespace {

// Below this many tokens a batch spends more time streaming the packed weights than computing.
constexpr std::size_t kMinBatchTokens = 64;

// Sharing one batch costs forks and waits at every layer: it must promise to be this much faster
// than whole batches side by side.
constexpr double kSharingCost = 1.2;

// Cuts `lengths` (in the order of the plan) into batches within the limits. With `wanted` batches,
// each is filled to an equal share of what is left, as near as whole sequences allow; the limits
// may make it more. 0 = fill each to the limit.
std::vector<std::uint32_t> cut(std::span<const std::uint32_t> lengths, std::size_t total,
                               const BatchRules& rules, std::size_t wanted) {
  std::vector<std::uint32_t> starts = {0};
  for (std::size_t begin = 0; begin < lengths.size(); begin = starts.back()) {
    const std::size_t done = starts.size() - 1;
    std::size_t target = rules.max_tokens;
    if (done < wanted) target = std::min(target, (total + wanted - done - 1) / (wanted - done));
    std::size_t tokens = lengths[begin];
    std::size_t end = begin + 1;
    while (end < lengths.size() && tokens < target &&
           (rules.max_sequences == 0 || end - begin < rules.max_sequences)) {
      const std::size_t with = tokens + lengths[end];
      if (with > rules.max_tokens) break;
      if (with > target && with - target > target - tokens) break;
      tokens = with;
      ++end;
    }
    total -= tokens;
    starts.push_back(static_cast<std::uint32_t>(end));
  }
  return starts;
}

// Tokens that the busiest worker gets when each takes the next batch as soon as it is free.
std::size_t busiest(std::span<const std::uint32_t> lengths, std::span<const std::uint32_t> starts,
                    std::size_t workers) {
  std::vector<std::size_t> loads(workers);
  for (std::size_t b = 0; b + 1 < starts.size(); ++b) {
    std::size_t& load = *std::min_element(loads.begin(), loads.end());
    for (std::size_t i = starts[b]; i < starts[b + 1]; ++i) load += lengths[i];
  }
  return *std::max_element(loads.begin(), loads.end());
}

}  // namespace

BatchPlan plan_batches(std::span<const std::uint32_t> lengths, const BatchRules& rules) {
  BatchPlan plan;
  plan.order.resize(lengths.size());
  std::iota(plan.order.begin(), plan.order.end(), 0U);
  // Longest first: a workspace is sized by the first batch, and what is left to do last is small.
  std::stable_sort(plan.order.begin(), plan.order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::uint32_t> sorted(lengths.size());
  std::transform(plan.order.begin(), plan.order.end(), sorted.begin(),
                 [&](std::uint32_t i) { return lengths[i]; });
  const std::size_t total = std::accumulate(sorted.begin(), sorted.end(), std::size_t{0});

  plan.starts = cut(sorted, total, rules, 0);
  if (rules.workers == 1 || lengths.empty()) return plan;

  // A number of equal batches that the workers divide evenly, so that none idles at the end.
  const std::size_t fewest = plan.batches();
  const std::size_t most = std::max(fewest, total / kMinBatchTokens);
  std::size_t wanted = (fewest + rules.workers - 1) / rules.workers * rules.workers;
  std::vector<std::uint32_t> even = cut(sorted, total, rules, std::min(wanted, most));
  if (even.size() - 1 > wanted) {  // whole sequences do not fill batches to the brim
    wanted += rules.workers;
    even = cut(sorted, total, rules, std::min(wanted, most));
  }
  const double side_by_side = static_cast<double>(busiest(sorted, even, rules.workers));
  const double shared = static_cast<double>(total) / static_cast<double>(rules.workers);
  if (side_by_side <= shared * kSharingCost) {
    plan.starts = std::move(even);
    plan.across_batches = true;
  }
  return plan;
}

}  // namespace crossrank::engine
