// Linear layers in float32: sizes around every block boundary, misaligned pointers, partial
// columns.
#include <algorithm>

#include "tests/kernels/linear_layer.h"

namespace crossrank::kernels {
namespace {

class LinearTest : public LinearLayerTest {
 protected:
  const LinearKernels& linear() const override { return kernels().linear_fp32; }
  float highest_input() const override { return 1; }

  // The rounding error of a chain of K products and sums is at most (K + 2) eps sum |x||w| (+
  // bias); gelu's slope is at most 1.13 and its own error 2^-22.6 |y|.
  double bound(const float* x, const float* w, float bias, std::size_t k, Epilogue) const override {
    double norm = std::abs(double{bias});
    for (std::size_t l = 0; l < k; ++l) norm += std::abs(double{x[l]} * double{w[l]});
    return (static_cast<double>(k) + 8) * kEps * 1.13 * norm + 1e-30;
  }
};

TEST_P(LinearTest, EverySizeAroundTheBlocks) { check_sizes_around_blocks(33); }

TEST_P(LinearTest, MisalignedPointers) { check_misaligned_pointers(); }

TEST_P(LinearTest, EveryEpilogueOnRealSizes) { check_every_epilogue(); }

TEST_P(LinearTest, AColumnRangeGivesTheSameBitsAtItsOwnOrigin) {
  const std::size_t block = kernels().linear_block;
  const std::size_t n = 3 * block + 5;
  const std::size_t k = 23;
  const std::size_t m = kernels().row_block + 2;
  Random random(5);
  const std::vector<float> x = random.floats(m * k);
  const std::vector<float> w = random.floats(n * k);
  const std::vector<float> bias = random.floats(n);
  LinearCall call(linear(), m, n, k);
  call.pack(w.data());
  std::vector<float> whole(m * n);
  call.run(x.data(), bias.data(), whole.data());
  std::vector<float> part(m * (n - block));
  call.args.n_begin = block;
  call.args.ldy = n - block;
  call.run(x.data(), bias.data(), part.data());
  for (std::size_t i = 0; i < m; ++i) {
    EXPECT_TRUE(std::equal(part.begin() + i * (n - block), part.begin() + (i + 1) * (n - block),
                           whole.begin() + i * n + block));
  }
}

TEST_P(LinearTest, ARowHasTheSameBitsInAnyBatch) {
  const std::size_t n = kernels().linear_block + 3;
  const std::size_t k = 50;
  const std::size_t m = 3 * kernels().row_block + 1;
  Random random(6);
  const std::vector<float> x = random.floats(m * k);
  const std::vector<float> w = random.floats(n * k);
  const std::vector<float> bias = random.floats(n);
  LinearCall call(linear(), m, n, k);
  call.pack(w.data());
  call.args.epilogue = Epilogue::kGelu;
  std::vector<float> together(m * n);
  call.run(x.data(), bias.data(), together.data());
  std::vector<float> alone(n);
  call.args.m = 1;
  for (std::size_t i = 0; i < m; ++i) {
    call.run(x.data() + i * k, bias.data(), alone.data());
    EXPECT_EQ(0, std::memcmp(alone.data(), together.data() + i * n, n * sizeof(float))) << i;
  }
}

// float16 and bfloat16 numbers are exact in float32: packing them must give what packing their
// values gives. All 65,536 patterns but infinities and NaN, at an odd address.
TEST_P(LinearTest, HalfPrecisionWeightsAreConvertedExactly) {
  for (const WeightType type : {WeightType::kF16, WeightType::kBF16}) {
    std::vector<char> bytes(1);
    std::vector<float> values;
    for (std::uint32_t h = 0; h < 0x10000; ++h) {
      const int exponent_bits = type == WeightType::kF16 ? 5 : 8;
      const int mantissa_bits = 15 - exponent_bits;
      const int bias = (1 << (exponent_bits - 1)) - 1;
      const int exponent = static_cast<int>(h >> mantissa_bits) & ((1 << exponent_bits) - 1);
      const int mantissa = static_cast<int>(h) & ((1 << mantissa_bits) - 1);
      if (exponent == (1 << exponent_bits) - 1) continue;
      const double significand = exponent == 0 ? std::ldexp(mantissa, 1 - mantissa_bits)
                                               : 1 + std::ldexp(mantissa, -mantissa_bits);
      values.push_back(
          static_cast<float>(std::ldexp(h & 0x8000 ? -significand : significand, exponent - bias)));
      bytes.push_back(static_cast<char>(h & 0xFF));
      bytes.push_back(static_cast<char>(h >> 8));
    }
    const std::size_t k = 61;
    const std::size_t n = values.size() / k;
    values.resize(n * k);
    LinearCall from_half(linear(), 1, n, k);
    from_half.pack(bytes.data() + 1, type);
    LinearCall from_float(linear(), 1, n, k);
    from_float.pack(values.data());
    EXPECT_EQ(0, std::memcmp(from_half.packed().data(), from_float.packed().data(),
                             from_float.packed().size()));
  }
}

CROSSRANK_FOR_EVERY_TABLE(LinearTest);

}  // namespace
}  // namespace crossrank::kernels
