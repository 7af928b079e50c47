// Workspace: every intermediate buffer of one forward pass, grown on demand and reused.
#pragma once

#include <cstddef>

#include "base/aligned_buffer.h"

namespace crossrank::model {

// One forward pass at a time may use a Workspace. Buffers grow to the largest batch seen, which the
// batcher bounds by its token budget.
class Workspace {
 public:
  // A buffer of at least `floats`, contents undefined. Slot numbers are the forward pass's own.
  float* get(std::size_t slot, std::size_t floats) {
    base::AlignedBuffer<float>& buffer = buffers_[slot];
    if (buffer.size() < floats) {
      buffer = base::AlignedBuffer<float>();  // free first: the peak is what counts
      buffer = base::AlignedBuffer<float>(floats);
    }
    return buffer.data();
  }

  static constexpr std::size_t kSlots = 9;

 private:
  base::AlignedBuffer<float> buffers_[kSlots];
};

}  // namespace crossrank::model
