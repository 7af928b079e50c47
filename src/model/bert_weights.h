// BertWeights: the tensors of a BERT-family classifier, packed for one kernel table. No forward
// pass.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/thread_pool.h"
#include "crossrank/result.h"
#include "kernels/kernel_table.h"
#include "model/config.h"
#include "model/linear.h"
#include "weights/safetensors.h"

namespace crossrank::model {

// E = embedding_size, H = hidden_size, F = intermediate_size.
struct Embeddings {
  Weight word;      // [vocab, E], read in place: only the rows of the tokens at hand are touched
  Weight position;  // [position_offset + max_positions, E]
  Weight type;      // [type_vocab, E]
  LayerNorm norm;
  std::optional<Linear> project;  // [H, E], ELECTRA with E != H
};

struct EncoderLayer {
  // Query, key and value stacked: outputs [0, H) are q, [S, S + H) are k, [2S, 2S + H) are v with
  // S = BertWeights::qkv_stride, H rounded up to a whole weight panel.
  Linear qkv;
  Linear attention_output;  // [H, H]
  LayerNorm attention_norm;
  Linear intermediate;  // [F, H]
  Linear output;        // [H, F]
  LayerNorm output_norm;
};

// Small, and its errors reach the logits undiluted: float32 in every arithmetic.
struct Head {
  Linear dense;  // [H, H]: BERT's pooler and RoBERTa's classifier.dense (tanh), ELECTRA's (gelu)
  kernels::Epilogue activation = kernels::Epilogue::kTanh;
  Linear classifier;  // [labels, H]
};

struct BertWeights {
  Embeddings embeddings;
  std::vector<EncoderLayer> layers;
  Head head;
  std::size_t qkv_stride = 0;
  std::size_t num_labels = 0;
  std::size_t parameters = 0;
};

// Errors: kBadWeights, kBadConfig (label counts that disagree).
Result<BertWeights> load_bert_weights(const Config& config, const weights::TensorMap& tensors,
                                      const kernels::KernelTable& kernels,
                                      base::Parallel& parallel);

}  // namespace crossrank::model
