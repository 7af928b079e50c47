// The vector vocabulary on AVX2 + FMA + F16C: 8 floats. Included once, inside an unnamed namespace.

typedef __m256 Vec;
constexpr size_t kLanes = 8;

// Register blocking of the GEMM tile, see ops/tiles-inl.h: 6 rows x 2 vectors are 12 accumulators
// of the 16 registers; 2 more hold the weights and 1 the broadcast input.
constexpr size_t kTileRows = 6;
constexpr size_t kTileVecs = 2;

inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec set1(float a) { return _mm256_set1_ps(a); }
inline Vec load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Vec a) { _mm256_storeu_ps(p, a); }
// The first n < kLanes elements; the others read as 0 and are not written.
inline __m256i first(size_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}
inline Vec load_first(const float* p, size_t n) { return _mm256_maskload_ps(p, first(n)); }
inline void store_first(float* p, Vec a, size_t n) { _mm256_maskstore_ps(p, first(n), a); }

inline Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
inline Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
inline Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
inline Vec div(Vec a, Vec b) { return _mm256_div_ps(a, b); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec abs(Vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
inline Vec select_less(Vec a, Vec b, Vec yes, Vec no) {  // a < b ? yes : no, lane by lane
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
// The sign of b on the magnitude of a, a >= 0.
inline Vec with_sign_of(Vec a, Vec b) {
  return _mm256_or_ps(a, _mm256_and_ps(b, _mm256_set1_ps(-0.0f)));
}
inline Vec round(Vec a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// a * 2^n for integral n <= 127, a in 0.5..2; 0 where n < -126.
inline Vec scale_exp2(Vec a, Vec n) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  const __m256i bits = _mm256_slli_epi32(_mm256_max_epi32(biased, _mm256_setzero_si256()), 23);
  return _mm256_mul_ps(a, _mm256_castsi256_ps(bits));
}
inline float reduce_add(Vec a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float reduce_max(Vec a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// rows[i] lane j <-> rows[j] lane i. Pairs of rows, then fours, within each half of a register;
// then halves.
inline void transpose(Vec rows[kLanes]) {
  Vec pairs[kLanes];
#pragma GCC unroll 4
  for (size_t i = 0; i < kLanes; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
  }
  __m256d fours[kLanes];  // [4 i + c]: column c of each half, rows 4 i to 4 i + 3
#pragma GCC unroll 2
  for (size_t i = 0; i < kLanes; i += 4) {
#pragma GCC unroll 2
    for (size_t c = 0; c < 2; ++c) {
      const __m256d a = _mm256_castps_pd(pairs[i + c]);
      const __m256d b = _mm256_castps_pd(pairs[i + c + 2]);
      fours[i + 2 * c] = _mm256_unpacklo_pd(a, b);
      fours[i + 2 * c + 1] = _mm256_unpackhi_pd(a, b);
    }
  }
#pragma GCC unroll 4
  for (size_t c = 0; c < 4; ++c) {
    const Vec a = _mm256_castpd_ps(fours[c]);
    const Vec b = _mm256_castpd_ps(fours[c + 4]);
    rows[c] = _mm256_permute2f128_ps(a, b, 0x20);
    rows[c + 4] = _mm256_permute2f128_ps(a, b, 0x31);
  }
}

// kLanes stored numbers as float32 (exact).
inline Vec load_f16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
}
inline Vec load_bf16(const uint16_t* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
