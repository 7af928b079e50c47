// add_layer_norm, add_row, all_finite.
#include <limits>

#include "kernels/reference.h"
#include "tests/kernels/kernel_test.h"

namespace crossrank::kernels {
namespace {

class RowsTest : public KernelTest {};

TEST_P(RowsTest, LayerNormOnEveryWidth) {
  for (std::size_t h = 1; h <= 67; ++h) {
    for (const bool with_residual : {false, true}) {
      const std::size_t m = 3;
      Random random(h);
      const std::vector<float> x = random.floats(m * h, -3, 5);
      const std::vector<float> residual =
          with_residual ? random.floats(m * h) : std::vector<float>();
      const std::vector<float> gamma = random.floats(h, 0.5F, 2);
      const std::vector<float> beta = random.floats(h);
      const std::size_t misalign = h % 16;
      Guarded gx(x, misalign);
      Guarded out(m * h, misalign);
      kernels().add_layer_norm(gx.data(), with_residual ? residual.data() : nullptr, gamma.data(),
                               beta.data(), 1e-12F, m, h, out.data());
      ASSERT_TRUE(out.intact()) << h;
      const std::vector<double> expected =
          reference::add_layer_norm(x, residual, gamma, beta, 1e-12, m, h);
      // |x - mean| / deviation <= sqrt(H); the mean's error is H eps max|x| <= 6 H eps, the
      // deviation is above 0.05 for these data (H = 1 gives beta alone): generous, and far below
      // any real bug.
      const double tolerance = 400 * static_cast<double>(h + 4) * kEps;
      for (std::size_t i = 0; i < m * h; ++i) {
        if (h == 1) {
          ASSERT_EQ(out.data()[i], beta[0]);
        } else if (h > 2) {  // with H = 2 the deviation may be arbitrarily small
          ASSERT_NEAR(out.data()[i], expected[i], tolerance) << "H " << h << " element " << i;
        }
      }
      // In place gives the same bits.
      kernels().add_layer_norm(gx.data(), with_residual ? residual.data() : nullptr, gamma.data(),
                               beta.data(), 1e-12F, m, h, gx.data());
      ASSERT_EQ(0, std::memcmp(gx.data(), out.data(), m * h * sizeof(float)));
    }
  }
}

TEST_P(RowsTest, LayerNormSurvivesALargeMean) {
  // E[x^2] - E[x]^2 would lose everything here.
  const std::size_t h = 384;
  Random random(9);
  std::vector<float> x = random.floats(h);
  for (float& f : x) f = f + 1000;
  const std::vector<float> gamma(h, 1);
  const std::vector<float> beta(h, 0);
  std::vector<float> out(h);
  kernels().add_layer_norm(x.data(), nullptr, gamma.data(), beta.data(), 1e-12F, 1, h, out.data());
  const std::vector<double> expected = reference::add_layer_norm(x, {}, gamma, beta, 1e-12, 1, h);
  for (std::size_t i = 0; i < h; ++i) ASSERT_NEAR(out[i], expected[i], 1e-3);
}

TEST_P(RowsTest, AddRowAddsEveryTypeExactly) {
  for (std::size_t h = 1; h <= 600; h += h < 40 ? 1 : 97) {
    std::vector<std::uint16_t> bf16(h);
    std::vector<std::uint16_t> f16(h);
    std::vector<float> f32(h);
    for (std::size_t i = 0; i < h; ++i) {  // small integers: exact in every type
      f32[i] = static_cast<float>(static_cast<int>(i % 64) - 32);
      std::uint32_t bits;
      std::memcpy(&bits, &f32[i], sizeof(bits));
      bf16[i] = static_cast<std::uint16_t>(bits >> 16);
      const std::uint32_t exponent = (bits >> 23 & 0xFF) == 0 ? 0 : (bits >> 23 & 0xFF) - 112;
      f16[i] =
          static_cast<std::uint16_t>((bits >> 16 & 0x8000) | exponent << 10 | (bits >> 13 & 0x3FF));
    }
    for (const auto& [data, type] :
         {std::pair<const void*, WeightType>{f32.data(), WeightType::kF32},
          {f16.data(), WeightType::kF16},
          {bf16.data(), WeightType::kBF16}}) {
      Guarded out(std::vector<float>(h, 0.5F), 1);
      kernels().add_row(data, type, h, out.data());
      ASSERT_TRUE(out.intact());
      for (std::size_t i = 0; i < h; ++i) ASSERT_EQ(out.data()[i], f32[i] + 0.5F) << h << " " << i;
    }
  }
}

TEST_P(RowsTest, AllFiniteFindsOneBadValueAnywhere) {
  const std::size_t n = 71;
  for (std::size_t bad = 0; bad < n; ++bad) {
    for (const float value :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity()}) {
      std::vector<float> f32(n, std::numeric_limits<float>::max());
      EXPECT_TRUE(kernels().all_finite(f32.data(), WeightType::kF32, n));
      f32[bad] = value;
      EXPECT_FALSE(kernels().all_finite(f32.data(), WeightType::kF32, n)) << bad;
    }
    for (const auto& [type, infinity, largest] :
         {std::tuple<WeightType, std::uint16_t, std::uint16_t>{WeightType::kF16, 0x7C00, 0x7BFF},
          {WeightType::kBF16, 0xFF80, 0x7F7F}}) {
      std::vector<std::uint16_t> half(n, largest);
      EXPECT_TRUE(kernels().all_finite(half.data(), type, n));
      half[bad] = infinity;
      EXPECT_FALSE(kernels().all_finite(half.data(), type, n)) << bad;
    }
  }
}

CROSSRANK_FOR_EVERY_TABLE(RowsTest);

}  // namespace
}  // namespace crossrank::kernels
