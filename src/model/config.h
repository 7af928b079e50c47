// Config: the keys of a BERT, ELECTRA or RoBERTa config.json that change a number. Parsing and
// checks only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/blob.h"
#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank::model {

enum class Family { kBert, kElectra, kRoberta };  // kRoberta: XLM-RoBERTa and CamemBERT too

// Between the two matrices of the feed-forward block; names as in transformers' ACT2FN.
enum class HiddenActivation { kGelu, kGeluTanh, kRelu, kSilu, kTanh };

struct Config {
  std::string architecture;  // "BertForSequenceClassification"
  Family family = Family::kBert;
  std::size_t vocab_size = 30522;
  std::size_t hidden_size = 768;
  std::size_t embedding_size = 768;  // differs from hidden_size in ELECTRA only
  std::size_t layers = 12;
  std::size_t heads = 12;
  std::size_t intermediate_size = 3072;
  std::size_t max_positions = 512;  // tokens of the longest sequence
  std::size_t position_offset = 0;  // rows in front of the first token's; 1 + pad_id in RoBERTa
  std::int32_t pad_id = 0;          // RoBERTa only: such a token takes no position
  std::size_t type_vocab_size = 2;
  float layer_norm_eps = 1e-12F;
  HiddenActivation hidden_activation = HiddenActivation::kGelu;
  std::optional<std::size_t> num_labels;        // from num_labels or id2label, when the file says
  std::map<std::size_t, std::string> id2label;  // what of it is usable; see label_names_of()
  std::optional<Activation> stated_activation;  // what sentence-transformers saved, when it did

  std::size_t head_size() const { return hidden_size / heads; }
};

// Reads config.json, and config_sentence_transformers.json where it counts (SavedSettings): recent
// sentence-transformers (6.2) save the activation of a cross-encoder there and nowhere else.
// Errors: kBadConfig with the file and the key; kUnsupportedModel with the architecture or the
// feature (position_embedding_type, a decoder, ...).
Result<Config> parse_config(const base::Blob& config_json,
                            const base::Blob& sentence_transformers_json = {});

// Names for so many labels: those of id2label if it names each of them and no other, else LABEL_0
// and so on, as in transformers.
std::vector<std::string> label_names_of(const Config& config, std::size_t num_labels);

// What the model card's activation is once the label count is known: the stated one, else Sigmoid
// for one label, Identity for more.
Activation score_activation_for(const Config& config, std::size_t num_labels);

}  // namespace crossrank::model
