// Reading, changing and writing a small model.
#include "model_editor.h"

#include <stdlib.h>  // mkdtemp

#include <cstring>
#include <fstream>
#include <stdexcept>

#include "golden_data.h"

namespace crossrank::golden {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& file, const std::string& bytes) {
  std::ofstream out(file, std::ios::binary);
  out << bytes;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

std::uint64_t read_length(const std::string& bytes) {
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(bytes.at(i));
  return length;
}

std::string safetensors_file(const std::map<std::string, EditedTensor>& tensors,
                             std::size_t padding) {
  json::Value header = json::Value::object();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  const std::string text = json::dump(header) + std::string(padding, ' ');
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(text.size() >> (8 * i) & 0xFF);
  return out + text + data;
}

}  // namespace

// Its own reader of safetensors, so that a mistake in ours does not hide itself.
ModelEditor::ModelEditor(const std::string& model) : source_(read_model(model).folder) {
  config = json::parse(read_file(source_ / "config.json")).value();
  tokenizer_config = json::parse(read_file(source_ / "tokenizer_config.json")).value();
  const std::string file = read_file(source_ / "model.safetensors");
  const std::size_t data = 8 + read_length(file);
  const json::Value header = json::parse(file.substr(8, data - 8)).value();
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
    const auto end = entry.at("data_offsets").at(1).get<std::size_t>();
    tensors[name] = {entry.at("dtype").get<std::string>(),
                     entry.at("shape").get<std::vector<std::size_t>>(),
                     file.substr(data + begin, end - begin)};
  }
  std::string pattern = (fs::temp_directory_path() / "crossrank-golden-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  folder_ = pattern;
}

ModelEditor::~ModelEditor() {
  std::error_code ignored;  // a leftover in the temporary folder is no reason to fail
  fs::remove_all(folder_, ignored);
}

Result<CrossEncoder> ModelEditor::load() const {
  write_file(folder_ / "config.json", json::dump(config));
  write_file(folder_ / "tokenizer_config.json", json::dump(tokenizer_config));
  write_file(folder_ / "tokenizer.json", read_file(source_ / "tokenizer.json"));
  write_file(folder_ / "model.safetensors", safetensors_file(tensors, header_padding));
  LoadOptions options;
  options.threads = 1;
  return CrossEncoder::load(folder_.string(), options);
}

void ModelEditor::set_float(EditedTensor& tensor, std::size_t index, float value) {
  if (tensor.dtype != "F32") throw std::runtime_error("not an F32 tensor");
  std::memcpy(&tensor.bytes.at(index * sizeof(float)), &value, sizeof(float));
}

}  // namespace crossrank::golden
