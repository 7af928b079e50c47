// Products of narrow numbers: tiles over 32-bit units of kUnitValues consecutive k. Included once,
// inside an unnamed namespace, after tiles-inl.h. What a unit is (2 bf16, 2 int16, 4 int8) the
// vocabulary says; rows are padded with zeros to whole units.

constexpr size_t kUnitBytes = 4;

inline size_t units(size_t k) { return (k + kUnitValues - 1) / kUnitValues; }

struct UnitProduct {
  typedef int32_t X __attribute__((may_alias));  // a unit, of numbers that were stored one by one
  typedef char W;
  typedef Acc Sum;
  static constexpr size_t kStride = kLanes * kUnitBytes;
  static Acc none() { return acc_zero(); }
  static auto broadcast(int32_t x) { return set1_unit(x); }
  static Units weights(const char* w) { return load_units(w); }
  template <typename Input>
  static Acc add(Acc sum, Input x, Units w) {
    return dot(sum, x, w);
  }
};

// The sums of a tile over all of a panel. `rows` are the packed inputs from the tile's first on.
template <size_t kRows>
[[gnu::always_inline]] inline void accumulate_units(const void* rows, const Panel& panel,
                                                    size_t n_units, Acc acc[kRows][kTileVecs]) {
  accumulate<UnitProduct, kRows, kTileVecs>((const UnitProduct::X*)rows, n_units, panel.weights,
                                            kPanel * kUnitBytes, n_units, acc);
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
    for (Acc& s : sum) s = dot(s, x, (Units)s);
  }
#pragma GCC unroll 32
  for (const Acc& s : sum) numbers[3] += reduce_add(acc_to_float(s));
  return steps * kTileRows * kPanel * kUnitValues * 2;
}
