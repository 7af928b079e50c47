// Row operations: conversion, embedding sums, LayerNorm, finiteness. Included once, inside an
// unnamed namespace.

// out[i] = float32 of element begin + i of an array of `type` that may be unaligned.
inline void convert_row(const void* values, WeightType type, size_t begin, size_t n, float* out) {
  const char* p = (const char*)values + begin * (type == WeightType::kF32 ? 4 : 2);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    if (type == WeightType::kF32) {
      store(out + i, load((const float*)p + i));
    } else if (type == WeightType::kF16) {
      store(out + i, load_f16((const uint16_t*)p + i));
    } else {
      store(out + i, load_bf16((const uint16_t*)p + i));
    }
  }
  if (i == n) return;
  // The tail goes through a full vector so that nothing past the array is read.
  if (type == WeightType::kF32) {
    store_first(out + i, load_first((const float*)p + i, n - i), n - i);
  } else {
    uint16_t last[kLanes] = {0};
    __builtin_memcpy(last, p + 2 * i, 2 * (n - i));
    store_first(out + i, type == WeightType::kF16 ? load_f16(last) : load_bf16(last), n - i);
  }
}

// Calls body(first, values, count) for elements begin .. begin + n of an array of `type`, as
// float32 and in pieces: first counts from 0, all pieces but the last have kPiece values.
constexpr size_t kPiece = 256;
template <typename Body>
inline void for_converted(const void* array, WeightType type, size_t begin, size_t n,
                          const Body& body) {
  float values[kPiece];
  for (size_t first = 0; first < n; first += kPiece) {
    const size_t count = n - first < kPiece ? n - first : kPiece;
    convert_row(array, type, begin + first, count, values);
    body(first, values, count);
  }
}

void add_row(const void* row, WeightType type, size_t h, float* out) {
  for_converted(row, type, 0, h, [out](size_t first, const float* values, size_t count) {
    for (size_t i = 0; i < count; ++i) out[first + i] += values[i];
  });
}

// Two passes over a row that is in the first-level cache: the mean, then the squared deviations
// from it (the one-pass formula E[x^2] - E[x]^2 cancels). Variance over H, not H - 1, as in
// PyTorch.
void add_layer_norm(const float* x, const float* residual, const float* gamma, const float* beta,
                    float eps, size_t m, size_t h, float* out) {
  const size_t whole = h / kLanes * kLanes;
  const size_t rest = h - whole;
  for (size_t row = 0; row < m; ++row, x += h, out += h) {
    Vec sum = zero();
    for (size_t i = 0; i < whole; i += kLanes) {
      const Vec value = residual ? add(load(x + i), load(residual + i)) : load(x + i);
      store(out + i, value);
      sum = add(sum, value);
    }
    if (rest != 0) {
      const Vec value = residual
                            ? add(load_first(x + whole, rest), load_first(residual + whole, rest))
                            : load_first(x + whole, rest);
      store_first(out + whole, value, rest);
      sum = add(sum, value);
    }
    const float mean = reduce_add(sum) / (float)h;
    const Vec mean_v = set1(mean);
    Vec squares = zero();
    for (size_t i = 0; i < whole; i += kLanes) {
      const Vec d = sub(load(out + i), mean_v);
      squares = fma(d, d, squares);
    }
    float square = reduce_add(squares);
    for (size_t i = whole; i < h; ++i) square += (out[i] - mean) * (out[i] - mean);
    const Vec scale = set1(1.0f / __builtin_sqrtf(square / (float)h + eps));
    for (size_t i = 0; i < whole; i += kLanes) {
      const Vec normal = mul(sub(load(out + i), mean_v), scale);
      store(out + i, fma(normal, load(gamma + i), load(beta + i)));
    }
    if (rest != 0) {
      const Vec normal = mul(sub(load_first(out + whole, rest), mean_v), scale);
      store_first(out + whole,
                  fma(normal, load_first(gamma + whole, rest), load_first(beta + whole, rest)),
                  rest);
    }
    if (residual) residual += h;
  }
}

// An all-ones exponent is infinity or NaN in every IEEE format.
bool all_finite(const void* values, WeightType type, size_t n) {
  const char* p = (const char*)values;
  bool bad = false;
  if (type == WeightType::kF32) {
    for (size_t i = 0; i < n; ++i) {
      uint32_t bits;
      __builtin_memcpy(&bits, p + 4 * i, 4);
      bad |= (bits & 0x7F800000u) == 0x7F800000u;
    }
    return !bad;
  }
  const uint16_t exponent = type == WeightType::kF16 ? 0x7C00 : 0x7F80;
  for (size_t i = 0; i < n; ++i) {
    uint16_t bits;
    __builtin_memcpy(&bits, p + 2 * i, 2);
    bad |= (bits & exponent) == exponent;
  }
  return !bad;
}
