// Reading, changing and writing a small model.
#include "model_editor.h"

#include <cstring>
#include <stdexcept>

#include "golden_data.h"
#include "tests/support/safetensors_writer.h"

namespace crossrank::golden {
namespace {

namespace fs = std::filesystem;

std::uint64_t read_length(const std::string& bytes) {
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(bytes.at(i));
  return length;
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
}

Result<CrossEncoder> ModelEditor::load(const std::string& isa) const {
  std::vector<WrittenTensor> written;
  for (const auto& [name, tensor] : tensors) {
    written.push_back({name, tensor.dtype, tensor.shape, tensor.bytes});
  }
  const fs::path& folder = folder_.path();
  write_file(folder / "config.json", json::dump(config));
  write_file(folder / "tokenizer_config.json", json::dump(tokenizer_config));
  write_file(folder / "tokenizer.json", read_file(source_ / "tokenizer.json"));
  write_file(folder / "model.safetensors", safetensors_file(written, header_padding));
  LoadOptions options;
  options.isa = isa;
  options.threads = 1;
  return CrossEncoder::load(folder.string(), options);
}

void ModelEditor::set_float(EditedTensor& tensor, std::size_t index, float value) {
  if (tensor.dtype != "F32") throw std::runtime_error("not an F32 tensor");
  std::memcpy(&tensor.bytes.at(index * sizeof(float)), &value, sizeof(float));
}

}  // namespace crossrank::golden
