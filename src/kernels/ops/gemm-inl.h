// Matrix product on packed weights: y = epilogue(x W^T + b). Included once, inside an unnamed
// namespace.
//
// Packed layout: W [N, K] is cut into panels of kPanel = kTileVecs * kLanes rows; panel p holds,
// for each k, the kPanel values W[p * kPanel + j][k], j = 0..kPanel-1 (zero where the row is >= N).
// A tile keeps kTileRows x kTileVecs accumulators in registers and walks k once: per step it loads
// kTileVecs vectors of weights, broadcasts kTileRows inputs and does their products. Each output is
// a sum of chains acc = fma(x[k], w[k], acc) over kChain inputs each, k ascending, whatever tile it
// falls into: the sum does not depend on how many rows there are.

constexpr size_t kPanel = kTileVecs * kLanes;

// Roundings of a chain grow with its length: one chain over K = 3,072 is 2 to 4 times as far off as
// PyTorch, chains of 128 are as near. One addition in 128 steps costs about 1 % of the speed.
constexpr size_t kChain = 128;

// acc[i][v] = sum over k of x[i * ldx + k] * w[k * ldw + v * kLanes ..]
template <size_t kRows, size_t kVecs>
inline void accumulate(const float* __restrict x, size_t ldx, const float* __restrict w, size_t ldw,
                       size_t k, Vec acc[kRows][kVecs]) {
  Vec sum[kRows][kVecs];
#pragma GCC unroll 16
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVecs; ++v) sum[i][v] = zero();
  }
  for (size_t step = 0; step < k; ++step) {
    Vec weight[kVecs];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVecs; ++v) weight[v] = load(w + v * kLanes);
#pragma GCC unroll 16
    for (size_t i = 0; i < kRows; ++i) {
      const Vec input = set1(x[i * ldx]);
#pragma GCC unroll 4
      for (size_t v = 0; v < kVecs; ++v) sum[i][v] = fma(input, weight[v], sum[i][v]);
    }
    ++x;
    w += ldw;
  }
#pragma GCC unroll 16
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVecs; ++v) acc[i][v] = sum[i][v];
  }
}

// Stores columns [0, n) of a row of kVecs vectors, n <= kVecs * kLanes.
template <size_t kVecs>
inline void store_row(float* y, const Vec row[kVecs], size_t n) {
#pragma GCC unroll 4
  for (size_t v = 0; v < kVecs; ++v) {
    const size_t begin = v * kLanes;
    if (begin + kLanes <= n) {
      store(y + begin, row[v]);
    } else if (begin < n) {
      store_first(y + begin, row[v], n - begin);
    }
  }
}

template <size_t kRows, Epilogue kEpilogue>
inline void linear_tile(const LinearArgs& a, size_t row, const float* panel,
                        const Vec bias[kTileVecs], size_t column, size_t columns) {
  const float* x = a.x + row * a.ldx;
  size_t done = a.k < kChain ? a.k : kChain;
  Vec acc[kRows][kTileVecs];
  accumulate<kRows, kTileVecs>(x, a.ldx, panel, kPanel, done, acc);
  while (done < a.k) {
    const size_t steps = a.k - done < kChain ? a.k - done : kChain;
    Vec chain[kRows][kTileVecs];
    accumulate<kRows, kTileVecs>(x + done, a.ldx, panel + done * kPanel, kPanel, steps, chain);
#pragma GCC unroll 16
    for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
      for (size_t v = 0; v < kTileVecs; ++v) acc[i][v] = add(acc[i][v], chain[i][v]);
    }
    done += steps;
  }
#pragma GCC unroll 16
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kTileVecs; ++v) {
      acc[i][v] = epilogue_v<kEpilogue>(add(acc[i][v], bias[v]));
    }
    store_row<kTileVecs>(a.y + (row + i) * a.ldy + column, acc[i], columns);
  }
}

// The last rows of a block, one at a time at most kTileRows - 1 of them.
template <size_t kRows, Epilogue kEpilogue>
inline void linear_tail(const LinearArgs& a, size_t row, size_t rows, const float* panel,
                        const Vec bias[kTileVecs], size_t column, size_t columns) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      linear_tile<kRows, kEpilogue>(a, row, panel, bias, column, columns);
    } else {
      linear_tail<kRows - 1, kEpilogue>(a, row, rows, panel, bias, column, columns);
    }
  }
}

template <Epilogue kEpilogue>
void linear_with(const LinearArgs& a) {
  for (size_t column = a.n_begin; column < a.n_end; column += kPanel) {
    const size_t columns = a.n_end - column < kPanel ? a.n_end - column : kPanel;
    const float* panel = (const float*)a.packed + column * a.k;
    Vec bias[kTileVecs];
    for (size_t v = 0; v < kTileVecs; ++v) {
      const size_t begin = v * kLanes;
      if (begin + kLanes <= columns) {
        bias[v] = load(a.bias + column + begin);
      } else {
        bias[v] = begin < columns ? load_first(a.bias + column + begin, columns - begin) : zero();
      }
    }
    size_t row = 0;
    for (; row + kTileRows <= a.m; row += kTileRows) {
      linear_tile<kTileRows, kEpilogue>(a, row, panel, bias, column - a.n_begin, columns);
    }
    linear_tail<kTileRows - 1, kEpilogue>(a, row, a.m - row, panel, bias, column - a.n_begin,
                                          columns);
  }
}

void linear(const LinearArgs* args) {
  switch (args->epilogue) {
    case Epilogue::kNone: return linear_with<Epilogue::kNone>(*args);
    case Epilogue::kGelu: return linear_with<Epilogue::kGelu>(*args);
    case Epilogue::kGeluTanh: return linear_with<Epilogue::kGeluTanh>(*args);
    case Epilogue::kRelu: return linear_with<Epilogue::kRelu>(*args);
    case Epilogue::kSilu: return linear_with<Epilogue::kSilu>(*args);
    case Epilogue::kTanh: return linear_with<Epilogue::kTanh>(*args);
  }
}

inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

size_t packed_linear_bytes(size_t n, size_t k) { return round_up(n, kPanel) * k * sizeof(float); }

// Puts row `n` of W, given as float32, into its panel.
inline void pack_row(const float* row, size_t k, size_t n, float* packed) {
  float* out = packed + n / kPanel * kPanel * k + n % kPanel;
  for (size_t i = 0; i < k; ++i) out[i * kPanel] = row[i];
}

void pack_linear(const void* w, WeightType type, size_t rows, size_t k, size_t n_begin,
                 void* packed) {
  float chunk[256];  // converted inputs of one row
  for (size_t row = 0; row < rows; ++row) {
    const size_t n = n_begin + row;
    float* out = (float*)packed + n / kPanel * kPanel * k + n % kPanel;
    for (size_t begin = 0; begin < k; begin += 256) {
      const size_t count = k - begin < 256 ? k - begin : 256;
      convert_row(w, type, row * k + begin, count, chunk);
      for (size_t i = 0; i < count; ++i) out[(begin + i) * kPanel] = chunk[i];
    }
  }
}
