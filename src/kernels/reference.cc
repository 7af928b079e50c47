// Naive kernels in double precision. Written for the reader, not for speed; linked into tests only.
#include "kernels/reference.h"

#include <algorithm>
#include <cmath>

namespace crossrank::kernels::reference {

double epilogue(Epilogue kind, double x) {
  switch (kind) {
    case Epilogue::kNone: return x;
    case Epilogue::kGelu: return 0.5 * x * std::erfc(-x * M_SQRT1_2);
    case Epilogue::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(M_2_PI) * (x + 0.044715 * x * x * x)));
    case Epilogue::kRelu: return std::max(x, 0.0);
    case Epilogue::kSilu: return x / (1 + std::exp(-x));
    case Epilogue::kTanh: return std::tanh(x);
  }
  return x;
}

std::vector<double> linear(const std::vector<float>& x, const std::vector<float>& w,
                           const std::vector<float>& bias, std::size_t m, std::size_t n,
                           std::size_t k, Epilogue kind) {
  std::vector<double> y(m * n);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double sum = bias[j];
      for (std::size_t l = 0; l < k; ++l) sum += double{x[i * k + l]} * double{w[j * k + l]};
      y[i * n + j] = epilogue(kind, sum);
    }
  }
  return y;
}

std::vector<double> attention(const std::vector<float>& q, const std::vector<float>& k,
                              const std::vector<float>& v, std::size_t n_queries,
                              std::size_t n_keys, std::size_t head_size, double scale) {
  std::vector<double> out(n_queries * head_size);
  std::vector<double> p(n_keys);
  for (std::size_t i = 0; i < n_queries; ++i) {
    for (std::size_t j = 0; j < n_keys; ++j) {
      p[j] = 0;
      for (std::size_t d = 0; d < head_size; ++d) {
        p[j] += scale * double{q[i * head_size + d]} * double{k[j * head_size + d]};
      }
    }
    const double top = *std::max_element(p.begin(), p.end());
    double sum = 0;
    for (double& value : p) sum += value = std::exp(value - top);
    for (std::size_t j = 0; j < n_keys; ++j) {
      for (std::size_t d = 0; d < head_size; ++d) {
        out[i * head_size + d] += p[j] / sum * double{v[j * head_size + d]};
      }
    }
  }
  return out;
}

std::vector<double> add_layer_norm(const std::vector<float>& x, const std::vector<float>& residual,
                                   const std::vector<float>& gamma, const std::vector<float>& beta,
                                   double eps, std::size_t m, std::size_t h) {
  std::vector<double> out(m * h);
  for (std::size_t i = 0; i < m; ++i) {
    double* row = out.data() + i * h;
    double mean = 0;
    for (std::size_t j = 0; j < h; ++j) {
      row[j] = double{x[i * h + j]} + (residual.empty() ? 0.0 : double{residual[i * h + j]});
      mean += row[j] / static_cast<double>(h);
    }
    double variance = 0;
    for (std::size_t j = 0; j < h; ++j) {
      variance += (row[j] - mean) * (row[j] - mean) / static_cast<double>(h);
    }
    for (std::size_t j = 0; j < h; ++j) {
      row[j] = (row[j] - mean) / std::sqrt(variance + eps) * double{gamma[j]} + double{beta[j]};
    }
  }
  return out;
}

}  // namespace crossrank::kernels::reference
