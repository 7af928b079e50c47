// Attention of one head over one sequence. Included once, inside an unnamed namespace.
//
// Both products use the GEMM tile: scores = (scale log2 e q) K^T with K packed into panels like a
// weight matrix [n_keys, D], and out = P V with V's rows copied side by side (where they lie, a row
// of qkv apart, they share a few sets of the first-level cache). A block of kTileRows queries has
// its scores in scratch (first-level cache up to some 1,000 keys).
//
// Factors are cells of 32 bits with kValues numbers of Keys (q, K) or Values (P, V): columns of a
// head in q K^T, consecutive keys in P V. Cells are filled up with zeros.

constexpr size_t kHeadVecs = 2;  // vectors of V a tile covers: 32 columns on AVX-512

struct Fp32Numbers {
  typedef Fp32Product Product;
  static constexpr size_t kValues = 1;

  // kLanes cells of the first `left` numbers at `row`, each times `factor`.
  static Vec cells(const float* row, size_t left, Vec factor) {
    return mul(load_upto(row, left), factor);
  }
  // kLanes cells, each of kValues rows of one column; `rows` rows and `left` columns are there.
  static Vec stacked(const float* row, size_t /*ld*/, size_t /*rows*/, size_t left) {
    return load_upto(row, left);
  }
  // Turns kLanes * kValues scores from `at` on into kLanes cells of probabilities, which overwrite
  // no later score, and returns sum + the probabilities.
  static Vec put_exp2(float* row, size_t at, Vec top, Vec sum) {
    const Vec p = exp2_v(sub(load(row + at), top));
    store(row + at, p);
    return add(sum, p);
  }
};

// Where things lie in scratch; all counts are of 32 bits.
struct HeadLayout {
  size_t keys;       // rounded up to whole panels
  size_t key_cells;  // of P and V
  size_t depth;      // cells of a row of q and of K
  size_t ldq;        // in whole vectors
  size_t width;      // columns of V in whole tiles
  size_t values;     // V [key_cells, width], behind K [keys / kPanel, depth, kPanel]
  size_t queries;    // q [kTileRows, ldq]
  size_t ldp;        // keys in whole vectors of cells
  size_t scores;     // [kTileRows, ldp] floats, then P
  size_t end;
};

template <typename Keys, typename Values>
inline HeadLayout head_layout(size_t n_keys, size_t head_size) {
  HeadLayout l;
  l.keys = round_up(n_keys, kPanel);
  l.key_cells = round_up(n_keys, Values::kValues) / Values::kValues;
  l.depth = round_up(head_size, Keys::kValues) / Keys::kValues;
  l.ldq = round_up(l.depth, kLanes);
  l.width = round_up(head_size, kHeadVecs * kLanes);
  l.values = l.keys * l.depth;
  l.queries = l.values + l.key_cells * l.width;
  l.scores = l.queries + kTileRows * l.ldq;
  l.ldp = round_up(l.keys, kLanes * Values::kValues);
  l.end = l.scores + kTileRows * l.ldp;
  return l;
}

template <typename Keys, typename Values>
size_t attention_scratch(size_t n_keys, size_t head_size) {
  return head_layout<Keys, Values>(n_keys, head_size).end;
}

// accumulate() on cells.
template <typename Numbers, size_t kRows, size_t kVecs>
[[gnu::always_inline]] inline void accumulate_cells(const float* x, size_t ldx, const float* w,
                                                    size_t ldw, size_t steps,
                                                    Vec acc[kRows][kVecs]) {
  typedef typename Numbers::Product Product;
  constexpr size_t kCell = Product::kStride / kLanes;  // in the elements of w
  accumulate<Product, kRows, kVecs>((const typename Product::X*)x, ldx,
                                    (const typename Product::W*)w, ldw * kCell, steps, acc);
}

// Turns rows of n scores into unnormalised probabilities and writes 1 / their sums. `padding` is 0
// where the last vector with scores has one and the lowest float behind: those become 0.
template <typename Numbers, size_t kRows>
inline void softmax_rows(float* scores, size_t ld, size_t n, Vec padding, float inverse[kRows]) {
  constexpr size_t kStep = kLanes * Numbers::kValues;
  const size_t last = (n - 1) / kLanes * kLanes;
  Vec top[kRows];
  for (size_t i = 0; i < kRows; ++i) {
    float* row = scores + i * ld;
    Vec largest = add(load(row + last), padding);
    store(row + last, largest);
    if constexpr (kStep > kLanes) {
      for (size_t at = last + kLanes; at < round_up(n, kStep); at += kLanes) {
        store(row + at, set1(-__FLT_MAX__));
      }
    }
    for (size_t at = 0; at < last; at += kLanes) largest = max(largest, load(row + at));
    top[i] = set1(reduce_max(largest));
  }
  Vec sum[kRows];
  for (size_t i = 0; i < kRows; ++i) {
    float* row = scores + i * ld;
    sum[i] = zero();
    for (size_t at = 0; at < n; at += kStep) sum[i] = Numbers::put_exp2(row, at, top[i], sum[i]);
  }
  for (size_t i = 0; i < kRows; ++i) inverse[i] = 1.0f / reduce_add(sum[i]);
}

template <typename Keys, typename Values>
struct Head {
  const AttentionArgs& a;
  HeadLayout l;
  Vec factor;   // of q
  Vec padding;  // see softmax_rows

  size_t columns_from(size_t column) const {
    return column < a.head_size ? a.head_size - column : 0;
  }

  void pack_keys() const {
    for (size_t key = 0; key < l.keys; key += kLanes) {
      float* out = packed_row(a.scratch, key, l.depth);
      for (size_t cell = 0; cell < l.depth; cell += kLanes) {
        const size_t column = cell * Keys::kValues;
        Vec rows[kLanes];
#pragma GCC unroll 16
        for (size_t i = 0; i < kLanes; ++i) {
          rows[i] = key + i < a.n_keys ? Keys::cells(a.k + (key + i) * a.ldkv + column,
                                                     columns_from(column), set1(1.0f))
                                       : zero();
        }
        transpose(rows);
#pragma GCC unroll 16
        for (size_t i = 0; i < kLanes; ++i) {
          if (cell + i < l.depth) store(out + (cell + i) * kPanel, rows[i]);
        }
      }
    }
  }

  void pack_values() const {
    float* out = a.scratch + l.values;
    for (size_t cell = 0; cell < l.key_cells; ++cell, out += l.width) {
      const size_t key = cell * Values::kValues;
      for (size_t column = 0; column < l.width; column += kLanes) {
        store(out + column, Values::stacked(a.v + key * a.ldkv + column, a.ldkv, a.n_keys - key,
                                            columns_from(column)));
      }
    }
  }

  // Queries [row, row + kRows).
  template <size_t kRows>
  void run(size_t row) const {
    float* q = a.scratch + l.queries;
    float* scores = a.scratch + l.scores;
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t cell = 0; cell < l.depth; cell += kLanes) {
        const size_t column = cell * Keys::kValues;
        store(q + i * l.ldq + cell,
              Keys::cells(a.q + (row + i) * a.ldq + column, columns_from(column), factor));
      }
    }
    for (size_t key = 0; key < l.keys; key += kPanel) {
      Vec acc[kRows][kTileVecs];
      accumulate_cells<Keys, kRows, kTileVecs>(q, l.ldq, a.scratch + key * l.depth, kPanel, l.depth,
                                               acc);
      for (size_t i = 0; i < kRows; ++i) {
        store_row<kTileVecs>(scores + i * l.ldp + key, acc[i], kPanel);
      }
    }
    float inverse[kRows];
    softmax_rows<Values, kRows>(scores, l.ldp, a.n_keys, padding, inverse);
    for (size_t column = 0; column < a.head_size; column += kHeadVecs * kLanes) {
      Vec acc[kRows][kHeadVecs];
      accumulate_cells<Values, kRows, kHeadVecs>(scores, l.ldp, a.scratch + l.values + column,
                                                 l.width, l.key_cells, acc);
      for (size_t i = 0; i < kRows; ++i) {
        for (size_t v = 0; v < kHeadVecs; ++v) acc[i][v] = mul(acc[i][v], set1(inverse[i]));
        store_row<kHeadVecs>(a.out + (row + i) * a.ldo + column, acc[i], a.head_size - column);
      }
    }
  }

  template <size_t kRows>
  void tail(size_t row) const {
    if constexpr (kRows > 0) {
      if (a.n_queries - row == kRows) {
        run<kRows>(row);
      } else {
        tail<kRows - 1>(row);
      }
    }
  }
};

template <typename Keys, typename Values>
void attention(const AttentionArgs* args) {
  const AttentionArgs& a = *args;
  float padding[kLanes];
  for (size_t i = 0; i < kLanes; ++i) {
    padding[i] = i <= (a.n_keys - 1) % kLanes ? 0.0f : -__FLT_MAX__;
  }
  const Head<Keys, Values> head = {a, head_layout<Keys, Values>(a.n_keys, a.head_size),
                                   set1(a.scale * 1.44269504f), load(padding)};
  head.pack_keys();
  head.pack_values();
  size_t row = 0;
  for (; row + kTileRows <= a.n_queries; row += kTileRows) head.template run<kTileRows>(row);
  head.template tail<kTileRows - 1>(row);
}

constexpr AttentionKernels kAttentionFp32 = {Arithmetic::kFp32,
                                             attention_scratch<Fp32Numbers, Fp32Numbers>,
                                             attention<Fp32Numbers, Fp32Numbers>};
