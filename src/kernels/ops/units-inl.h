// Products of narrow numbers: tiles over 32-bit units of kUnitValues consecutive k. Included once,
// inside an unnamed namespace, after tiles-inl.h. What a unit is (2 bf16, 2 int16, 4 int8) the
// vocabulary says; rows are padded with zeros to whole units.

constexpr size_t kUnitBytes = 4;

inline size_t units(size_t k) { return (k + kUnitValues - 1) / kUnitValues; }

// acc[i][v] = sum over u of dot(x[i * ldx + u], w[u * kPanel + v * kLanes ..])
template <size_t kRows>
[[gnu::always_inline]] inline void accumulate_units(const int32_t* __restrict x, size_t ldx,
                                                    const char* __restrict w, size_t n_units,
                                                    Acc acc[kRows][kTileVecs]) {
  Acc sum[kRows][kTileVecs];
#pragma GCC unroll 16
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kTileVecs; ++v) sum[i][v] = acc_zero();
  }
  for (size_t u = 0; u < n_units; ++u) {
    Units weight[kTileVecs];
#pragma GCC unroll 4
    for (size_t v = 0; v < kTileVecs; ++v) weight[v] = load_units(w + v * kLanes * kUnitBytes);
#pragma GCC unroll 16
    for (size_t i = 0; i < kRows; ++i) {
      const auto input = set1_unit(x[i * ldx]);
#pragma GCC unroll 4
      for (size_t v = 0; v < kTileVecs; ++v) sum[i][v] = dot(sum[i][v], input, weight[v]);
    }
    ++x;
    w += kPanel * kUnitBytes;
  }
#pragma GCC unroll 16
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kTileVecs; ++v) acc[i][v] = sum[i][v];
  }
}

// Place of value k of output row n within the packed panels, in values.
inline size_t unit_place(size_t n, size_t k) {
  return (k / kUnitValues * kPanel + n % kPanel) * kUnitValues + k % kUnitValues;
}

// Each sum is an input of its own next product: a product of constants would leave the loop. And
// each starts from another number, or compilers would compute one sum for all.
size_t peak_units(size_t steps, float* numbers) {
  const auto x = set1_unit((int32_t)numbers[0]);
  Acc sum[kTileRows * kTileVecs];
#pragma GCC unroll 32
  for (size_t i = 0; i < kTileRows * kTileVecs; ++i) sum[i] = (Acc)set1(numbers[2] + (float)i);
  for (size_t step = 0; step < steps; ++step) {
#pragma GCC unroll 32
    for (size_t i = 0; i < kTileRows * kTileVecs; ++i) sum[i] = dot(sum[i], x, (Units)sum[i]);
  }
#pragma GCC unroll 32
  for (size_t i = 0; i < kTileRows * kTileVecs; ++i) {
    numbers[3] += reduce_add(acc_to_float(sum[i]));
  }
  return steps * kTileRows * kPanel * kUnitValues * 2;
}
