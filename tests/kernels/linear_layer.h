// LinearLayerTest: what the linear layers of every arithmetic are put through. The arithmetic, its
// inputs and its error bound come from the suites.
#pragma once

#include "kernels/reference.h"
#include "tests/kernels/kernel_test.h"

namespace crossrank::kernels {

class LinearLayerTest : public KernelTest {
 protected:
  virtual const LinearKernels& linear() const = 0;
  // Inputs are uniform in [-1, highest_input()].
  virtual float highest_input() const = 0;
  // How far one output may be off: x and w [k] are the row of the input and of the weights.
  virtual double bound(const float* x, const float* w, float bias, std::size_t k,
                       Epilogue epilogue) const = 0;

  void check(std::size_t m, std::size_t n, std::size_t k, std::size_t misalign, Epilogue epilogue) {
    Random random(m * 1000003 + n * 1009 + k * 31 + misalign);
    const std::vector<float> x = random.floats(m * k, -1, highest_input());
    const std::vector<float> w = random.floats(n * k);
    const std::vector<float> bias = random.floats(n);
    Guarded gx(x, misalign);
    Guarded gb(bias, misalign);
    Guarded gy(m * n, misalign);
    LinearCall call(linear(), m, n, k);
    call.pack(w.data());
    call.args.epilogue = epilogue;
    call.run(gx.data(), gb.data(), gy.data());
    ASSERT_TRUE(gy.intact()) << "wrote outside y: m=" << m << " n=" << n << " k=" << k;
    const std::vector<double> expected = reference::linear(x, w, bias, m, n, k, epilogue);
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        ASSERT_NEAR(gy.data()[i * n + j], expected[i * n + j],
                    bound(x.data() + i * k, w.data() + j * k, bias[j], k, epilogue))
            << "m=" << m << " n=" << n << " k=" << k << " row " << i << " column " << j << " "
            << name_of(epilogue);
      }
    }
  }

  void check_sizes_around_blocks(std::size_t longest_k) {
    const std::size_t rows = kernels().row_block;
    const std::size_t columns = kernels().linear_block;
    for (std::size_t m = 0; m <= 2 * rows + 1; ++m) {
      for (std::size_t n = 1; n <= 2 * columns + 1; n += n < columns - 2 ? 5 : 1)
        check(m, n, 7, 0, Epilogue::kNone);
    }
    for (std::size_t k = 0; k <= longest_k; ++k) {
      check(rows + 1, columns + 1, k, 0, Epilogue::kNone);
    }
  }

  void check_misaligned_pointers() {
    for (std::size_t misalign = 0; misalign < 16; ++misalign) {
      check(kernels().row_block + 3, kernels().linear_block + 5, 19, misalign, Epilogue::kGelu);
    }
  }

  void check_every_epilogue() {
    for (const Epilogue e : {Epilogue::kNone, Epilogue::kGelu, Epilogue::kGeluTanh, Epilogue::kRelu,
                             Epilogue::kSilu, Epilogue::kTanh}) {
      check(11, 100, 384, 0, e);
    }
  }
};

}  // namespace crossrank::kernels
