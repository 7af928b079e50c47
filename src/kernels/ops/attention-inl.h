// Attention of one head over one sequence. Included once, inside an unnamed namespace.
//
// Both products use the GEMM tile: scores = q K^T with K packed into panels like a weight matrix
// [n_keys, D], and out = P V with V's rows as they lie (the panel's leading dimension is ldkv).
// A block of kTileRows queries has its scores in scratch (first-level cache up to some 1,000 keys).

constexpr size_t kHeadVecs = 2;  // vectors of V a tile covers: 32 columns on AVX-512

// Scratch: packed K [round_up(n_keys, kPanel), D], scores [kTileRows, round_up(n_keys, kPanel)],
// and V [n_keys, round_up(D, kHeadVecs * kLanes)] where D is no multiple of the tile's width.
size_t attention_scratch(size_t n_keys, size_t head_size) {
  const size_t keys = round_up(n_keys, kPanel);
  return keys * head_size + kTileRows * keys + n_keys * round_up(head_size, kHeadVecs * kLanes);
}

// Turns n scores into unnormalised probabilities and returns 1 / their sum.
inline float softmax_row(float* row, size_t n, float scale) {
  const size_t whole = n / kLanes * kLanes;
  Vec top = set1(row[0]);
  for (size_t i = 0; i < whole; i += kLanes) top = max(top, load(row + i));
  float maximum = reduce_max(top);
  for (size_t i = whole; i < n; ++i) maximum = row[i] > maximum ? row[i] : maximum;
  // exp(scale (s - max)) as a power of 2; scale > 0: the largest score is the largest scaled score.
  const Vec top_v = set1(maximum);
  const Vec scale_v = set1(scale * 1.44269504f);
  Vec sum = zero();
  for (size_t i = 0; i < whole; i += kLanes) {
    const Vec e = exp2_v(mul(sub(load(row + i), top_v), scale_v));
    store(row + i, e);
    sum = add(sum, e);
  }
  if (whole < n) {
    float last[kLanes];
    store(last, exp2_v(mul(sub(load_first(row + whole, n - whole), top_v), scale_v)));
    for (size_t i = n - whole; i < kLanes; ++i) last[i] = 0.0f;
    store_first(row + whole, load(last), n - whole);
    sum = add(sum, load(last));
  }
  return 1.0f / reduce_add(sum);
}

template <size_t kRows>
void attend_rows(const AttentionArgs& a, size_t query, const float* packed_k, const float* values,
                 size_t ldv, float* scores, size_t keys) {
  const float* q = a.q + query * a.ldq;
  for (size_t key = 0; key < a.n_keys; key += kPanel) {
    Vec acc[kRows][kTileVecs];
    accumulate<Fp32Product, kRows, kTileVecs>(q, a.ldq, packed_k + key * a.head_size, kPanel,
                                              a.head_size, acc);
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t v = 0; v < kTileVecs; ++v) store(scores + i * keys + key + v * kLanes, acc[i][v]);
    }
  }
  float inverse[kRows];
  for (size_t i = 0; i < kRows; ++i) {
    inverse[i] = softmax_row(scores + i * keys, a.n_keys, a.scale);
  }
  for (size_t column = 0; column < a.head_size; column += kHeadVecs * kLanes) {
    Vec acc[kRows][kHeadVecs];
    accumulate<Fp32Product, kRows, kHeadVecs>(scores, keys, values + column, ldv, a.n_keys, acc);
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t v = 0; v < kHeadVecs; ++v) acc[i][v] = mul(acc[i][v], set1(inverse[i]));
      store_row<kHeadVecs>(a.out + (query + i) * a.ldo + column, acc[i], a.head_size - column);
    }
  }
}

template <size_t kRows>
void attend_tail(const AttentionArgs& a, size_t query, size_t rows, const float* packed_k,
                 const float* values, size_t ldv, float* scores, size_t keys) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      attend_rows<kRows>(a, query, packed_k, values, ldv, scores, keys);
    } else {
      attend_tail<kRows - 1>(a, query, rows, packed_k, values, ldv, scores, keys);
    }
  }
}

void attention(const AttentionArgs* args) {
  const AttentionArgs& a = *args;
  const size_t keys = round_up(a.n_keys, kPanel);
  float* packed_k = a.scratch;
  float* scores = packed_k + keys * a.head_size;
  for (size_t key = 0; key < a.n_keys; ++key) {
    float* out = packed_row(packed_k, key, a.head_size);
    for (size_t d = 0; d < a.head_size; ++d) out[d * kPanel] = a.k[key * a.ldkv + d];
  }
  // The places of the last panel that no key fills are computed with and never read. Zeros, since
  // old contents could be subnormal and slow.
  for (size_t key = a.n_keys; key < keys; ++key) {
    float* out = packed_row(packed_k, key, a.head_size);
    for (size_t d = 0; d < a.head_size; ++d) out[d * kPanel] = 0.0f;
  }
  const float* values = a.v;
  size_t ldv = a.ldkv;
  const size_t width = round_up(a.head_size, kHeadVecs * kLanes);
  if (width != a.head_size) {  // a tile would read past the head: a copy padded with zeros
    float* copy = scores + kTileRows * keys;
    for (size_t key = 0; key < a.n_keys; ++key) {
      for (size_t d = 0; d < width; ++d) {
        copy[key * width + d] = d < a.head_size ? a.v[key * a.ldkv + d] : 0.0f;
      }
    }
    values = copy;
    ldv = width;
  }
  size_t query = 0;
  for (; query + kTileRows <= a.n_queries; query += kTileRows) {
    attend_rows<kTileRows>(a, query, packed_k, values, ldv, scores, keys);
  }
  attend_tail<kTileRows - 1>(a, query, a.n_queries - query, packed_k, values, ldv, scores, keys);
}
