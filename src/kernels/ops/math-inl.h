// exp, GELU, tanh, SiLU on vectors, by polynomials. Included once, inside an unnamed namespace.
// Coefficients: minimax fits in 50-digit arithmetic; the errors in the comments are those of the
// whole function in float32, measured by tests/kernels/math_test.cc against double.
//
// NaN in gives NaN out, or a damaged model would rank: min and max give their second operand where
// one is NaN, so the second is always the one that depends on x.

// 2^x for x < 128, relative error < 2^-22.9 where the result is a normal number; 0 below -127.
inline Vec exp2_v(Vec x) {
  const Vec bounded = max(set1(-1e6f), x);  // keeps round() and the integer of scale_exp2 in range
  const Vec n = round(bounded);
  const Vec r = sub(bounded, n);  // exact, |r| <= 1/2
  // 2^r = 1 + r ln2 + r^2 p(r), truncation error 3.1e-9
  Vec p = fma(set1(1.53211266e-4f), r, set1(1.33901834e-3f));
  p = fma(p, r, set1(9.61852632e-3f));
  p = fma(p, r, set1(5.55036217e-2f));
  p = fma(p, r, set1(2.40226477e-1f));
  p = fma(p, r, set1(6.93147182e-1f));
  p = fma(p, r, set1(1.0f));
  return scale_exp2(p, n);
}

// 2^x where it is rounded to bf16 (2^-8) afterwards: relative error < 2^-13.7; 0 below -127,
// NaN of -infinity.
inline Vec exp2_coarse_v(Vec x) {
  const Vec n = round(x);
  const Vec r = sub(x, n);
  Vec p = fma(set1(5.5171669e-2f), r, set1(2.4261113e-1f));
  p = fma(p, r, set1(6.9326102e-1f));
  p = fma(p, r, set1(9.9992808e-1f));
  return scale_exp2(p, n);
}

// e^x for x < 88.7, relative error < 2^-22.4 where the result is a normal number. exp2_v(x log2 e)
// would lose |x| ulps: n ln2 is subtracted in two parts, of which the first is exact.
inline Vec exp_v(Vec x) {
  const Vec bounded = max(set1(-200.0f), x);
  const Vec n = round(mul(bounded, set1(1.44269504f)));
  Vec r = fma(n, set1(-0.693359375f), bounded);  // 355 / 512: exact times n
  r = fma(n, set1(2.12194440e-4f), r);
  const Vec r2 = mul(r, set1(1.44269504f));
  return scale_exp2(exp2_v(r2), n);
}

// x * Phi(x), the exact (erf) GELU; absolute error < 2^-22.6 * |x|.
// Phi(-t) = 2^(t q(t) - 1), where t q(t) = log2 erfc(t / sqrt 2) is smooth and 0 at t = 0:
// one polynomial (error of Phi 4e-8) and one exp2, no division, and the far tail keeps its relative
// accuracy, which 1 + erf(x) loses. Then x Phi(x) = max(x, 0) - |x| Phi(-|x|).
inline Vec gelu_v(Vec x) {
  const Vec magnitude = abs(x);
  const Vec t = min(set1(10.0f), magnitude);  // Phi(-10) = 8e-24
  Vec q = fma(set1(5.94921303e-8f), t, set1(-1.93082133e-6f));
  q = fma(q, t, set1(2.31221620e-5f));
  q = fma(q, t, set1(-1.02789149e-4f));
  q = fma(q, t, set1(-3.36272176e-4f));
  q = fma(q, t, set1(7.30740279e-3f));
  q = fma(q, t, set1(-5.26464246e-2f));
  q = fma(q, t, set1(-4.59166825e-1f));
  q = fma(q, t, set1(-1.15110886f));
  const Vec tail = exp2_v(fma(q, t, set1(-1.0f)));
  return fma(sub(zero(), magnitude), tail, max(zero(), x));
}

// GELU for layers whose output is rounded to bf16 or int8 anyway: absolute error < 1.4e-4, half the
// work. x Phi(x) = max(x, 0) - t Phi(-t) with t = |x|; Phi(-t) is one polynomial up to t = 4,
// behind which t Phi(-t) < 1.3e-4.
inline Vec gelu_coarse_v(Vec x) {
  const Vec t = min(set1(4.0f), abs(x));
  Vec p = fma(set1(-4.86907385e-5f), t, set1(1.43951938e-3f));
  p = fma(p, t, set1(-1.52396232e-2f));
  p = fma(p, t, set1(7.61512128e-2f));
  p = fma(p, t, set1(-1.76186027e-1f));
  p = fma(p, t, set1(8.13889432e-2f));
  p = fma(p, t, set1(3.70625288e-1f));
  p = fma(p, t, set1(-4.96678265e-1f));
  return fma(p, t, max(zero(), x));
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
  // large: 1 - 2 / (e^2t + 1); 1 from t = 9 on
  const Vec e = exp2_v(mul(min(set1(40.0f), t), set1(2.88539008f)));
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

inline Vec silu_v(Vec x) {
  return div(x, add(set1(1.0f), exp_v(min(set1(88.0f), sub(zero(), x)))));
}

template <Epilogue kEpilogue, bool kCoarse>
inline Vec epilogue_v(Vec x) {
  switch (kEpilogue) {
    case Epilogue::kNone: return x;
    case Epilogue::kGelu: return kCoarse ? gelu_coarse_v(x) : gelu_v(x);
    case Epilogue::kGeluTanh: return gelu_tanh_v(x);
    case Epilogue::kRelu: return max(zero(), x);
    case Epilogue::kSilu: return silu_v(x);
    case Epilogue::kTanh: return tanh_v(x);
  }
  return x;
}
