/* KernelTable: the functions that one instruction set provides. C headers only; no vector types.
 *
 * Shapes: M rows (tokens), N output features, K input features, H hidden, D head size.
 * All matrices are row-major with a leading dimension in elements. Pointers need no alignment.
 * Every output element is computed by one fixed sequence of operations that depends on K (or H, or
 * the sequence it belongs to) alone: never on M, on the position of its row, or on threads. */
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace crossrank::kernels {

enum class WeightType : uint8_t { kF32, kF16, kBF16 };

enum class Epilogue : uint8_t { kNone, kGelu, kGeluTanh, kRelu, kSilu, kTanh };

/* Arithmetic of the encoder's linear layers; attention says its own. All else is float32. */
enum class Arithmetic : uint8_t { kFp32, kBf16, kInt8 };

/* y[M, n_end - n_begin] = epilogue(x[M, K] * W[n_begin..n_end)^T + bias), W packed by the same
 * LinearKernels. n_begin is a multiple of the table's linear_block; n_end is anything up to N. */
struct LinearArgs {
  const float* x;
  size_t ldx;
  size_t m;
  size_t k;
  const void* packed;
  const float* bias; /* [N] */
  size_t n_begin;
  size_t n_end;
  float* y; /* its column 0 is output n_begin */
  size_t ldy;
  Epilogue epilogue;
  void* scratch; /* LinearKernels::scratch_bytes(m, k) bytes, aligned to 64 */
};

/* Linear layers in one arithmetic. */
struct LinearKernels {
  size_t max_k; /* more inputs would overflow the sums; 0 = no limit */
  size_t (*packed_bytes)(size_t n, size_t k);
  /* Puts `rows` rows of a weight matrix [rows, K] of `type` at rows n_begin.. of packed [N, K].
   * Rows that no call writes must be zeroed by the caller (calloc of the whole is enough). */
  void (*pack)(const void* w, WeightType type, size_t rows, size_t k, size_t n_begin, void* packed);
  size_t (*scratch_bytes)(size_t m, size_t k);
  void (*run)(const LinearArgs* args);
  /* The roof of run(): `steps` rounds of a register tile's products and nothing else. Returns the
   * operations done, each multiplication and each addition one. `numbers`, 4 floats, keep the
   * compiler from leaving them out. */
  size_t (*peak)(size_t steps, float* numbers);
};

/* out[n_queries, D] = softmax(scale * q k^T) v for one head of one sequence. */
struct AttentionArgs {
  const float* q; /* [n_queries, D], leading dimension ldq */
  size_t ldq;
  const float* k; /* [n_keys, D], leading dimension ldkv */
  const float* v;
  size_t ldkv;
  size_t n_queries;
  size_t n_keys;
  size_t head_size;
  float scale;
  float* out;
  size_t ldo;
  float* scratch; /* AttentionKernels::scratch_floats(n_keys, head_size) */
};

struct AttentionKernels {
  Arithmetic arithmetic; /* of both products: kFp32 or kBf16 */
  size_t (*scratch_floats)(size_t n_keys, size_t head_size);
  void (*run)(const AttentionArgs* args);
};

/* Bits of KernelTable::required_features. */
enum : uint64_t {
  kFeatureAvx2 = 1,   /* with FMA and F16C */
  kFeatureAvx512 = 2, /* F, BW, DQ, VL */
  kFeatureAvx512Vnni = 4,
  kFeatureAvx512Bf16 = 8,
  kFeatureDotProd = 16 /* of Armv8.2 */
};

struct KernelTable {
  const char* name;           /* "scalar", "avx2", "avx512", "neon" */
  Arithmetic arithmetic;      /* of `linear` */
  uint64_t required_features; /* 0 = the platform's baseline */

  size_t row_block;    /* rows of a register tile: row ranges are best cut at multiples of it */
  size_t linear_block; /* columns of a weight panel: LinearArgs::n_begin must be a multiple of it */
  LinearKernels linear;      /* of the encoder's layers, in the table's arithmetic */
  LinearKernels linear_fp32; /* of what is small and must be exact */

  AttentionKernels attention;

  /* out[M, H] = LayerNorm(x[M, H] + residual[M, H]); residual may be null; out may be x or
   * residual. */
  void (*add_layer_norm)(const float* x, const float* residual, const float* gamma,
                         const float* beta, float eps, size_t m, size_t h, float* out);

  /* out[h] += row[h] of `type`. */
  void (*add_row)(const void* row, WeightType type, size_t h, float* out);

  /* True when every one of n values is finite. */
  bool (*all_finite)(const void* values, WeightType type, size_t n);
};

}  // namespace crossrank::kernels
