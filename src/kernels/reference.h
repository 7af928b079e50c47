// Naive kernels in double precision, for tests: the definition that the fast ones are held against.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/kernel_table.h"

namespace crossrank::kernels::reference {

double epilogue(Epilogue kind, double x);

// x [M, K], w [N, K], bias [N] -> y [M, N]
std::vector<double> linear(const std::vector<float>& x, const std::vector<float>& w,
                           const std::vector<float>& bias, std::size_t m, std::size_t n,
                           std::size_t k, Epilogue kind);

// q [n_queries, D], k and v [n_keys, D] -> [n_queries, D]
std::vector<double> attention(const std::vector<float>& q, const std::vector<float>& k,
                              const std::vector<float>& v, std::size_t n_queries,
                              std::size_t n_keys, std::size_t head_size, double scale);

// x, residual [M, H] -> [M, H]; residual may be empty
std::vector<double> add_layer_norm(const std::vector<float>& x, const std::vector<float>& residual,
                                   const std::vector<float>& gamma, const std::vector<float>& beta,
                                   double eps, std::size_t m, std::size_t h);

}  // namespace crossrank::kernels::reference
