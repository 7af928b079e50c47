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
    Guarded scratch(kernels().attention_scratch(n_keys, d), 0);
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
    kernels().attention(&args);
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
    // A score is off by at most (D + 4) eps * scale * sum |q||k| <= (D + 4) eps sqrt(D) spread^2;
    // that is the relative error of each weight, twice (numerator and sum), and the sums over
    // n_keys add (n_keys + 8) eps. |v| <= 1.
    const double dd = static_cast<double>(d);
    const double tolerance = (2 * (dd + 4) * std::sqrt(dd) * double{spread} * double{spread} +
                              2 * (static_cast<double>(n_keys) + 8)) *
                             kEps;
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], expected[i], tolerance)
          << "queries " << n_queries << " keys " << n_keys << " D " << d << " element " << i;
    }
  }
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
  for (std::size_t i = 0; i < d; ++i) EXPECT_EQ(got[i], v[3 * d + i]);
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
