// Linear: packing and application.
#include "model/linear.h"

#include <algorithm>

namespace crossrank::model {

base::AlignedBuffer<float> to_float(const kernels::KernelTable& kernels, const Weight& weight) {
  base::AlignedBuffer<float> out(weight.rows * weight.columns);
  std::fill_n(out.data(), out.size(), 0.0F);
  kernels.add_row(weight.data, weight.type, out.size(), out.data());
  return out;
}

Linear::Linear(const kernels::LinearKernels& kernels, std::size_t n, std::size_t k)
    : kernels_(&kernels), packed_(kernels.packed_bytes(n, k)), bias_(n), k_(k) {
  std::fill_n(packed_.data(), packed_.size(), '\0');
  std::fill_n(bias_.data(), bias_.size(), 0.0F);
}

void Linear::set_rows(const kernels::KernelTable& kernels, std::size_t n_begin,
                      const Weight& weight, const Weight& bias) {
  kernels_->pack(weight.data, weight.type, weight.rows, k_, n_begin, packed_.data());
  kernels.add_row(bias.data, bias.type, bias.columns, bias_.data() + n_begin);
}

void Linear::apply(const float* x, std::size_t ldx, std::size_t m, float* y, std::size_t ldy,
                   kernels::Epilogue epilogue, void* scratch, std::size_t n_begin,
                   std::size_t n_end) const {
  kernels::LinearArgs args = {};
  args.x = x;
  args.ldx = ldx;
  args.m = m;
  args.k = k_;
  args.packed = packed_.data();
  args.bias = bias_.data();
  args.n_begin = n_begin;
  args.n_end = n_end;
  args.y = y;
  args.ldy = ldy;
  args.epilogue = epilogue;
  args.scratch = scratch;
  kernels_->run(&args);
}

}  // namespace crossrank::model
