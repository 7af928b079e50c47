// Linear layers in float32: sizes around every block boundary, misaligned pointers, partial
// columns.
#include <algorithm>

#include "kernels/reference.h"
#include "tests/kernels/kernel_test.h"

namespace crossrank::kernels {
namespace {

class LinearTest : public KernelTest {
 protected:
  // The rounding error of a chain of K products and sums is at most (K + 2) eps sum |x||w| (+
  // bias); gelu's slope is at most 1.13 and its own error 2^-22.6 |y|.
  static double bound(const std::vector<float>& x, const std::vector<float>& w, float bias,
                      std::size_t i, std::size_t j, std::size_t k) {
    double norm = std::abs(double{bias});
    for (std::size_t l = 0; l < k; ++l)
      norm += std::abs(double{x[i * k + l]} * double{w[j * k + l]});
    return (static_cast<double>(k) + 8) * kEps * 1.13 * norm + 1e-30;
  }

  void check(std::size_t m, std::size_t n, std::size_t k, std::size_t misalign, Epilogue epilogue) {
    Random random(m * 1000003 + n * 1009 + k * 31 + misalign);
    const std::vector<float> x = random.floats(m * k);
    const std::vector<float> w = random.floats(n * k);
    const std::vector<float> bias = random.floats(n);
    Guarded gx(x, misalign);
    Guarded gb(bias, misalign);
    Guarded gy(m * n, misalign);
    LinearCall call(kernels().linear_fp32, m, n, k);
    call.pack(w.data());
    call.args.epilogue = epilogue;
    call.run(gx.data(), gb.data(), gy.data());
    ASSERT_TRUE(gy.intact()) << "wrote outside y: m=" << m << " n=" << n << " k=" << k;
    const std::vector<double> expected = reference::linear(x, w, bias, m, n, k, epilogue);
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        ASSERT_NEAR(gy.data()[i * n + j], expected[i * n + j], bound(x, w, bias[j], i, j, k))
            << "m=" << m << " n=" << n << " k=" << k << " row " << i << " column " << j << " "
            << name_of(epilogue);
      }
    }
  }
};

TEST_P(LinearTest, EverySizeAroundTheBlocks) {
  const std::size_t rows = kernels().row_block;
  const std::size_t columns = kernels().linear_block;
  for (std::size_t m = 0; m <= 2 * rows + 1; ++m) {
    for (std::size_t n = 1; n <= 2 * columns + 1; n += n < columns - 2 ? 5 : 1)
      check(m, n, 7, 0, Epilogue::kNone);
  }
  for (std::size_t k = 0; k <= 33; ++k) check(rows + 1, columns + 1, k, 0, Epilogue::kNone);
}

TEST_P(LinearTest, MisalignedPointers) {
  for (std::size_t misalign = 0; misalign < 16; ++misalign) {
    check(kernels().row_block + 3, kernels().linear_block + 5, 19, misalign, Epilogue::kGelu);
  }
}

TEST_P(LinearTest, EveryEpilogueOnRealSizes) {
  for (const Epilogue e : {Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh, Epilogue::kRelu,
                           Epilogue::kSilu, Epilogue::kTanh}) {
    check(11, 100, 384, 0, e);
  }
}

TEST_P(LinearTest, AColumnRangeGivesTheSameBitsAtItsOwnOrigin) {
  const std::size_t block = kernels().linear_block;
  const std::size_t n = 3 * block + 5;
  const std::size_t k = 23;
  const std::size_t m = kernels().row_block + 2;
  Random random(5);
  const std::vector<float> x = random.floats(m * k);
  const std::vector<float> w = random.floats(n * k);
  const std::vector<float> bias = random.floats(n);
  LinearCall call(kernels().linear_fp32, m, n, k);
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
  LinearCall call(kernels().linear_fp32, m, n, k);
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
    LinearCall from_half(kernels().linear_fp32, 1, n, k);
    from_half.pack(bytes.data() + 1, type);
    LinearCall from_float(kernels().linear_fp32, 1, n, k);
    from_float.pack(values.data());
    EXPECT_EQ(0, std::memcmp(from_half.packed().data(), from_float.packed().data(),
                             from_float.packed().size()));
  }
}

CROSSRANK_FOR_EVERY_TABLE(LinearTest);

}  // namespace
}  // namespace crossrank::kernels
