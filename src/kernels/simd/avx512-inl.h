// The vector vocabulary on AVX-512 F/BW/DQ/VL: 16 floats. Included once, inside an unnamed
// namespace.

typedef __m512 Vec;
typedef __mmask16 Mask;
constexpr size_t kLanes = 16;

// Register blocking of the GEMM tile, see ops/tiles-inl.h: 8 rows x 3 vectors are 24 accumulators
// of the 32 registers; 3 more hold the weights and 1 the broadcast input.
constexpr size_t kTileRows = 8;
constexpr size_t kTileVecs = 3;

inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec set1(float a) { return _mm512_set1_ps(a); }
inline Vec load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Vec a) { _mm512_storeu_ps(p, a); }
// The first n < kLanes elements; the others read as 0 and are not written.
inline Mask first(size_t n) { return (Mask)((1u << n) - 1); }
inline Vec load_first(const float* p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
inline void store_first(float* p, Vec a, size_t n) { _mm512_mask_storeu_ps(p, first(n), a); }

inline Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec abs(Vec a) { return _mm512_abs_ps(a); }
inline Vec select_less(Vec a, Vec b, Vec yes, Vec no) {  // a < b ? yes : no, lane by lane
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
// The sign of b on the magnitude of a, a >= 0.
inline Vec with_sign_of(Vec a, Vec b) {
  return _mm512_or_ps(a, _mm512_and_ps(b, _mm512_set1_ps(-0.0f)));
}
inline Vec round(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT); }
// a * 2^n for integral n; 0 where that is too small.
inline Vec scale_exp2(Vec a, Vec n) { return _mm512_scalef_ps(a, n); }
inline float reduce_add(Vec a) { return _mm512_reduce_add_ps(a); }
inline float reduce_max(Vec a) { return _mm512_reduce_max_ps(a); }

// rows[i] lane j <-> rows[j] lane i. Pairs of rows, then fours, within each quarter of a register;
// then quarters.
inline void transpose(Vec rows[kLanes]) {
  Vec pairs[kLanes];
#pragma GCC unroll 8
  for (size_t i = 0; i < kLanes; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
  }
  __m512d fours[kLanes];  // [4 i + c]: column c of each quarter, rows 4 i to 4 i + 3
#pragma GCC unroll 4
  for (size_t i = 0; i < kLanes; i += 4) {
#pragma GCC unroll 2
    for (size_t c = 0; c < 2; ++c) {
      const __m512d a = _mm512_castps_pd(pairs[i + c]);
      const __m512d b = _mm512_castps_pd(pairs[i + c + 2]);
      fours[i + 2 * c] = _mm512_unpacklo_pd(a, b);
      fours[i + 2 * c + 1] = _mm512_unpackhi_pd(a, b);
    }
  }
#pragma GCC unroll 4
  for (size_t c = 0; c < 4; ++c) {
    const Vec a = _mm512_castpd_ps(fours[c]);
    const Vec b = _mm512_castpd_ps(fours[c + 4]);
    const Vec d = _mm512_castpd_ps(fours[c + 8]);
    const Vec e = _mm512_castpd_ps(fours[c + 12]);
    const Vec even = _mm512_shuffle_f32x4(a, b, 0x88);  // quarters 0 and 2 of each
    const Vec odd = _mm512_shuffle_f32x4(a, b, 0xDD);
    const Vec even_below = _mm512_shuffle_f32x4(d, e, 0x88);
    const Vec odd_below = _mm512_shuffle_f32x4(d, e, 0xDD);
    rows[c] = _mm512_shuffle_f32x4(even, even_below, 0x88);
    rows[c + 4] = _mm512_shuffle_f32x4(odd, odd_below, 0x88);
    rows[c + 8] = _mm512_shuffle_f32x4(even, even_below, 0xDD);
    rows[c + 12] = _mm512_shuffle_f32x4(odd, odd_below, 0xDD);
  }
}

// kLanes stored numbers as float32 (exact).
inline Vec load_f16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
}
inline Vec load_bf16(const uint16_t* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
