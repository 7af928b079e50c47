// The walk over a linear layer's panels and register tiles, the same for every precision. Included
// once, inside an unnamed namespace.
//
// A weight matrix [N, K] is packed into panels of kPanel = kTileVecs * kLanes output rows. A tile
// is kTileRows input rows x one panel: its kTileRows x kTileVecs accumulators stay in registers
// while k is walked once. Each output is one fixed sequence of sums over k whatever tile it falls
// into, so it does not depend on how many rows there are.

constexpr size_t kPanel = kTileVecs * kLanes;

constexpr size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

// The first n numbers at p, for any n; the other lanes are 0.
inline Vec load_upto(const float* p, size_t n) { return n < kLanes ? load_first(p, n) : load(p); }

// One panel of a LinearArgs: where its outputs go, and its bias (0 behind the last output).
struct Panel {
  const char* weights;
  size_t column;   // in y
  size_t columns;  // outputs, at most kPanel
  Vec bias[kTileVecs];
};

inline Panel make_panel(const LinearArgs& a, size_t n, size_t panel_bytes) {
  Panel panel;
  panel.weights = (const char*)a.packed + n / kPanel * panel_bytes;
  panel.column = n - a.n_begin;
  panel.columns = a.n_end - n < kPanel ? a.n_end - n : kPanel;
  for (size_t v = 0; v < kTileVecs; ++v) {
    const size_t begin = v * kLanes;
    panel.bias[v] =
        begin < panel.columns ? load_upto(a.bias + n + begin, panel.columns - begin) : zero();
  }
  return panel;
}

// sum[i][v] over `steps` of the products of x[i * ldx + step] and vector v of w[step * ldw ..].
// Product says what numbers these are and how one is added: Fp32Product, UnitProduct.
template <typename Product, size_t kRows, size_t kVecs>
[[gnu::always_inline]] inline void accumulate(const typename Product::X* __restrict x, size_t ldx,
                                              const typename Product::W* __restrict w, size_t ldw,
                                              size_t steps,
                                              typename Product::Sum acc[kRows][kVecs]) {
  typename Product::Sum sum[kRows][kVecs];
#pragma GCC unroll 16
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kVecs; ++v) sum[i][v] = Product::none();
  }
  for (size_t step = 0; step < steps; ++step) {
    decltype(Product::weights(w)) weight[kVecs];
#pragma GCC unroll 4
    for (size_t v = 0; v < kVecs; ++v) weight[v] = Product::weights(w + v * Product::kStride);
#pragma GCC unroll 16
    for (size_t i = 0; i < kRows; ++i) {
      const auto input = Product::broadcast(x[i * ldx]);
#pragma GCC unroll 4
      for (size_t v = 0; v < kVecs; ++v) sum[i][v] = Product::add(sum[i][v], input, weight[v]);
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
[[gnu::always_inline]] inline void store_row(float* y, const Vec row[kVecs], size_t n) {
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

// Adds the bias, applies the epilogue and stores kRows rows of a panel's outputs. kCoarse: in the
// accuracy of narrow arithmetic.
template <size_t kRows, Epilogue kEpilogue, bool kCoarse>
[[gnu::always_inline]] inline void finish(const LinearArgs& a, const Panel& panel, size_t row,
                                          Vec acc[kRows][kTileVecs]) {
#pragma GCC unroll 16
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t v = 0; v < kTileVecs; ++v) {
      acc[i][v] = epilogue_v<kEpilogue, kCoarse>(add(acc[i][v], panel.bias[v]));
    }
    store_row<kTileVecs>(a.y + (row + i) * a.ldy + panel.column, acc[i], panel.columns);
  }
}

// The last rows of a block, at most kRows of them.
template <size_t kRows, typename Tile>
inline void tail_tile(const Tile& tile, const Panel& panel, size_t row, size_t rows) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      tile.template run<kRows>(panel, row);
    } else {
      tail_tile<kRows - 1>(tile, panel, row, rows);
    }
  }
}

// Calls tile.run<rows>(panel, first row) for every tile of the layer.
template <typename Tile>
inline void for_tiles(const LinearArgs& a, size_t panel_bytes, const Tile& tile) {
  for (size_t n = a.n_begin; n < a.n_end; n += kPanel) {
    const Panel panel = make_panel(a, n, panel_bytes);
    size_t row = 0;
    for (; row + kTileRows <= a.m; row += kTileRows) tile.template run<kTileRows>(panel, row);
    tail_tile<kTileRows - 1>(tile, panel, row, a.m - row);
  }
}

template <Epilogue kEpilogue>
struct EpilogueTag {
  static constexpr Epilogue kValue = kEpilogue;
};

// Calls body(EpilogueTag<epilogue>()): the choice is made once a layer, not once an element.
template <typename Body>
inline void with_epilogue(Epilogue epilogue, const Body& body) {
  switch (epilogue) {
    case Epilogue::kNone: return body(EpilogueTag<Epilogue::kNone>());
    case Epilogue::kGelu: return body(EpilogueTag<Epilogue::kGelu>());
    case Epilogue::kGeluTanh: return body(EpilogueTag<Epilogue::kGeluTanh>());
    case Epilogue::kRelu: return body(EpilogueTag<Epilogue::kRelu>());
    case Epilogue::kSilu: return body(EpilogueTag<Epilogue::kSilu>());
    case Epilogue::kTanh: return body(EpilogueTag<Epilogue::kTanh>());
  }
}
