// int8 numbers as int16 products on AVX2, on top of simd/avx2-inl.h: units of 2. vpmaddubsw would
// take bytes but saturates at 2 * 255 * 127 > 32,767; vpmaddwd on widened numbers cannot. Included
// once, inside an unnamed namespace.

// 8 int32 sums. Not __m256i: that type may alias anything, and GCC then keeps arrays of it in
// memory.
typedef int32_t Acc __attribute__((vector_size(32)));
typedef __m256i Units;
typedef int16_t Quant;
typedef int16_t QuantWeight;
constexpr size_t kUnitValues = 2;
constexpr int32_t kQuantLow = 0;

inline Acc acc_zero() { return (Acc)_mm256_setzero_si256(); }
inline Units set1_unit(int32_t unit) { return _mm256_set1_epi32(unit); }
inline Units load_units(const char* p) { return _mm256_loadu_si256((const __m256i*)p); }
inline Acc dot(Acc acc, Units x, Units w) { return acc + (Acc)_mm256_madd_epi16(x, w); }
inline Vec acc_to_float(Acc a) { return _mm256_cvtepi32_ps((__m256i)a); }
inline Acc load_int(const int32_t* p) { return (Acc)_mm256_loadu_si256((const __m256i*)p); }
inline Acc sub_mul(Acc a, Acc b, int32_t c) { return a - b * c; }
// round(x * inverse) + zero_point, which lies in -1..256, clamped to 0..255.
inline void store_quantised(Quant* out, Vec x, Vec inverse, int32_t zero_point) {
  __m256i q = _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_mul_ps(x, inverse)),
                               _mm256_set1_epi32(zero_point));
  q = _mm256_min_epi32(_mm256_max_epi32(q, _mm256_setzero_si256()), _mm256_set1_epi32(255));
  _mm_storeu_si128((__m128i*)out,
                   _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1)));
}
