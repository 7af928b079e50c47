// TinyModel: a folder with a small random BERT classifier, for tests of the engine. Its logits mean
// nothing but spread over several units.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/safetensors_writer.h"
#include "tests/support/temp_folder.h"

namespace crossrank {

struct TinyModelOptions {
  std::size_t hidden = 16;
  std::size_t intermediate = 0;  // 0 = twice hidden
  std::size_t layers = 2;
  std::size_t max_positions = 64;
  std::size_t labels = 1;
  std::size_t type_vocab = 2;
  bool equal_types = false;           // the rows of the type embeddings are the same
  std::size_t rows_missing = 0;       // rows of the word embeddings below the vocabulary
  float classifier_scale = 1;         // 3e38 makes outputs overflow from finite weights
  std::string tokenizer_config = "";  // "" = no such file
  std::string query_prompt = "";      // with max_seq_length: as sentence-transformers saves them
  std::size_t max_seq_length = 0;
};

// Words w0..w99, the letters and digits, alone and as continuations, and some punctuation.
inline std::vector<std::string> tiny_vocab() {
  std::vector<std::string> vocab = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
                                    ".",     ",",     "?",     "\uFFFD"};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789")) {
    vocab.emplace_back(1, c);
    vocab.push_back(std::string("##") + c);
  }
  for (int i = 0; i < 100; ++i) vocab.push_back("w" + std::to_string(i));
  return vocab;
}

// Owns its folder, which goes when it does.
class TinyModel {
 public:
  explicit TinyModel(const TinyModelOptions& options = {}) {
    const std::vector<std::string> vocab = tiny_vocab();
    const std::size_t words = vocab.size() - options.rows_missing;
    std::ofstream vocab_txt(path("vocab.txt"), std::ios::binary);
    for (const std::string& token : vocab) vocab_txt << token << "\n";
    if (!options.tokenizer_config.empty()) {
      write_file(path("tokenizer_config.json"), options.tokenizer_config);
    }

    if (!options.query_prompt.empty() || options.max_seq_length != 0) write_saved(options);

    const std::size_t h = options.hidden;
    const std::size_t f = options.intermediate != 0 ? options.intermediate : 2 * h;
    std::ofstream(path("config.json"))
        << R"({"architectures":["BertForSequenceClassification"],"model_type":"bert",)"
        << R"("hidden_act":"gelu","layer_norm_eps":1e-12,"num_attention_heads":2,)"
        << "\"hidden_size\":" << h << ",\"intermediate_size\":" << f
        << ",\"num_hidden_layers\":" << options.layers << ",\"vocab_size\":" << words
        << ",\"max_position_embeddings\":" << options.max_positions
        << ",\"type_vocab_size\":" << options.type_vocab << ",\"num_labels\":" << options.labels
        << "}";

    const std::string e = "bert.embeddings.";
    matrix(e + "word_embeddings.weight", words, h);
    matrix(e + "position_embeddings.weight", options.max_positions, h);
    matrix(e + "token_type_embeddings.weight", options.type_vocab, h);
    if (options.equal_types) {
      std::vector<float>& rows = tensors_.back().values;
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = rows[i % h];
    }
    norm(e + "LayerNorm", h);
    for (std::size_t layer = 0; layer < options.layers; ++layer) {
      const std::string l = "bert.encoder.layer." + std::to_string(layer) + ".";
      for (const char* part : {"query", "key", "value"}) {
        linear(l + "attention.self." + part, h, h);
      }
      linear(l + "attention.output.dense", h, h);
      norm(l + "attention.output.LayerNorm", h);
      linear(l + "intermediate.dense", f, h);
      linear(l + "output.dense", h, f);
      norm(l + "output.LayerNorm", h);
    }
    linear("bert.pooler.dense", h, h);
    linear("classifier", options.labels, h);
    std::vector<float>& weight = tensors_[tensors_.size() - 2].values;
    for (float& w : weight) {
      // The sign alone for a scale that would overflow at once.
      w = options.classifier_scale > 1e30F ? (w < 0 ? -1.0F : 1.0F) * options.classifier_scale
                                           : w * options.classifier_scale;
    }
    write_safetensors();
  }

  std::string folder() const { return folder_.path().string(); }

 private:
  struct Tensor {
    std::string name;
    std::vector<std::size_t> shape;
    std::vector<float> values;
  };

  std::filesystem::path path(const char* name) const { return folder_.path() / name; }

  void add(std::string name, std::vector<std::size_t> shape, float mean, float spread) {
    // Seeded by the name, so that a change of one tensor's shape leaves the others as they are.
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(mean, spread);
    std::size_t n = 1;
    for (const std::size_t d : shape) n *= d;
    std::vector<float> values(n);
    for (float& v : values) v = normal(random);
    tensors_.push_back({std::move(name), std::move(shape), std::move(values)});
  }
  void matrix(const std::string& name, std::size_t rows, std::size_t columns) {
    add(name, {rows, columns}, 0, 1.0F);
  }
  void linear(const std::string& name, std::size_t rows, std::size_t columns) {
    add(name + ".weight", {rows, columns}, 0, 0.5F);
    add(name + ".bias", {rows}, 0, 0.1F);
  }
  void norm(const std::string& name, std::size_t size) {
    add(name + ".weight", {size}, 1, 0.1F);
    add(name + ".bias", {size}, 0, 0.1F);
  }

  void write_saved(const TinyModelOptions& options) const {
    std::ofstream(path("modules.json"))
        << R"([{"path":"","type":"sentence_transformers.base.modules.transformer.Transformer"}])";
    std::ofstream(path("config_sentence_transformers.json"))
        << R"({"model_type":"CrossEncoder","activation_fn":"torch.nn.Tanh",)"
        << R"("default_prompt_name":"q","prompts":{"q":")" << options.query_prompt << "\"}}";
    std::ofstream bert(path("sentence_bert_config.json"));
    bert << "{\"max_seq_length\":";
    if (options.max_seq_length == 0) {
      bert << "null}";
    } else {
      bert << options.max_seq_length << "}";
    }
  }

  void write_safetensors() const {
    std::vector<WrittenTensor> written;
    for (const Tensor& tensor : tensors_) {
      written.push_back({tensor.name, "F32", tensor.shape,
                         std::string(reinterpret_cast<const char*>(tensor.values.data()),
                                     tensor.values.size() * sizeof(float))});
    }
    write_file(path("model.safetensors"), safetensors_file(written));
  }

  TempFolder folder_;
  std::vector<Tensor> tensors_;
};

// "w12 w7 ..." of `count` words, each one token.
inline std::string tiny_words(std::mt19937& random, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) text += ' ';
    text += "w" + std::to_string(random() % 100);
  }
  return text;
}

}  // namespace crossrank
