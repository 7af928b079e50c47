// bfloat16 products on AVX-512 BF16, on top of simd/avx512-inl.h: units of 2. Included once, inside
// an unnamed namespace.

typedef __m512 Acc;  // 16 float32 sums
typedef __m512i Units;
constexpr size_t kUnitValues = 2;

inline Acc acc_zero() { return _mm512_setzero_ps(); }
inline Units set1_unit(int32_t unit) { return _mm512_set1_epi32(unit); }
inline Units load_units(const char* p) { return _mm512_loadu_si512(p); }
inline Acc dot(Acc acc, Units x, Units w) {
  return _mm512_dpbf16_ps(acc, (__m512bh)x, (__m512bh)w);
}
inline Vec acc_to_float(Acc a) { return a; }
// 2 kLanes values as units: first[0] and first[1], first[2] and first[3], ...
inline Units round_units(Vec first, Vec second) {  // nearest even
  return (Units)_mm512_cvtne2ps_pbh(second, first);
}
// Units of first[i] and second[i].
inline Units zip_units(Vec first, Vec second) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i places =
      _mm512_or_si512(lane, _mm512_slli_epi32(_mm512_add_epi32(lane, _mm512_set1_epi32(16)), 16));
  return _mm512_permutexvar_epi16(places, round_units(first, second));
}
inline void store_bf16(uint16_t* out, Vec x) {  // nearest even
  _mm256_storeu_si256((__m256i*)out, (__m256i)_mm512_cvtneps_pbh(x));
}
