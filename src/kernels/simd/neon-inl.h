// The vector vocabulary on NEON as every AArch64 CPU has it: 4 floats. Included once, inside an
// unnamed namespace.

typedef float32x4_t Vec;
constexpr size_t kLanes = 4;

// Register blocking of the GEMM tile, see ops/tiles-inl.h: 6 rows x 4 vectors are 24 accumulators
// of the 32 registers; 4 more hold the weights. The input takes one: fmla multiplies by an element
// of a register, so compilers turn set1 of a number in memory into a plain load of it.
constexpr size_t kTileRows = 6;
constexpr size_t kTileVecs = 4;

inline Vec zero() { return vdupq_n_f32(0.0f); }
inline Vec set1(float a) { return vdupq_n_f32(a); }
inline Vec load(const float* p) { return vld1q_f32(p); }
inline void store(float* p, Vec a) { vst1q_f32(p, a); }
// The first n < kLanes elements; the others read as 0 and are not written.
inline Vec load_first(const float* p, size_t n) {
  Vec a = zero();
  if (n > 0) a = vld1q_lane_f32(p, a, 0);
  if (n > 1) a = vld1q_lane_f32(p + 1, a, 1);
  if (n > 2) a = vld1q_lane_f32(p + 2, a, 2);
  return a;
}
inline void store_first(float* p, Vec a, size_t n) {
  if (n > 0) vst1q_lane_f32(p, a, 0);
  if (n > 1) vst1q_lane_f32(p + 1, a, 1);
  if (n > 2) vst1q_lane_f32(p + 2, a, 2);
}

inline Vec add(Vec a, Vec b) { return vaddq_f32(a, b); }
inline Vec sub(Vec a, Vec b) { return vsubq_f32(a, b); }
inline Vec mul(Vec a, Vec b) { return vmulq_f32(a, b); }
inline Vec div(Vec a, Vec b) { return vdivq_f32(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
// NaN where either operand is one: more than the second alone, which is what callers rely on.
inline Vec min(Vec a, Vec b) { return vminq_f32(a, b); }
inline Vec max(Vec a, Vec b) { return vmaxq_f32(a, b); }
inline Vec abs(Vec a) { return vabsq_f32(a); }
inline Vec select_less(Vec a, Vec b, Vec yes, Vec no) {  // a < b ? yes : no, lane by lane
  return vbslq_f32(vcltq_f32(a, b), yes, no);
}
// The sign of b on the magnitude of a, a >= 0.
inline Vec with_sign_of(Vec a, Vec b) { return vbslq_f32(vdupq_n_u32(0x80000000u), b, a); }
inline Vec round(Vec a) { return vrndnq_f32(a); }  // nearest even
// a * 2^n for integral n <= 127, a in 0.5..2; 0 where n < -126.
inline Vec scale_exp2(Vec a, Vec n) {
  const int32x4_t biased = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
  const int32x4_t bits = vshlq_n_s32(vmaxq_s32(biased, vdupq_n_s32(0)), 23);
  return vmulq_f32(a, vreinterpretq_f32_s32(bits));
}
inline float reduce_add(Vec a) { return vaddvq_f32(a); }
inline float reduce_max(Vec a) { return vmaxvq_f32(a); }

// rows[i] lane j <-> rows[j] lane i.
inline void transpose(Vec rows[kLanes]) {
  const float64x2_t even = vreinterpretq_f64_f32(vtrn1q_f32(rows[0], rows[1]));
  const float64x2_t odd = vreinterpretq_f64_f32(vtrn2q_f32(rows[0], rows[1]));
  const float64x2_t even_below = vreinterpretq_f64_f32(vtrn1q_f32(rows[2], rows[3]));
  const float64x2_t odd_below = vreinterpretq_f64_f32(vtrn2q_f32(rows[2], rows[3]));
  rows[0] = vreinterpretq_f32_f64(vtrn1q_f64(even, even_below));
  rows[1] = vreinterpretq_f32_f64(vtrn1q_f64(odd, odd_below));
  rows[2] = vreinterpretq_f32_f64(vtrn2q_f64(even, even_below));
  rows[3] = vreinterpretq_f32_f64(vtrn2q_f64(odd, odd_below));
}

// kLanes stored numbers as float32 (exact).
inline Vec load_f16(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
inline Vec load_bf16(const uint16_t* p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
