// The vector vocabulary on AVX-512 F/BW/DQ/VL: 16 floats. Included once, inside an unnamed
// namespace.

typedef __m512 Vec;
typedef __mmask16 Mask;
constexpr size_t kLanes = 16;

// Register blocking of the GEMM tile, see ops/gemm-inl.h: 8 rows x 3 vectors are 24 accumulators of
// the 32 registers; 3 more hold the weights and 1 the broadcast input.
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

// kLanes stored numbers as float32 (exact).
inline Vec load_f16(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
}
inline Vec load_bf16(const uint16_t* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
