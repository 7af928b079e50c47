// attention: head sizes and lengths that are no multiple of anything, extreme scores, row
// invariance.
#include <algorithm>
#include <limits>

#include "kernels/reference.h"
#include "tests/kernels/kernel_test.h"

namespace crossrank::kernels {
namespace {

class AttentionTest : public KernelTest {
 protected:
  // out [n_queries, D] with q, k, v interleaved as in a packed QKV row of `stride` floats.
  std::vector<float> run(const std::vector<float>& q, const std::vector<float>& k,
                         const std::vector<float>& v, std::size_t n_queries, std::size_t n_keys,
                         std::size_t d, float scale) {
    const std::size_t stride = 3 * d + 5;
    std::vector<float> qkv(std::max(n_queries, n_keys) * stride, Guarded::kMark);
    for (std::size_t i = 0; i < n_queries; ++i) std::copy_n(&q[i * d], d, &qkv[i * stride]);
    for (std::size_t i = 0; i < n_keys; ++i) {
      std::copy_n(&k[i * d], d, &qkv[i * stride + d]);
      std::copy_n(&v[i * d], d, &qkv[i * stride + 2 * d]);
    }
    Guarded out(n_queries * d, 3);
    Guarded scratch(kernels().attention.scratch_floats(n_keys, d), 0);
    AttentionArgs args = {};
    args.q = qkv.data();
    args.k = qkv.data() + d;
    args.v = qkv.data() + 2 * d;
    args.ldq = args.ldkv = stride;
    args.n_queries = n_queries;
    args.n_keys = n_keys;
    args.head_size = d;
    args.scale = scale;
    args.out = out.data();
    args.ldo = d;
    args.scratch = scratch.data();
    kernels().attention.run(&args);
    EXPECT_TRUE(out.intact()) << "wrote outside out: " << n_queries << " " << n_keys << " " << d;
    EXPECT_TRUE(scratch.intact()) << "wrote outside scratch: " << n_keys << " " << d;
    return std::vector<float>(out.data(), out.data() + n_queries * d);
  }

  void check(std::size_t n_queries, std::size_t n_keys, std::size_t d, float spread) {
    Random random(n_queries * 7919 + n_keys * 131 + d);
    const std::vector<float> q = random.floats(n_queries * d, -spread, spread);
    const std::vector<float> k = random.floats(n_keys * d, -spread, spread);
    const std::vector<float> v = random.floats(n_keys * d);
    const float scale = 1 / std::sqrt(static_cast<float>(d));
    const std::vector<float> got = run(q, k, v, n_queries, n_keys, d, scale);
    const std::vector<double> expected =
        reference::attention(q, k, v, n_queries, n_keys, d, double{scale});
    double longest_key = 0;
    for (std::size_t j = 0; j < n_keys; ++j)
      longest_key = std::max(longest_key, norm(&k[j * d], d));
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double tolerance =
          bound(double{scale} * norm(&q[i / d * d], d) * longest_key, n_keys, d);
      ASSERT_NEAR(got[i], expected[i], tolerance)
          << "queries " << n_queries << " keys " << n_keys << " D " << d << " element " << i;
    }
  }

  static double norm(const float* x, std::size_t n) {
    double squares = 0;
    for (std::size_t i = 0; i < n; ++i) squares += double{x[i]} * double{x[i]};
    return std::sqrt(squares);
  }

  // How far an output may be off where |v| <= 1 and no score is above `score` = scale |q| |k|,
  // which bounds scale sum |q k| too. The score is off by at most (D + 5) eps of that, and in bf16
  // by 2 roundings of u = 2^-8 more; e to that is the relative error of each weight, twice
  // (numerator and sum). Weights in bf16 are off by u + 2^-13.7, twice, and values by u. Sums over
  // n_keys add (n_keys + 8) eps.
  double bound(double score, std::size_t n_keys, std::size_t d) const {
    const bool bf16 = kernels().attention.arithmetic == Arithmetic::kBf16;
    const double off = (static_cast<double>(d) + 5) * kEps + (bf16 ? 2 * kBf16Eps : 0);
    const double weights = bf16 ? 2 * (kBf16Eps + std::exp2(-13.7)) + kBf16Eps : 0;
    return std::expm1(2 * off * score) + weights + 2 * (static_cast<double>(n_keys) + 8) * kEps;
  }

  static constexpr double kBf16Eps = 0x1p-8;
};

TEST_P(AttentionTest, EveryLengthAroundTheBlocks) {
  for (std::size_t n = 1; n <= 2 * kernels().linear_block + 1; n += n < 20 ? 1 : 3)
    check(n, n, 32, 1);
  check(512, 512, 32, 1);
}

TEST_P(AttentionTest, EveryHeadSize) {
  for (std::size_t d = 1; d <= 70; ++d) check(5, 21, d, 1);
  check(9, 40, 128, 1);
}

TEST_P(AttentionTest, OneQueryOfMany) { check(1, 100, 64, 2); }

TEST_P(AttentionTest, LargeScoresPickOneKey) {
  // Scores of some thousands: softmax is one-hot, exp of the others underflows to exactly 0.
  const std::size_t d = 16;
  std::vector<float> q(d, 60);
  std::vector<float> k(5 * d, -60);
  std::fill_n(k.begin() + 3 * d, d, 60.0F);
  Random random(1);
  const std::vector<float> v = random.floats(5 * d);
  const std::vector<float> got = run(q, k, v, 1, 5, d, 1);
  const bool bf16 = kernels().attention.arithmetic == Arithmetic::kBf16;
  for (std::size_t i = 0; i < d; ++i) {
    const float v3 = v[3 * d + i];
    EXPECT_NEAR(got[i], v3, bf16 ? kBf16Eps * std::abs(v3) : 0) << i;
  }
}

TEST_P(AttentionTest, AQueryHasTheSameBitsInAnyCompany) {
  const std::size_t d = 32;
  const std::size_t n = 37;
  Random random(2);
  const std::vector<float> q = random.floats(n * d);
  const std::vector<float> k = random.floats(n * d);
  const std::vector<float> v = random.floats(n * d);
  const std::vector<float> together = run(q, k, v, n, n, d, 0.2F);
  for (std::size_t i = 0; i < n; ++i) {
    const std::vector<float> one(q.begin() + i * d, q.begin() + (i + 1) * d);
    const std::vector<float> alone = run(one, k, v, 1, n, d, 0.2F);
    EXPECT_EQ(0, std::memcmp(alone.data(), together.data() + i * d, d * sizeof(float))) << i;
  }
}

TEST_P(AttentionTest, NanAndInfinityAreNotHidden) {
  const std::size_t n = 21;
  const std::size_t d = 32;
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::size_t at : {0UL, 7UL, 20UL}) {  // in a whole vector of scores and in its tail
      Random random(at);
      const std::vector<float> q = random.floats(n * d);
      std::vector<float> k = random.floats(n * d);
      const std::vector<float> v = random.floats(n * d);
      k[at * d + 3] = bad;
      const std::vector<float> got = run(q, k, v, n, n, d, 0.1F);
      EXPECT_TRUE(std::any_of(got.begin(), got.end(), [](float f) { return std::isnan(f); })) << at;
    }
  }
}

CROSSRANK_FOR_EVERY_TABLE(AttentionTest);

}  // namespace
}  // namespace crossrank::kernels
