// Fixture of the kernel tests: one instance per kernel table, named after its ISA and arithmetic.
// Test data helpers.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/dispatch.h"

namespace crossrank::kernels {

class KernelTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  const KernelTable& kernels() const { return *GetParam(); }
};

// NOLINTNEXTLINE: GoogleTest's own spelling
#define CROSSRANK_FOR_EVERY_TABLE(suite)                                         \
  INSTANTIATE_TEST_SUITE_P(Table, suite, testing::ValuesIn(available_kernels()), \
                           [](const auto& test) { return name_of(*test.param); })

inline std::string name_of(const KernelTable& table) {
  return std::string(table.name) + "_" + name_of(table.arithmetic);
}

// One call of `kernels` on whole matrices: x [m, k] and y [m, n] with leading dimensions k and n.
class LinearCall {
 public:
  LinearCall(const LinearKernels& kernels, std::size_t m, std::size_t n, std::size_t k)
      : kernels_(kernels),
        packed_(kernels.packed_bytes(n, k)),
        scratch_(kernels.scratch_bytes(m, k)) {
    if (packed_.size() != 0) std::memset(packed_.data(), 0, packed_.size());
    args.m = m;
    args.k = k;
    args.n_end = n;
    args.ldx = k;
    args.ldy = n;
    args.packed = packed_.data();
    args.scratch = scratch_.data();
  }
  void pack(const void* w, WeightType type = WeightType::kF32) {
    kernels_.pack(w, type, args.n_end, args.k, 0, packed_.data());
  }
  void run(const float* x, const float* bias, float* y) {
    args.x = x;
    args.bias = bias;
    args.y = y;
    kernels_.run(&args);
  }
  const base::AlignedBuffer<char>& packed() const { return packed_; }

  LinearArgs args = {};

 private:
  const LinearKernels& kernels_;
  base::AlignedBuffer<char> packed_;
  base::AlignedBuffer<char> scratch_;
};

// splitmix64: the same numbers on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  float uniform(float low, float high) {
    return low + (high - low) * static_cast<float>(bits() >> 40) * 0x1p-24F;
  }
  std::vector<float> floats(std::size_t n, float low = -1, float high = 1) {
    std::vector<float> out(n);
    for (float& f : out) f = uniform(low, high);
    return out;
  }

 private:
  std::uint64_t state_;
};

// A copy of `values` at `misalign` floats behind a 64-byte boundary, between guards that must
// survive.
class Guarded {
 public:
  static constexpr std::size_t kGuard = 16;
  static constexpr float kMark = -7777.75F;

  Guarded(const std::vector<float>& values, std::size_t misalign)
      : storage_(values.size() + 2 * kGuard + 32, kMark), size_(values.size()) {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data() + kGuard);
    offset_ = kGuard + (64 - address % 64) % 64 / sizeof(float) + misalign;
    if (size_ != 0) std::memcpy(data(), values.data(), size_ * sizeof(float));
  }
  Guarded(std::size_t n, std::size_t misalign) : Guarded(std::vector<float>(n, kMark), misalign) {}

  float* data() { return storage_.data() + offset_; }
  bool intact() const {
    for (std::size_t i = 0; i < storage_.size(); ++i) {
      const bool inside = i >= offset_ && i < offset_ + size_;
      if (!inside && storage_[i] != kMark) return false;
    }
    return true;
  }

 private:
  std::vector<float> storage_;
  std::size_t size_;
  std::size_t offset_ = 0;
};

inline constexpr double kEps = 0x1p-24;  // unit roundoff of float32

inline std::string name_of(Epilogue e) {
  constexpr const char* kNames[] = {"none", "gelu", "gelu_tanh", "relu", "silu", "tanh"};
  return kNames[static_cast<int>(e)];
}

}  // namespace crossrank::kernels
