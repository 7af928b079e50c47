// Safetensors files for tests, good ones and, framed by hand, bad ones. No reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace crossrank {

struct WrittenTensor {
  std::string name;   // nothing that JSON would escape
  std::string dtype;  // as in the file: "F32"
  std::vector<std::size_t> shape;
  std::string bytes;
};

// 8 bytes, little-endian.
inline std::string safetensors_length(std::uint64_t length) {
  std::string out;
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(length >> shift & 0xFF);
  return out;
}

// Any text as the header.
inline std::string safetensors_file(const std::string& header, const std::string& data) {
  return safetensors_length(header.size()) + header + data;
}

// The tensors one behind the other, and `padding` spaces behind the header.
inline std::string safetensors_file(const std::vector<WrittenTensor>& tensors,
                                    std::size_t padding = 0) {
  std::string header = "{";
  std::string data;
  for (const WrittenTensor& tensor : tensors) {
    if (header.size() > 1) header += ',';
    header += "\"" + tensor.name + "\":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":[";
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      header += (d == 0 ? "" : ",") + std::to_string(tensor.shape[d]);
    }
    header += "],\"data_offsets\":[" + std::to_string(data.size());
    data += tensor.bytes;
    header += "," + std::to_string(data.size()) + "]}";
  }
  return safetensors_file(header + "}" + std::string(padding, ' '), data);
}

}  // namespace crossrank
