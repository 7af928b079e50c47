// The vector vocabulary without any instruction set beyond the platform's baseline: 4 floats in the
// compilers' generic vector type. Included once, inside an unnamed namespace.

typedef float Vec __attribute__((vector_size(16)));
typedef int32_t Int __attribute__((vector_size(16)));
constexpr size_t kLanes = 4;

// Register blocking of the GEMM tile, see ops/tiles-inl.h: SSE2 has 16 registers, no FMA and no
// broadcast load: 3 rows x 2 vectors leave room for products.
constexpr size_t kTileRows = 3;
constexpr size_t kTileVecs = 2;

inline Vec set1(float a) { return Vec{a, a, a, a}; }
inline Vec zero() { return set1(0.0f); }
inline Vec load(const float* p) {
  Vec a;
  __builtin_memcpy(&a, p, sizeof(a));
  return a;
}
inline void store(float* p, Vec a) { __builtin_memcpy(p, &a, sizeof(a)); }
// The first n < kLanes elements; the others read as 0 and are not written.
inline Vec load_first(const float* p, size_t n) {
  Vec a = zero();
  __builtin_memcpy(&a, p, n * sizeof(float));
  return a;
}
inline void store_first(float* p, Vec a, size_t n) { __builtin_memcpy(p, &a, n * sizeof(float)); }

inline Vec add(Vec a, Vec b) { return a + b; }
inline Vec sub(Vec a, Vec b) { return a - b; }
inline Vec mul(Vec a, Vec b) { return a * b; }
inline Vec div(Vec a, Vec b) { return a / b; }
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }  // two roundings: -ffp-contract=off
inline Vec select(Int mask, Vec yes, Vec no) {
  return (Vec)(((Int)yes & mask) | ((Int)no & ~mask));
}
inline Vec select_less(Vec a, Vec b, Vec yes, Vec no) { return select(a < b, yes, no); }
inline Vec min(Vec a, Vec b) { return select(a < b, a, b); }
inline Vec max(Vec a, Vec b) { return select(a > b, a, b); }
inline Int sign_bits() { return Int{INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN}; }
inline Vec abs(Vec a) { return (Vec)((Int)a & ~sign_bits()); }
// The sign of b on the magnitude of a, a >= 0.
inline Vec with_sign_of(Vec a, Vec b) { return (Vec)((Int)a | ((Int)b & sign_bits())); }
// To the nearest integer, |a| < 2^22: adding 1.5 * 2^23 pushes the fraction out of the mantissa.
inline Vec round(Vec a) { return (a + set1(12582912.0f)) - set1(12582912.0f); }
// a * 2^n for integral n <= 127, a in 0.5..2; 0 where n < -126.
inline Vec scale_exp2(Vec a, Vec n) {
  const Vec clamped = max(n, set1(-127.0f));  // 2^-127 would be subnormal: its bits are those of 0
  return a * (Vec)((__builtin_convertvector(clamped, Int) + 127) << 23);
}
inline float reduce_add(Vec a) { return (a[0] + a[2]) + (a[1] + a[3]); }
inline float reduce_max(Vec a) {
  float m = a[0];
  for (size_t i = 1; i < kLanes; ++i) m = a[i] > m ? a[i] : m;
  return m;
}

// rows[i] lane j <-> rows[j] lane i.
inline void transpose(Vec rows[kLanes]) {
  for (size_t i = 0; i < kLanes; ++i) {
    for (size_t j = 0; j < i; ++j) {
      const float below = rows[i][j];
      rows[i][j] = rows[j][i];
      rows[j][i] = below;
    }
  }
}

// One stored half as float32 (exact): rebias the exponent by a multiplication, which also makes
// subnormals right; the all-ones exponent of infinity and NaN is put back by hand.
inline float from_f16(uint16_t h) {
  const uint32_t magnitude = (uint32_t)(h & 0x7FFF) << 13;
  float f;
  __builtin_memcpy(&f, &magnitude, sizeof(f));
  f *= 0x1p112f;  // 2^(127 - 15)
  uint32_t bits;
  __builtin_memcpy(&bits, &f, sizeof(bits));
  if ((h & 0x7C00) == 0x7C00) bits |= 0x7F800000u;
  bits |= (uint32_t)(h & 0x8000) << 16;
  __builtin_memcpy(&f, &bits, sizeof(f));
  return f;
}
inline float from_bf16(uint16_t h) {
  const uint32_t bits = (uint32_t)h << 16;
  float f;
  __builtin_memcpy(&f, &bits, sizeof(f));
  return f;
}
inline uint16_t u16_at(const uint16_t* p, size_t i) {  // p may be unaligned
  uint16_t h;
  __builtin_memcpy(&h, (const char*)p + 2 * i, sizeof(h));
  return h;
}
inline Vec load_f16(const uint16_t* p) {
  return Vec{from_f16(u16_at(p, 0)), from_f16(u16_at(p, 1)), from_f16(u16_at(p, 2)),
             from_f16(u16_at(p, 3))};
}
inline Vec load_bf16(const uint16_t* p) {
  return Vec{from_bf16(u16_at(p, 0)), from_bf16(u16_at(p, 1)), from_bf16(u16_at(p, 2)),
             from_bf16(u16_at(p, 3))};
}
