// int8 products on AVX-512 VNNI, on top of simd/avx512-inl.h: units of 4 unsigned x signed bytes.
// Included once, inside an unnamed namespace.

// 16 int32 sums. Not __m512i: that type may alias anything, and GCC then keeps arrays of it in
// memory.
typedef int32_t Acc __attribute__((vector_size(64)));
typedef __m512i Units;
typedef uint8_t Quant;
typedef int8_t QuantWeight;
constexpr size_t kUnitValues = 4;
constexpr int32_t kQuantLow = 0;

inline Acc acc_zero() { return (Acc)_mm512_setzero_si512(); }
inline Units set1_unit(int32_t unit) { return _mm512_set1_epi32(unit); }
inline Units load_units(const char* p) { return _mm512_loadu_si512(p); }
inline Acc dot(Acc acc, Units x, Units w) { return (Acc)_mm512_dpbusd_epi32((__m512i)acc, x, w); }
inline Vec acc_to_float(Acc a) { return _mm512_cvtepi32_ps((__m512i)a); }
inline Acc load_int(const int32_t* p) { return (Acc)_mm512_loadu_si512(p); }
inline Acc sub_mul(Acc a, Acc b, int32_t c) { return a - b * c; }
// round(x * inverse) + zero_point, which lies in -1..256, clamped to 0..255.
inline void store_quantised(Quant* out, Vec x, Vec inverse, int32_t zero_point) {
  const __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(x, inverse)),
                                     _mm512_set1_epi32(zero_point));
  _mm_storeu_si128((__m128i*)out,
                   _mm512_cvtusepi32_epi8(_mm512_max_epi32(q, _mm512_setzero_si512())));
}
