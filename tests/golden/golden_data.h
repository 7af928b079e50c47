// Reads what generate.py wrote: models, pairs, rankings. Checks nothing but that it can be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "json/json.h"

namespace crossrank::golden {

// tests/golden of the source tree, and the repository's root.
std::filesystem::path golden_dir();
std::filesystem::path source_dir();

struct ModelCase {
  std::string name;
  std::string folder;  // absolute
  std::string architecture;
  std::string activation;  // "identity", "sigmoid", "tanh", "softmax"
  std::size_t max_length = 0, num_labels = 0, hidden_size = 0, layers = 0, vocab_size = 0;
};

struct PairCase {
  std::string query, document;
  std::vector<std::int32_t> ids, type_ids;
  std::vector<float> logits;     // PyTorch float32
  std::vector<double> logits64;  // the same weights in float64
  std::vector<float> scores;     // after the model's own activation
};

// All models, the built-in one last. Empty when the file cannot be read: it runs before main(), so
// it may not throw, and the manifest test says what is wrong.
std::vector<ModelCase> read_models();
// The one called `name`. Throws, as the functions below do, when there is none.
ModelCase read_model(std::string_view name);
std::vector<PairCase> read_pairs(const std::string& model);
std::vector<json::Value> read_lines(const std::filesystem::path& file);
std::string read_file(const std::filesystem::path& file);

// Views of `pairs`, which must outlive them.
std::vector<TextPair> views(const std::vector<PairCase>& pairs);

// "model head5, pair 3 (\"capital of\" / \"Canberra was\")", for messages.
std::string describe(const std::string& model, std::size_t index, const PairCase& pair);

// The model on one ISA, or a thrown message.
CrossEncoder load(const std::string& folder, const std::string& isa, std::size_t threads = 1,
                  Precision precision = Precision::kFp32);

// Test parameters: every model on every ISA of this machine that runs `precision`.
struct IsaModel {
  std::string isa;
  ModelCase model;
  Precision precision = Precision::kFp32;
  // "avx2_head5", "avx2_int8_head5"
  std::string name() const;
};
std::vector<IsaModel> isa_models(Precision precision);
// The ISAs of fp32.
std::vector<std::string> isas();

// For gtest's messages.
inline std::ostream& operator<<(std::ostream& out, const IsaModel& p) { return out << p.name(); }

}  // namespace crossrank::golden
