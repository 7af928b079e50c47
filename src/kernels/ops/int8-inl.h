// Linear layers in int8: activations quantised per row, weights per output. Included once, inside
// an unnamed namespace, after units-inl.h.
//
// Both are rotated first (below). Then x[i][k] = s_i (q[i][k] - z_i) with q in 0..255 and 0 always
// representable; w[j][k] = t_j p[j][k] with p in -127..127. Then sum_k x w = s_i t_j (sum_k q p -
// z_i sum_k p), an exact int32 sum (255
// * 127 * K fits for K up to 66,311, which is max_k): neither saturation nor the company of a row
// can change a bit. Where the product takes signed bytes only, q and z are both lower by 128
// (kQuantLow of the vocabulary is -128, not 0), which changes neither q - z nor the sum.
//
// A panel: units(k) * kPanel weight units, then kPanel scales t_j (float), then kPanel sums of p
// (int32).

inline size_t panel_bytes_int8(size_t k) { return kPanel * (units(k) * kUnitBytes + 8); }

size_t packed_bytes_int8(size_t n, size_t k) {
  return round_up(n, kPanel) / kPanel * panel_bytes_int8(k);
}

// A row or a weight channel whose range is smaller counts as zeros: nothing that a model means is
// as small, and 255 / range stays far from overflow (at 7.5e-37).
constexpr float kTiny = 1e-30f;
// Safely below FLT_MAX (3.4e38), where high - low overflows; infinity and NaN are not below it.
constexpr float kHuge = 1e38f;

// The rotation: numbers c, c + kGroup, c + 2 kGroup .. of a block become their Hadamard transform,
// which is orthogonal and its own inverse, so that sum_k x w stays what it was where x and w are
// both rotated. A number far from the others, which would cost them their steps, is shared out over
// up to 16 places. A row is cut into blocks of 16 groups, then at most one each of 8, 4 and 2; what
// is left stays as it is. Sums and differences alone: the same bits in every vector length.
constexpr size_t kGroup = 16;
static_assert(kPiece == 16 * kGroup && kGroup % kLanes == 0);

template <size_t kHalf, size_t kGroups>
[[gnu::always_inline]] inline void butterflies(Vec v[kGroups]) {
  if constexpr (kHalf < kGroups) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kGroups; ++i) {
      if ((i & kHalf) == 0) {
        const Vec first = v[i];
        v[i] = add(first, v[i + kHalf]);
        v[i + kHalf] = sub(first, v[i + kHalf]);
      }
    }
    butterflies<2 * kHalf, kGroups>(v);
  }
}

template <size_t kGroups, typename Body>
[[gnu::always_inline]] inline void rotate_block(const float* x, float scale, const Body& body) {
  for (size_t c = 0; c < kGroup; c += kLanes) {
    Vec v[kGroups];
#pragma GCC unroll 16
    for (size_t i = 0; i < kGroups; ++i) v[i] = load(x + i * kGroup + c);
    butterflies<1, kGroups>(v);
#pragma GCC unroll 16
    for (size_t i = 0; i < kGroups; ++i) body(i * kGroup + c, mul(v[i], set1(scale)));
  }
}

// Calls body(place, a vector of rotated numbers) for all of a row of k floats; zeros follow them.
template <typename Body>
inline void for_rotated(const float* x, size_t k, const Body& body) {
  size_t begin = 0;
  const auto place = [&](size_t i, Vec value) { body(begin + i, value); };
  for (; begin + 16 * kGroup <= k; begin += 16 * kGroup) rotate_block<16>(x + begin, 0.25f, place);
  if (begin + 8 * kGroup <= k) {
    rotate_block<8>(x + begin, 0.353553391f, place);
    begin += 8 * kGroup;
  }
  if (begin + 4 * kGroup <= k) {
    rotate_block<4>(x + begin, 0.5f, place);
    begin += 4 * kGroup;
  }
  if (begin + 2 * kGroup <= k) {
    rotate_block<2>(x + begin, 0.707106781f, place);
    begin += 2 * kGroup;
  }
  for (; begin < k; begin += kLanes) body(begin, load_upto(x + begin, k - begin));
}

// Scratch of a call: quantised rows, then {s_i, z_i} of each, then one rotated row.
struct RowScale {
  float scale;
  int32_t zero_point;
};

size_t scratch_bytes_int8(size_t m, size_t k) {
  return m * (units(k) * kUnitBytes + sizeof(RowScale)) + round_up(k, kLanes) * sizeof(float);
}

// Rotates and quantises a row of k floats into units. A row with infinity or NaN gets the scale
// NaN, so that its outputs are NaN and are reported, not saturated.
inline RowScale quantise_row(const float* x, size_t k, float* rotated, Quant* out) {
  Vec low = zero();  // 0 lies in the range, so that it is exact
  Vec high = zero();
  Vec poison = zero();  // 0 * infinity and 0 * NaN are NaN; min and max may forget a NaN
  for_rotated(x, k, [&](size_t i, Vec value) {
    low = min(low, value);
    high = max(high, value);
    poison = fma(value, zero(), poison);
    store(rotated + i, value);
  });
  const float smallest = -reduce_max(sub(zero(), low));
  const float range = reduce_max(high) - smallest;
  if (!(range + reduce_add(poison) < kHuge)) {
    for (size_t j = 0; j < units(k) * kUnitValues; ++j) out[j] = 0;
    return {__builtin_nanf(""), 0};
  }
  if (range < kTiny) {  // all zeros, or too small to have an inverse
    for (size_t j = 0; j < units(k) * kUnitValues; ++j) out[j] = 0;
    return {0.0f, 0};
  }
  const float scale = range / 255.0f;
  const float inverse = 255.0f / range;
  const int32_t zero_point = (int32_t)__builtin_lrintf(-smallest * inverse) + kQuantLow;
  size_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    store_quantised(out + i, load(rotated + i), set1(inverse), zero_point);
  }
  if (i < k) {
    Quant last[kLanes];
    store_quantised(last, load(rotated + i), set1(inverse), zero_point);
    for (size_t j = 0; i + j < k; ++j) out[i + j] = last[j];
  }
  for (size_t j = k; j < units(k) * kUnitValues; ++j) out[j] = 0;  // meets weights that are 0
  return {scale, zero_point};
}

template <Epilogue kEpilogue>
struct Int8Tile {
  const LinearArgs& a;
  const Quant* rows;
  const RowScale* scales;

  template <size_t kRows>
  void run(const Panel& panel, size_t row) const {
    const size_t n_units = units(a.k);
    Acc acc[kRows][kTileVecs];
    accumulate_units<kRows>(rows + row * n_units * kUnitValues, panel, n_units, acc);
    const float* w_scale = (const float*)(panel.weights + n_units * kPanel * kUnitBytes);
    const int32_t* w_sum = (const int32_t*)(w_scale + kPanel);
#pragma GCC unroll 16
    for (size_t i = 0; i < kRows; ++i) {
      const RowScale s = scales[row + i];
      Vec y[kTileVecs];
#pragma GCC unroll 4
      for (size_t v = 0; v < kTileVecs; ++v) {
        const Acc exact = sub_mul(acc[i][v], load_int(w_sum + v * kLanes), s.zero_point);
        const Vec scale = mul(set1(s.scale), load(w_scale + v * kLanes));
        y[v] = epilogue_v<kEpilogue, true>(fma(acc_to_float(exact), scale, panel.bias[v]));
      }
      store_row<kTileVecs>(a.y + (row + i) * a.ldy + panel.column, y, panel.columns);
    }
  }
};

void linear_int8(const LinearArgs* args) {
  const LinearArgs& a = *args;
  Quant* rows = (Quant*)a.scratch;
  const size_t row_values = units(a.k) * kUnitValues;
  RowScale* scales = (RowScale*)(rows + a.m * row_values);
  float* rotated = (float*)(scales + a.m);
  for (size_t i = 0; i < a.m; ++i)
    scales[i] = quantise_row(a.x + i * a.ldx, a.k, rotated, rows + i * row_values);
  with_epilogue(a.epilogue, [&](auto epilogue) {
    for_tiles(a, panel_bytes_int8(a.k), Int8Tile<decltype(epilogue)::kValue>{a, rows, scales});
  });
}

// Calls body(first, values, count) for row `row` of a weight matrix, rotated. Pieces are
// cut where the blocks of 16 groups are.
template <typename Body>
inline void for_rotated_weights(const void* w, WeightType type, size_t row, size_t k,
                                const Body& body) {
  for_converted(w, type, row * k, k, [&](size_t first, const float* values, size_t count) {
    float rotated[kPiece];
    for_rotated(values, count, [&](size_t i, Vec value) { store(rotated + i, value); });
    body(first, rotated, count);
  });
}

void pack_int8(const void* w, WeightType type, size_t rows, size_t k, size_t n_begin,
               void* packed) {
  for (size_t row = 0; row < rows; ++row) {
    const size_t n = n_begin + row;
    char* panel = (char*)packed + n / kPanel * panel_bytes_int8(k);
    float largest = 0.0f;
    for_rotated_weights(w, type, row, k, [&](size_t, const float* values, size_t count) {
      for (size_t i = 0; i < count; ++i) {
        const float magnitude = __builtin_fabsf(values[i]);
        // Finite weights may overflow in the rotation, and infinities there make NaN.
        const float bounded = magnitude < kHuge ? magnitude : __builtin_inff();
        largest = bounded > largest ? bounded : largest;
      }
    });
    const bool huge = largest > kHuge;
    const float inverse = largest > kTiny && !huge ? 127.0f / largest : 0.0f;
    int32_t sum = 0;
    for_rotated_weights(w, type, row, k, [&](size_t begin, const float* values, size_t count) {
      for (size_t i = 0; i < count; ++i) {
        const int32_t p = huge ? 0 : (int32_t)__builtin_lrintf(values[i] * inverse);
        ((QuantWeight*)panel)[unit_place(n, begin + i)] = (QuantWeight)p;
        sum += p;
      }
    });
    float* w_scale = (float*)(panel + units(k) * kPanel * kUnitBytes);
    w_scale[n % kPanel] = huge ? __builtin_nanf("") : inverse > 0.0f ? largest / 127.0f : 0.0f;
    ((int32_t*)(w_scale + kPanel))[n % kPanel] = sum;
  }
}

constexpr LinearKernels kLinearInt8 = {.max_k = 0x7FFFFFFF / (255 * 127),
                                       .packed_bytes = packed_bytes_int8,
                                       .pack = pack_int8,
                                       .scratch_bytes = scratch_bytes_int8,
                                       .run = linear_int8,
                                       .peak = peak_units};
