// Times each kernel on MiniLM's sizes, one thread, beside the roof of its arithmetic. Not a test.
//
//     build/release/bench/kernels_bench [ROWS]
//
// The roof is the register-only loop of LinearKernels::peak, run between the rounds of the kernel,
// so that both see the same clock. Each figure is the median of the rounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/dispatch.h"

namespace {

using crossrank::base::AlignedBuffer;
namespace kernels = crossrank::kernels;

constexpr int kRounds = 41;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

AlignedBuffer<float> numbers(std::size_t n) {
  AlignedBuffer<float> out(n);
  unsigned state = 1;
  for (std::size_t i = 0; i < n; ++i) {
    state = state * 1664525U + 1013904223U;
    out[i] = static_cast<float>(state >> 8) * 0x1p-24F - 0.5F;
  }
  return out;
}

struct Rates {
  double roof, work;  // operations a second
};

Rates measure(const kernels::LinearKernels& linear, double operations,
              const std::function<void()>& work) {
  float sink[4] = {1e-3F, 1e-3F, 0, 0};
  std::vector<double> roof, rate;
  work();
  for (int round = 0; round < kRounds; ++round) {
    std::size_t done = 0;
    const double peak = seconds_of([&] { done = linear.peak(20000, sink); });
    roof.push_back(static_cast<double>(done) / peak);
    rate.push_back(operations / seconds_of(work));
  }
  return {median(roof), median(rate)};
}

void print(const kernels::KernelTable& table, const char* name, const Rates& rates) {
  std::printf("%-7s %-5s %-28s %8.1f %8.1f %6.1f\n", table.name, name_of(table.arithmetic), name,
              rates.roof * 1e-9, rates.work * 1e-9, 100 * rates.work / rates.roof);
}

void linear_layers(const kernels::KernelTable& table, std::size_t m) {
  struct Layer {
    const char* name;
    std::size_t n, k;
    kernels::Epilogue epilogue;
  };
  const Layer layers[] = {{"query, key, value", 1152, 384, kernels::Epilogue::kNone},
                          {"attention output", 384, 384, kernels::Epilogue::kNone},
                          {"intermediate, GELU", 1536, 384, kernels::Epilogue::kGelu},
                          {"output", 384, 1536, kernels::Epilogue::kNone}};
  for (const Layer& layer : layers) {
    const AlignedBuffer<float> x = numbers(m * layer.k);
    const AlignedBuffer<float> w = numbers(layer.n * layer.k);
    const AlignedBuffer<float> bias = numbers(layer.n);
    AlignedBuffer<float> y(m * layer.n);
    AlignedBuffer<char> packed(table.linear.packed_bytes(layer.n, layer.k));
    AlignedBuffer<char> scratch(table.linear.scratch_bytes(m, layer.k));
    std::fill_n(packed.data(), packed.size(), '\0');
    table.linear.pack(w.data(), kernels::WeightType::kF32, layer.n, layer.k, 0, packed.data());
    kernels::LinearArgs args = {};
    args.x = x.data();
    args.ldx = layer.k;
    args.m = m;
    args.k = layer.k;
    args.packed = packed.data();
    args.bias = bias.data();
    args.n_end = layer.n;
    args.y = y.data();
    args.ldy = layer.n;
    args.epilogue = layer.epilogue;
    args.scratch = scratch.data();
    const double operations = 2.0 * static_cast<double>(m * layer.n * layer.k);
    print(table, layer.name, measure(table.linear, operations, [&] { table.linear.run(&args); }));
  }
}

void attention(const kernels::KernelTable& table, std::size_t n, const char* name) {
  constexpr std::size_t kHead = 32;
  constexpr std::size_t kStride = 1152;
  const AlignedBuffer<float> qkv = numbers(n * kStride);
  AlignedBuffer<float> out(n * 384);
  AlignedBuffer<float> scratch(table.attention.scratch_floats(n, kHead));
  kernels::AttentionArgs args = {};
  args.q = qkv.data();
  args.k = qkv.data() + 384;
  args.v = qkv.data() + 768;
  args.ldq = args.ldkv = kStride;
  args.n_queries = args.n_keys = n;
  args.head_size = kHead;
  args.scale = 0.18F;
  args.out = out.data();
  args.ldo = 384;
  args.scratch = scratch.data();
  const kernels::Arithmetic arithmetic = table.attention.arithmetic;
  const kernels::KernelTable& roof = *kernels::find_kernels(table.name, arithmetic).value();
  const std::string title = std::string(name) + " (" + name_of(arithmetic) + ")";
  print(table, title.c_str(), measure(roof.linear, 4.0 * static_cast<double>(n * n * kHead), [&] {
          table.attention.run(&args);
        }));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 96;
  std::printf("%zu rows; G = 1e9 operations a second\n%-7s %-5s %-28s %8s %8s %6s\n", rows, "isa",
              "", "kernel", "roof G", "G", "%");
  for (const kernels::KernelTable* table : kernels::available_kernels()) {
    linear_layers(*table, rows);
    attention(*table, 93, "attention, 93 tokens");
    attention(*table, 374, "attention, 374 tokens");
  }
  return 0;
}
