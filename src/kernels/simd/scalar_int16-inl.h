// int8 numbers as int16 products on the scalar vocabulary: units of 2. Included once, inside an
// unnamed namespace, after simd/scalar-inl.h.

typedef Int Acc;  // 4 int32 sums
typedef Int Units;
typedef int16_t Quant;
typedef int16_t QuantWeight;
constexpr size_t kUnitValues = 2;
constexpr int32_t kQuantLow = 0;

inline Acc acc_zero() { return Acc{0, 0, 0, 0}; }
inline Units set1_unit(int32_t unit) { return Units{unit, unit, unit, unit}; }
inline Acc load_int(const int32_t* p) {
  Acc a;
  __builtin_memcpy(&a, p, sizeof(a));
  return a;
}
inline Units load_units(const char* p) { return load_int((const int32_t*)p); }
inline Acc dot(Acc acc, Units x, Units w) {
#if defined(__SSE2__)  // part of the x86-64 baseline, and three times as fast as what follows
  return acc + (Acc)_mm_madd_epi16((__m128i)x, (__m128i)w);
#else
  return acc + ((x << 16) >> 16) * ((w << 16) >> 16) + (x >> 16) * (w >> 16);
#endif
}
inline Vec acc_to_float(Acc a) { return __builtin_convertvector(a, Vec); }
inline Acc sub_mul(Acc a, Acc b, int32_t c) { return a - b * c; }
// round(x * inverse) + zero_point, which lies in -1..256, clamped to 0..255.
inline void store_quantised(Quant* out, Vec x, Vec inverse, int32_t zero_point) {
  const Acc q = __builtin_convertvector(round(x * inverse), Acc) + zero_point;
  for (size_t i = 0; i < kLanes; ++i) {
    const int32_t positive = q[i] > 0 ? q[i] : 0;
    out[i] = (Quant)(positive < 255 ? positive : 255);
  }
}
