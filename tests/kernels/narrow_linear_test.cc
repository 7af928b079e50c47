// Linear layers in bf16 and int8: the error against double, exact integers, rows that cannot be
// quantised, and that a row's bits depend on nothing but the row.
#include <algorithm>
#include <bit>
#include <limits>

#include "tests/kernels/linear_layer.h"

namespace crossrank::kernels {
namespace {

// The rotation of int8 in double, by its definition: in blocks of 16, 8, 4 and 2 groups of 16
// numbers the Hadamard matrix over the groups. Its own inverse.
std::vector<double> rotated(const float* row, std::size_t k) {
  constexpr std::size_t kGroup = 16;
  std::vector<double> out(row, row + k);
  std::size_t groups = 16;
  for (std::size_t begin = 0; groups > 1;) {
    if (begin + groups * kGroup > k) {
      groups /= 2;
      continue;
    }
    for (std::size_t i = 0; i < groups * kGroup; ++i) {
      double sum = 0;
      for (std::size_t g = 0; g < groups; ++g) {
        const double x{row[begin + g * kGroup + i % kGroup]};
        sum += std::popcount(g & (i / kGroup)) % 2 == 0 ? x : -x;
      }
      out[begin + i] = sum / std::sqrt(static_cast<double>(groups));
    }
    begin += groups * kGroup;
  }
  return out;
}

// Rows that are `values` once they are rotated; exact where no block has 8 or 2 groups.
std::vector<float> before_rotation(const std::vector<float>& values, std::size_t k) {
  std::vector<float> out;
  for (std::size_t begin = 0; begin < values.size(); begin += k) {
    for (const double x : rotated(&values[begin], k)) out.push_back(static_cast<float>(x));
  }
  return out;
}

class NarrowLinearTest : public LinearLayerTest {
 protected:
  const LinearKernels& linear() const override { return kernels().linear; }
  float highest_input() const override { return 3; }
  bool int8() const { return kernels().arithmetic == Arithmetic::kInt8; }

  // What rounding inputs and weights to the table's arithmetic may change of one output, what
  // float32 sums may on top, and the error of the coarse GELU.
  double bound(const float* x, const float* w, float bias, std::size_t k,
               Epilogue epilogue) const override {
    const std::vector<double> xs = int8() ? rotated(x, k) : std::vector<double>(x, x + k);
    const std::vector<double> ws = int8() ? rotated(w, k) : std::vector<double>(w, w + k);
    double low = 0, high = 0, largest = 0;
    for (std::size_t i = 0; i < k; ++i) {
      low = std::min(low, xs[i]);
      high = std::max(high, xs[i]);
      largest = std::max(largest, std::abs(ws[i]));
    }
    const double step_x = (high - low) / 255;  // half of it, and as much again at the clamp
    const double step_w = largest / 127;
    double sum = 0, norm = std::abs(double{bias});
    for (std::size_t i = 0; i < k; ++i) {
      const double xi = std::abs(xs[i]), wi = std::abs(ws[i]);
      const double error_x = int8() ? step_x : xi * 0x1p-8;
      const double error_w = int8() ? step_w / 2 : wi * 0x1p-8;
      sum += error_x * wi + error_w * xi + error_x * error_w;
      norm += xi * wi;
    }
    const double coarse = epilogue == Epilogue::kGelu ? 1.4e-4 : 0;
    return 1.13 * (sum + (static_cast<double>(k) + 8) * kEps * norm) + coarse + 1e-30;
  }
};

TEST_P(NarrowLinearTest, EverySizeAroundTheBlocks) { check_sizes_around_blocks(67); }

TEST_P(NarrowLinearTest, MisalignedPointers) { check_misaligned_pointers(); }

TEST_P(NarrowLinearTest, EveryEpilogueOnRealSizes) { check_every_epilogue(); }

// K = 0 leaves the bias alone, in float32: the epilogue by itself.
TEST_P(NarrowLinearTest, TheCoarseGeluKeepsItsBound) {
  const std::size_t n = 100001;
  std::vector<float> bias(n);
  for (std::size_t i = 0; i < n; ++i) bias[i] = (static_cast<float>(i) - 50000) * 3e-4F;
  bias[0] = -1e30F;
  bias[n - 1] = 1e30F;
  std::vector<float> y(n);
  LinearCall call(linear(), 1, n, 0);
  call.pack(nullptr);
  call.args.epilogue = Epilogue::kGelu;
  call.run(nullptr, bias.data(), y.data());
  for (std::size_t i = 0; i < n; ++i) {
    const double expected = reference::epilogue(Epilogue::kGelu, double{bias[i]});
    ASSERT_NEAR(y[i], expected, 1.4e-4) << bias[i];
  }
}

TEST_P(NarrowLinearTest, ARowHasTheSameBitsInAnyBatchAndColumnRange) {
  const std::size_t block = kernels().linear_block;
  const std::size_t n = 2 * block + 3;
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
  std::vector<float> alone(n - block);
  call.args.m = 1;
  call.args.n_begin = block;
  for (std::size_t i = 0; i < m; ++i) {
    call.run(x.data() + i * k, bias.data(), alone.data());
    EXPECT_EQ(
        0, std::memcmp(alone.data(), together.data() + i * n + block, alone.size() * sizeof(float)))
        << i;
  }
}

// Of every kind of block that the rotation knows, and numbers behind the last.
TEST_P(NarrowLinearTest, EveryKindOfBlock) {
  for (const std::size_t k : {96UL, 128UL, 255UL, 256UL, 257UL, 499UL, 1280UL})
    check(kernels().row_block + 1, kernels().linear_block + 1, k, 1, Epilogue::kNone);
}

// One input 100 times the others takes their steps, but for the rotation, which makes it 16 of a
// quarter and of both signs: half the range, and half the error.
TEST_P(NarrowLinearTest, Int8SharesAnOutlierOut) {
  if (!int8()) return;
  const std::size_t m = 16;
  const std::size_t n = 64;
  const std::size_t k = 256;
  Random random(12);
  std::vector<float> x = random.floats(m * k);
  for (std::size_t i = 0; i < m; ++i) x[i * k + 11 * i] = 100;
  const std::vector<float> w = random.floats(n * k);
  const std::vector<float> bias(n, 0.0F);
  std::vector<float> y(m * n);
  LinearCall call(linear(), m, n, k);
  call.pack(w.data());
  call.run(x.data(), bias.data(), y.data());
  const std::vector<double> expected = reference::linear(x, w, bias, m, n, k, Epilogue::kNone);
  double squares = 0;
  for (std::size_t i = 0; i < m * n; ++i) squares += (y[i] - expected[i]) * (y[i] - expected[i]);
  const double rms = std::sqrt(squares / (m * n));
  // Steps of 101 / 255 for inputs, uniform errors of half a step, weights of mean square 1 / 3.
  const double unrotated = 101.0 / 255 * std::sqrt(k / 36.0);
  EXPECT_LT(rms, 0.7 * unrotated);
}

// A number rounded to the step beside it on one instruction set would be off by far more.
TEST_P(NarrowLinearTest, Int8IsTheSameOnEveryInstructionSet) {
  if (!int8()) return;
  const std::size_t m = 9;
  const std::size_t n = 50;
  const std::size_t k = 499;
  Random random(13);
  const std::vector<float> x = random.floats(m * k, -1, 3);
  const std::vector<float> w = random.floats(n * k);
  const std::vector<float> bias = random.floats(n);
  std::vector<std::vector<float>> results;
  for (const KernelTable* table : {&kernels(), available_kernels(Arithmetic::kInt8).back()}) {
    LinearCall call(table->linear, m, n, k);
    call.pack(w.data());
    results.emplace_back(m * n);
    call.run(x.data(), bias.data(), results.back().data());
  }
  for (std::size_t i = 0; i < m * n; ++i) EXPECT_NEAR(results[0][i], results[1][i], 1e-5) << i;
}

// Inputs 0..255 have the step 1, and so have weights whose largest is 127: nothing is rounded, and
// the sum must be the integer that it is. 255 * 127 twice is more than 16 bits hold, which is what
// the byte product of AVX2 saturates at.
TEST_P(NarrowLinearTest, Int8SumsHoldTheMostInputs) {
  if (!int8()) {
    EXPECT_EQ(linear().max_k, 0u);
    return;
  }
  const std::size_t k = linear().max_k;
  EXPECT_EQ(k, 66311u);  // 255 * 127 * k is just below 2^31
  const std::vector<float> x = before_rotation(std::vector<float>(k, 255.0F), k);
  std::vector<float> w(2 * k, 127.0F);
  std::fill_n(w.begin() + static_cast<std::ptrdiff_t>(k), k, -127.0F);
  w = before_rotation(w, k);
  const std::vector<float> bias(2, 0.0F);
  std::vector<float> y(2);
  LinearCall call(linear(), 1, 2, k);
  call.pack(w.data());
  call.run(x.data(), bias.data(), y.data());
  EXPECT_EQ(y[0], static_cast<float>(255.0 * 127.0 * static_cast<double>(k)));
  EXPECT_EQ(y[1], -y[0]);
}

TEST_P(NarrowLinearTest, Int8SumsAreExactAtTheExtremes) {
  if (!int8()) return;
  const std::size_t n = kernels().linear_block + 1;
  for (const std::size_t k : {1UL, 2UL, 3UL, 4UL, 5UL, 64UL, 256UL, 340UL}) {
    const std::size_t m = 4;
    std::vector<float> x(m * k);
    std::vector<float> w(n * k);
    for (std::size_t i = 0; i < k; ++i) {
      x[i] = 255;                  // the largest sums
      x[k + i] = i % 2 ? 255 : 0;  // and whole pairs of them
      x[2 * k + i] = i == 0 ? 255 : static_cast<float>(i % 256);
      x[3 * k + i] = i % 3 ? -128 : 127;  // both signs: zero point 128
      for (std::size_t j = 0; j < n; ++j) {
        w[j * k + i] = i == 0 || j == 0 ? 127 : static_cast<float>((i * 31 + j * 17) % 255) - 127;
        if (j == 1) w[j * k + i] = -127;
      }
    }
    if (k >= 3) x[3 * k] = 127, x[3 * k + 1] = -128;
    const std::vector<float> bias(n, 0.0F);
    std::vector<float> y(m * n);
    LinearCall call(linear(), m, n, k);
    call.pack(before_rotation(w, k).data());
    call.run(before_rotation(x, k).data(), bias.data(), y.data());
    for (std::size_t i = 0; i < (k >= 3 ? m : 1); ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::size_t l = 0; l < k; ++l) sum += double{x[i * k + l]} * double{w[j * k + l]};
        EXPECT_EQ(y[i * n + j], sum) << "k=" << k << " row " << i << " column " << j;
      }
    }
  }
}

// One huge input takes all of a row's steps: the others round to 0, and the result is still within
// the bound. NaN, infinity, a range without an inverse and numbers whose sum overflows make their
// own row NaN and no other.
TEST_P(NarrowLinearTest, AdversarialRowsAreNeverWrongSilently) {
  const std::size_t n = kernels().linear_block + 2;
  const std::size_t k = 293;  // blocks of 16 and of 2 groups, and 5 numbers behind them
  const float infinity = std::numeric_limits<float>::infinity();
  Random random(9);
  const std::vector<float> w = random.floats(n * k);
  const std::vector<float> bias = random.floats(n);
  std::vector<float> x = random.floats(9 * k);
  std::fill_n(x.begin(), k, 0.0F);  // a row of zeros: the bias
  x[1 * k + 5] = 1e6F;              // one huge input
  x[2 * k + k - 1] = infinity;      // in the tail of the vector loop
  x[3 * k] = std::numeric_limits<float>::quiet_NaN();
  x[4 * k + 20] = -infinity;
  x[5 * k + 7] = std::numeric_limits<float>::quiet_NaN();  // smaller lanes follow it
  for (std::size_t i = 0; i < k; ++i) x[6 * k + i] = 1e-38F;
  if (int8()) x[8 * k + 3] = x[8 * k + 19] = std::numeric_limits<float>::max();
  std::vector<float> y(9 * n);
  LinearCall call(linear(), 9, n, k);
  call.pack(w.data());
  call.run(x.data(), bias.data(), y.data());
  for (std::size_t j = 0; j < n; ++j) {
    EXPECT_EQ(y[j], bias[j]);
    EXPECT_NEAR(y[6 * n + j], bias[j], 1e-30);
    for (const std::size_t row : {2UL, 3UL, 4UL, 5UL}) {
      EXPECT_FALSE(std::isfinite(y[row * n + j])) << "row " << row << " column " << j;
    }
    EXPECT_EQ(std::isfinite(y[8 * n + j]), !int8()) << j;
    for (const std::size_t row : {1UL, 7UL}) {
      double sum = double{bias[j]};
      for (std::size_t l = 0; l < k; ++l) sum += double{x[row * k + l]} * double{w[j * k + l]};
      EXPECT_NEAR(y[row * n + j], sum, bound(&x[row * k], &w[j * k], bias[j], k, Epilogue::kNone))
          << row;
    }
  }
}

// Finite weights whose rotation overflows, to infinity and to NaN: their output is NaN, not a
// number.
TEST_P(NarrowLinearTest, Int8WeightsThatOverflowAreNotZeros) {
  if (!int8()) return;
  const std::size_t k = 256;
  const float most = std::numeric_limits<float>::max();
  std::vector<float> w(3 * k, 1.0F);
  w[0] = w[16] = most;
  for (std::size_t i = 0; i < 16; ++i) w[k + 16 * i] = i % 4 == 3 ? -most : most;
  const std::vector<float> x(k, 1.0F);
  const std::vector<float> bias(3, 0.0F);
  std::vector<float> y(3);
  LinearCall call(linear(), 1, 3, k);
  call.pack(w.data());
  call.run(x.data(), bias.data(), y.data());
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_NEAR(y[2], 256, 1e-3);
}

INSTANTIATE_TEST_SUITE_P(Bf16, NarrowLinearTest,
                         testing::ValuesIn(available_kernels(Arithmetic::kBf16)),
                         [](const auto& test) { return name_of(*test.param); });
INSTANTIATE_TEST_SUITE_P(Int8, NarrowLinearTest,
                         testing::ValuesIn(available_kernels(Arithmetic::kInt8)),
                         [](const auto& test) { return name_of(*test.param); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NarrowLinearTest);  // a CPU without AVX-512 BF16

}  // namespace
}  // namespace crossrank::kernels
