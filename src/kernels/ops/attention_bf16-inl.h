// Attention with both products in bfloat16, sums and softmax in float32. Included once, inside an
// unnamed namespace, after units-inl.h.

struct Bf16Numbers {
  typedef UnitProduct Product;
  static constexpr size_t kValues = kUnitValues;

  static Vec cells(const float* row, size_t left, Vec factor) {
    const Vec first = mul(load_upto(row, left), factor);
    const Vec second = left > kLanes ? mul(load_upto(row + kLanes, left - kLanes), factor) : zero();
    return (Vec)round_units(first, second);
  }
  static Vec stacked(const float* row, size_t ld, size_t rows, size_t left) {
    const Vec second = rows > 1 ? load_upto(row + ld, left) : zero();
    return (Vec)zip_units(load_upto(row, left), second);
  }
  // Probabilities are summed as rounded: what rounding adds to all of them cancels.
  static Vec put_exp2(float* row, size_t at, Vec top, Vec sum) {
    const Vec first = exp2_coarse_v(sub(load(row + at), top));
    const Vec second = exp2_coarse_v(sub(load(row + at + kLanes), top));
    const Units p = round_units(first, second);
    store(row + at / kValues, (Vec)p);
    return dot(sum, set1_unit(0x3F803F80), p);  // times 1
  }
};

constexpr AttentionKernels kAttentionBf16 = {Arithmetic::kBf16,
                                             attention_scratch<Bf16Numbers, Bf16Numbers>,
                                             attention<Bf16Numbers, Bf16Numbers>};
