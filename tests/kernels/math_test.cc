// The polynomials of ops/math-inl.h against double precision, through a 1 x 1 linear layer.
#include <limits>

#include "kernels/reference.h"
#include "tests/kernels/kernel_test.h"

namespace crossrank::kernels {
namespace {

class MathTest : public KernelTest {
 protected:
  // epilogue(x) for each x: K = 1, weight 1, bias 0, so the layer computes fma(x, 1, 0) exactly.
  std::vector<float> apply(Epilogue epilogue, const std::vector<float>& x) {
    const float one = 1;
    const float zero = 0;
    std::vector<float> y(x.size());
    LinearCall call(kernels().linear_fp32, x.size(), 1, 1);
    call.pack(&one);
    call.args.epilogue = epilogue;
    call.run(x.data(), &zero, y.data());
    return y;
  }

  // Every 1,487th float32 of [-limit, limit]: all exponents from subnormal on, some 5,600 mantissas
  // (2^23 / 1487) in each, both signs. The step is prime, so the low bits vary too.
  static std::vector<float> sweep(float limit) {
    std::vector<float> x;
    std::uint32_t top;
    std::memcpy(&top, &limit, sizeof(top));
    for (std::uint32_t bits = 0; bits <= top; bits += 1487) {
      float f;
      std::memcpy(&f, &bits, sizeof(f));
      x.push_back(f);
      x.push_back(-f);
    }
    return x;
  }

  // max |got - expected| / scale(x), with the worst x in the failure's text.
  template <typename Scale>
  void expect_error_below(Epilogue epilogue, float limit, double bound, const Scale& scale) {
    const std::vector<float> x = sweep(limit);
    const std::vector<float> y = apply(epilogue, x);
    double worst = 0;
    float at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = reference::epilogue(epilogue, double{x[i]});
      const double error = std::abs(double{y[i]} - expected) / scale(double{x[i]}, expected);
      if (!(error <= worst)) worst = error, at = x[i];
    }
    EXPECT_LE(worst, bound) << name_of(epilogue) << " of " << at << ": 2^" << std::log2(worst);
    RecordProperty(name_of(epilogue) + "_worst_error", std::to_string(std::log2(worst)));
  }
};

constexpr double kTiny = 1e-37;  // below it float32 is subnormal and relative error means nothing

TEST_P(MathTest, GeluErrorIsBelowTheStatedBound) {
  expect_error_below(Epilogue::kGelu, 50, std::exp2(-22.6),
                     [](double x, double) { return std::abs(x) + kTiny; });
}

TEST_P(MathTest, TanhErrorIsBelowTheStatedBound) {
  expect_error_below(Epilogue::kTanh, 50, std::exp2(-23), [](double, double) { return 1.0; });
  // and relative to the value, for small arguments
  expect_error_below(Epilogue::kTanh, 0.5, std::exp2(-22.5),
                     [](double, double y) { return std::abs(y) + kTiny; });
}

TEST_P(MathTest, GeluTanhErrorIsSmall) {
  // x^3 rounds three times before tanh, whose slope is at most 1 there: some units of 2^-22.
  expect_error_below(Epilogue::kGeluTanh, 50, std::exp2(-21.5),
                     [](double x, double) { return std::abs(x) + kTiny; });
}

TEST_P(MathTest, SiluErrorIsSmall) {
  // silu(x) = x / (1 + e^-x); an exp with relative error 2^-22.9, a sum and a quotient.
  expect_error_below(Epilogue::kSilu, 80, std::exp2(-21.5),
                     [](double, double y) { return std::abs(y) + kTiny; });
}

TEST_P(MathTest, ReluIsExact) {
  expect_error_below(Epilogue::kRelu, 1e30F, 0,
                     [](double x, double) { return std::abs(x) + kTiny; });
}

TEST_P(MathTest, HugeArgumentsStayFinite) {
  const float huge = std::numeric_limits<float>::max();
  for (const Epilogue e : {Epilogue::kGelu, Epilogue::kTanh, Epilogue::kSilu}) {
    const std::vector<float> y = apply(e, {huge, -huge, 1e30F, -1e30F, 1000, -1000});
    const bool saturates = e == Epilogue::kTanh;
    EXPECT_EQ(y[0], saturates ? 1.0F : huge) << name_of(e);
    EXPECT_EQ(y[2], saturates ? 1.0F : 1e30F) << name_of(e);
    EXPECT_EQ(y[4], saturates ? 1.0F : 1000.0F) << name_of(e);
    EXPECT_NEAR(y[5], saturates ? -1.0F : 0.0F, 1e-18F) << name_of(e);
  }
}

TEST_P(MathTest, NanStaysNan) {
  for (const Epilogue e : {Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh, Epilogue::kRelu,
                           Epilogue::kSilu, Epilogue::kTanh}) {
    const std::vector<float> y = apply(e, {std::numeric_limits<float>::quiet_NaN(), 1});
    EXPECT_TRUE(std::isnan(y[0])) << name_of(e);
    EXPECT_TRUE(std::isfinite(y[1])) << name_of(e);
  }
}

CROSSRANK_FOR_EVERY_TABLE(MathTest);

}  // namespace
}  // namespace crossrank::kernels
