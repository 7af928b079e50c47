// Linear: a packed weight matrix with its bias, and the row operations around it. Owned by Bert.
#pragma once

#include <cstddef>

#include "base/aligned_buffer.h"
#include "kernels/kernel_table.h"
#include "model/weight_map.h"

namespace crossrank::model {

// A float32 vector converted once at load (biases, LayerNorm's gamma and beta).
base::AlignedBuffer<float> to_float(const kernels::KernelTable& kernels, const Weight& weight);

// y = W x + b with W [N, K] packed for some of a table's linear kernels. Several matrices may be
// stacked, each starting at a multiple of the table's linear_block; the rows between are zero.
class Linear {
 public:
  Linear() = default;
  Linear(const kernels::LinearKernels& kernels, std::size_t n, std::size_t k);

  // Puts `weight` [rows, K] and `bias` [rows] at output row n_begin. Different rows may be filled
  // by different threads when they lie in different blocks.
  void set_rows(const kernels::KernelTable& kernels, std::size_t n_begin, const Weight& weight,
                const Weight& bias);

  std::size_t outputs() const { return bias_.size(); }

  // y[M, n_end - n_begin] = epilogue(x[M, K] W[n_begin..n_end)^T + b), y at its first column.
  // `scratch` holds LinearKernels::scratch_bytes(m, K) bytes, aligned to 64.
  void apply(const float* x, std::size_t ldx, std::size_t m, float* y, std::size_t ldy,
             kernels::Epilogue epilogue, void* scratch, std::size_t n_begin,
             std::size_t n_end) const;
  // All outputs.
  void apply(const float* x, std::size_t ldx, std::size_t m, float* y, std::size_t ldy,
             kernels::Epilogue epilogue, void* scratch) const {
    apply(x, ldx, m, y, ldy, epilogue, scratch, 0, outputs());
  }

 private:
  const kernels::LinearKernels* kernels_ = nullptr;
  base::AlignedBuffer<char> packed_;
  base::AlignedBuffer<float> bias_;  // [N]
  std::size_t k_ = 0;
};

struct LayerNorm {
  base::AlignedBuffer<float> gamma, beta;  // [H]
  float eps = 0;

  // out[M, H] = LN(x + residual); residual may be null, out may be x.
  void apply(const kernels::KernelTable& kernels, const float* x, const float* residual,
             std::size_t m, float* out) const {
    kernels.add_layer_norm(x, residual, gamma.data(), beta.data(), eps, m, gamma.size(), out);
  }
};

}  // namespace crossrank::model
