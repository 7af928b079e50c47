// Linear layers in bfloat16 with float32 sums. Included once, inside an unnamed namespace, after
// units-inl.h. A panel is units(k) * kPanel pairs of weights.

size_t packed_bytes_bf16(size_t n, size_t k) { return round_up(n, kPanel) * units(k) * kUnitBytes; }

size_t scratch_bytes_bf16(size_t m, size_t k) { return m * units(k) * kUnitBytes; }

// A row of k floats rounded to nearest even, padded with zeros.
inline void round_row(const float* x, size_t k, uint16_t* out) {
  size_t i = 0;
  for (; i + kLanes <= k; i += kLanes) store_bf16(out + i, load(x + i));
  if (i < k) {
    uint16_t last[kLanes];
    store_bf16(last, load_first(x + i, k - i));
    for (size_t j = 0; i + j < k; ++j) out[i + j] = last[j];
  }
  for (size_t j = k; j < units(k) * kUnitValues; ++j) out[j] = 0;
}

template <Epilogue kEpilogue>
struct Bf16Tile {
  const LinearArgs& a;
  const uint16_t* rows;

  template <size_t kRows>
  void run(const Panel& panel, size_t row) const {
    const size_t n_units = units(a.k);
    Acc acc[kRows][kTileVecs];
    accumulate_units<kRows>(rows + row * n_units * kUnitValues, panel, n_units, acc);
    finish<kRows, kEpilogue, true>(a, panel, row, acc);
  }
};

void linear_bf16(const LinearArgs* args) {
  const LinearArgs& a = *args;
  uint16_t* rows = (uint16_t*)a.scratch;
  const size_t row_values = units(a.k) * kUnitValues;
  for (size_t i = 0; i < a.m; ++i) round_row(a.x + i * a.ldx, a.k, rows + i * row_values);
  with_epilogue(a.epilogue, [&](auto epilogue) {
    for_tiles(a, kPanel * units(a.k) * kUnitBytes, Bf16Tile<decltype(epilogue)::kValue>{a, rows});
  });
}

void pack_bf16(const void* w, WeightType type, size_t rows, size_t k, size_t n_begin,
               void* packed) {
  for (size_t row = 0; row < rows; ++row) {
    const size_t n = n_begin + row;
    uint16_t* panel = (uint16_t*)packed + n / kPanel * kPanel * units(k) * kUnitValues;
    for_converted(w, type, row * k, k, [&](size_t begin, const float* values, size_t count) {
      uint16_t rounded[round_up(kPiece, kUnitValues)];
      round_row(values, count, rounded);
      for (size_t i = 0; i < count; ++i) panel[unit_place(n, begin + i)] = rounded[i];
    });
  }
}

constexpr LinearKernels kLinearBf16 = {.max_k = 0,
                                       .packed_bytes = packed_bytes_bf16,
                                       .pack = pack_bf16,
                                       .scratch_bytes = scratch_bytes_bf16,
                                       .run = linear_bf16,
                                       .peak = peak_units};
