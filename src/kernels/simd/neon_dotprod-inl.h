// int8 products by sdot of Armv8.2's dot product extension, on top of simd/neon-inl.h: units of 4
// signed x signed bytes. Included once, inside an unnamed namespace.

typedef int32x4_t Acc;
typedef int8x16_t Units;
typedef int8_t Quant;
typedef int8_t QuantWeight;
constexpr size_t kUnitValues = 4;
constexpr int32_t kQuantLow = -128;

inline Acc acc_zero() { return vdupq_n_s32(0); }
// One unit in half a register: dot multiplies by an element of x, which saves filling the others.
inline int8x8_t set1_unit(int32_t unit) { return vcreate_s8((uint32_t)unit); }
inline Units load_units(const char* p) { return vld1q_s8((const int8_t*)p); }
inline Acc dot(Acc acc, int8x8_t x, Units w) { return vdotq_lane_s32(acc, w, x, 0); }
inline Vec acc_to_float(Acc a) { return vcvtq_f32_s32(a); }
inline Acc load_int(const int32_t* p) { return vld1q_s32(p); }
inline Acc sub_mul(Acc a, Acc b, int32_t c) { return vmlsq_n_s32(a, b, c); }
// round(x * inverse) + zero_point, which lies in -129..128, clamped to -128..127 by the narrowing.
inline void store_quantised(Quant* out, Vec x, Vec inverse, int32_t zero_point) {
  const int32x4_t q = vaddq_s32(vcvtnq_s32_f32(vmulq_f32(x, inverse)), vdupq_n_s32(zero_point));
  const int16x4_t narrow = vqmovn_s32(q);
  const int8x8_t bytes = vqmovn_s16(vcombine_s16(narrow, narrow));
  const int32_t four = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);
  __builtin_memcpy(out, &four, sizeof(four));
}
