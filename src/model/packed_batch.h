// PackedBatch: B token sequences laid end to end, T tokens in all. No padding anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace crossrank::model {

// Views into the batcher's buffers. Positions are implied: 0, 1, ... within each sequence.
struct PackedBatch {
  std::span<const std::int32_t> ids;       // [T]
  std::span<const std::int32_t> type_ids;  // [T]
  std::span<const std::uint32_t>
      seq_start;  // [B + 1]; sequence b is rows [seq_start[b], seq_start[b+1])

  std::size_t tokens() const { return ids.size(); }
  std::size_t sequences() const { return seq_start.size() - 1; }
};

}  // namespace crossrank::model
