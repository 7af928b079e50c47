// Bert: weights of a BERT-family sequence classifier and its forward pass. Knows no text.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "base/thread_pool.h"
#include "crossrank/result.h"
#include "kernels/kernel_table.h"
#include "model/config.h"
#include "model/packed_batch.h"
#include "model/workspace.h"
#include "weights/safetensors.h"

namespace crossrank::model {

// Immutable after load and shared by all threads. Embedding tables are read in place from `tensors`
// (which views bytes that must outlive the Bert); linear layers are packed once for `kernels`.
class Bert {
 public:
  // Errors: kBadWeights (missing, shape, dtype, NaN or infinity: the tensor is named),
  // kUnsupportedModel, kBadConfig (label counts that disagree).
  static Result<Bert> load(const Config& config, const weights::TensorMap& tensors,
                           const kernels::KernelTable& kernels, base::Parallel& parallel);

  Bert(Bert&&) noexcept;
  Bert& operator=(Bert&&) noexcept;
  ~Bert();

  // Writes logits [B, num_labels], unnormalised. Every id is < vocab_size, every type id <
  // type_vocab_size, every sequence has 1 to max_positions tokens: the engine guarantees it.
  // `workspace` grows to this batch's needs and is reused; one forward at a time may use it.
  // `parallel` splits the work inside the batch; it changes no bit of the result.
  void forward(const PackedBatch& batch, Workspace& workspace, base::Parallel& parallel,
               float* logits) const;

  // Hidden states for tests: as forward(), and calls `observe(layer, x)` with x [T, H] after the
  // embeddings (layer 0) and after each encoder layer (1..L), all rows computed.
  void forward_observed(
      const PackedBatch& batch, Workspace& workspace, base::Parallel& parallel, float* logits,
      const std::function<void(std::size_t layer, const float* x)>& observe) const;

  const Config& config() const;
  std::size_t num_labels() const;
  std::size_t parameters() const;  // of the tensors used
  // Multiplications and additions of the matrix products for one sequence of `tokens` tokens.
  double operations(std::size_t tokens) const;

 private:
  struct Impl;
  explicit Bert(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace crossrank::model
