// ModelEditor: a committed model, changed in memory and written to a temporary folder. For tests of
// odd models, so that hundreds of them need not be committed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "json/json.h"
#include "tests/support/temp_folder.h"

namespace crossrank::golden {

struct EditedTensor {
  std::string dtype;  // as in the file: "F32"
  std::vector<std::size_t> shape;
  std::string bytes;
};

class ModelEditor {
 public:
  explicit ModelEditor(const std::string& model);  // a name in cases/models.jsonl; one F32 file

  json::Value config;
  json::Value tokenizer_config;
  std::map<std::string, EditedTensor> tensors;
  std::size_t header_padding = 0;  // spaces behind the safetensors header

  // Writes everything and loads it, on one ISA or the best.
  Result<CrossEncoder> load(const std::string& isa = "") const;

  static void set_float(EditedTensor& tensor, std::size_t index, float value);

 private:
  std::filesystem::path source_;
  TempFolder folder_;
};

}  // namespace crossrank::golden
