// Linear layers in float32, and the product that attention shares. Included once, inside an unnamed
// namespace, after tiles-inl.h.
//
// A panel holds, for each k, the kPanel values W[p * kPanel + j][k], j = 0..kPanel-1 (zero where
// the row is >= N). Per step of k a tile loads kTileVecs vectors of weights, broadcasts kTileRows
// inputs and does their products. Each output is a sum of chains acc = fma(x[k], w[k], acc) over
// kChain inputs each, k ascending.

// Roundings of a chain grow with its length: one chain over K = 3,072 is 2 to 4 times as far off as
// PyTorch, chains of 128 are as near. One addition in 128 steps costs about 1 % of the speed.
constexpr size_t kChain = 128;

struct Fp32Product {
  typedef float X;
  typedef float W;
  typedef Vec Sum;
  static constexpr size_t kStride = kLanes;  // of W from vector to vector
  static Vec none() { return zero(); }
  static Vec broadcast(float x) { return set1(x); }
  static Vec weights(const float* w) { return load(w); }
  static Vec add(Vec sum, Vec x, Vec w) { return fma(x, w, sum); }
};

template <Epilogue kEpilogue>
struct Fp32Tile {
  const LinearArgs& a;

  template <size_t kRows>
  void run(const Panel& panel, size_t row) const {
    const float* x = a.x + row * a.ldx;
    const float* w = (const float*)panel.weights;
    size_t done = a.k < kChain ? a.k : kChain;
    Vec acc[kRows][kTileVecs];
    accumulate<Fp32Product, kRows, kTileVecs>(x, a.ldx, w, kPanel, done, acc);
    while (done < a.k) {
      const size_t steps = a.k - done < kChain ? a.k - done : kChain;
      Vec chain[kRows][kTileVecs];
      accumulate<Fp32Product, kRows, kTileVecs>(x + done, a.ldx, w + done * kPanel, kPanel, steps,
                                                chain);
#pragma GCC unroll 16
      for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
        for (size_t v = 0; v < kTileVecs; ++v) acc[i][v] = add(acc[i][v], chain[i][v]);
      }
      done += steps;
    }
    finish<kRows, kEpilogue, false>(a, panel, row, acc);
  }
};

void linear_fp32(const LinearArgs* args) {
  with_epilogue(args->epilogue, [args](auto epilogue) {
    for_tiles(*args, kPanel * args->k * sizeof(float), Fp32Tile<decltype(epilogue)::kValue>{*args});
  });
}

size_t packed_bytes_fp32(size_t n, size_t k) { return round_up(n, kPanel) * k * sizeof(float); }

size_t scratch_bytes_fp32(size_t, size_t) { return 0; }

// Where W[n][0] lies; W[n][k] is k * kPanel further.
inline float* packed_row(float* packed, size_t n, size_t k) {
  return packed + n / kPanel * kPanel * k + n % kPanel;
}

void pack_fp32(const void* w, WeightType type, size_t rows, size_t k, size_t n_begin,
               void* packed) {
  for (size_t row = 0; row < rows; ++row) {
    float* out = packed_row((float*)packed, n_begin + row, k);
    for_converted(w, type, row * k, k, [out](size_t begin, const float* values, size_t count) {
      for (size_t i = 0; i < count; ++i) out[(begin + i) * kPanel] = values[i];
    });
  }
}

// Each sum starts from another number, or compilers would compute one for all.
size_t peak_fp32(size_t steps, float* numbers) {
  const Vec x = set1(numbers[0]);
  const Vec w = set1(numbers[1]);
  Vec sum[kTileRows * kTileVecs];
#pragma GCC unroll 32
  for (size_t i = 0; i < kTileRows * kTileVecs; ++i) sum[i] = set1(numbers[2] + (float)i);
  for (size_t step = 0; step < steps; ++step) {
#pragma GCC unroll 32
    for (Vec& s : sum) s = fma(x, w, s);
  }
#pragma GCC unroll 32
  for (const Vec& s : sum) numbers[3] += reduce_add(s);
  return steps * kTileRows * kPanel * 2;
}

constexpr LinearKernels kLinearFp32 = {.max_k = 0,
                                       .packed_bytes = packed_bytes_fp32,
                                       .pack = pack_fp32,
                                       .scratch_bytes = scratch_bytes_fp32,
                                       .run = linear_fp32,
                                       .peak = peak_fp32};
