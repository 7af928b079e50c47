// exp, GELU, tanh, SiLU on vectors, by polynomials. Included once, inside an unnamed namespace.
// Coefficients: minimax fits in 50-digit arithmetic; the errors in the comments are those of the
// whole function in float32, measured by tests/kernels/math_test.cc against long double.

// e^x, relative error < 2^-22.9 where the result is a normal number; 0 below -87.33, e^88.3
// above 88.3.
inline Vec exp_v(Vec x) {
  // x = n ln2 + r, |r| <= ln2/2. Adding 1.5 * 2^23 rounds to an integer in the low mantissa bits.
  const Vec magic = set1(12582912.0f);
  const Vec clamped = min(max(x, set1(-87.33f)), set1(88.3f));
  const Vec n = sub(fma(clamped, set1(1.44269504f), magic), magic);
  // ln2 in two parts; the first has 11 trailing zero bits, so n * ln2_hi is exact for |n| < 2^11.
  Vec r = fma(n, set1(-0.693359375f), clamped);
  r = fma(n, set1(2.12194440e-4f), r);
  // e^r = 1 + r + r^2 p(r), truncation error 3.1e-9
  Vec p = fma(set1(1.38145965e-3f), r, set1(8.36871658e-3f));
  p = fma(p, r, set1(4.16683890e-2f));
  p = fma(p, r, set1(1.66665211e-1f));
  p = fma(p, r, set1(4.99999940e-1f));
  p = add(fma(mul(p, r), r, r), set1(1.0f));
  return select_less(x, set1(-87.33f), zero(), mul(p, exp2_int(n)));
}

// x * Phi(x), the exact (erf) GELU; absolute error < 2^-22.6 * |x|.
// Phi(-|x|) = exp(-q(|x|)) / 2 with q = -ln erfc(|x| / sqrt 2), a smooth function with q(0) = 0:
// one polynomial and one exp, no division, and the far tail keeps its relative accuracy, which 1 +
// erf(x) loses.
inline Vec gelu_v(Vec x) {
  const Vec t = min(abs(x), set1(10.0f));  // Phi(-10) = 8e-24
  Vec q = fma(set1(6.72668444e-9f), t, set1(-2.67000568e-7f));
  q = fma(q, t, set1(4.31785100e-6f));
  q = fma(q, t, set1(-3.58378030e-5f));
  q = fma(q, t, set1(1.42848556e-4f));
  q = fma(q, t, set1(8.84853200e-5f));
  q = fma(q, t, set1(-4.90354668e-3f));
  q = fma(q, t, set1(3.63973114e-2f));
  q = fma(q, t, set1(3.18295395e-1f));
  q = fma(q, t, set1(7.97885672e-1f));
  const Vec tail = mul(set1(0.5f), exp_v(sub(zero(), mul(q, t))));
  return mul(x, select_less(x, zero(), tail, sub(set1(1.0f), tail)));
}

// tanh(x), absolute error < 2^-23.
inline Vec tanh_v(Vec x) {
  const Vec t = abs(x);
  // small: t + t s p(s), s = t^2, t < 0.625
  const Vec s = mul(t, t);
  Vec p = fma(set1(-5.71704097e-3f), s, set1(2.06505843e-2f));
  p = fma(p, s, set1(-5.37434965e-2f));
  p = fma(p, s, set1(1.33314908e-1f));
  p = fma(p, s, set1(-3.33332837e-1f));
  const Vec small = fma(mul(t, s), p, t);
  // large: 1 - 2 / (e^2t + 1)
  const Vec e = exp_v(add(t, t));
  const Vec large = sub(set1(1.0f), div(set1(2.0f), add(e, set1(1.0f))));
  return with_sign_of(select_less(t, set1(0.625f), small, large), x);
}

// The tanh approximation of GELU (transformers' gelu_new and gelu_pytorch_tanh):
// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
inline Vec gelu_tanh_v(Vec x) {
  const Vec cube = mul(mul(x, x), x);
  const Vec inner = mul(set1(0.797884561f), fma(set1(0.044715f), cube, x));
  return mul(mul(set1(0.5f), x), add(set1(1.0f), tanh_v(inner)));
}

inline Vec silu_v(Vec x) { return div(x, add(set1(1.0f), exp_v(sub(zero(), x)))); }

template <Epilogue kEpilogue>
inline Vec epilogue_v(Vec x) {
  switch (kEpilogue) {
    case Epilogue::kNone: return x;
    case Epilogue::kGelu: return gelu_v(x);
    case Epilogue::kGeluTanh: return gelu_tanh_v(x);
    case Epilogue::kRelu: return max(x, zero());
    case Epilogue::kSilu: return silu_v(x);
    case Epilogue::kTanh: return tanh_v(x);
  }
  return x;
}
