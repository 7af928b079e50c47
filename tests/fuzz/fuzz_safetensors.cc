// Fuzzes the safetensors parser and the index of sharded weights: no crash, and what is accepted
// keeps the format's promises.
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/support/safetensors_writer.h"
#include "weights/model_dir.h"
#include "weights/safetensors.h"

namespace {

using crossrank::Error;
using crossrank::ErrorCode;
using crossrank::Result;
namespace base = crossrank::base;
namespace weights = crossrank::weights;

volatile unsigned char g_read;  // keeps the reads of tensor bytes

void check_error(const Error& error) {
  FUZZ_CHECK(!error.message.empty() && error.message.size() < 1000);
  FUZZ_CHECK(base::is_valid_utf8(error.message));
}

void check_file(std::string_view bytes) {
  const Result<weights::TensorMap> tensors =
      weights::parse_safetensors(base::Blob("fuzz.safetensors", bytes));
  if (!tensors.ok()) {
    FUZZ_CHECK(tensors.error().code == ErrorCode::kBadSafetensors);
    check_error(tensors.error());
    return;
  }
  std::size_t total = 0;
  for (const auto& [name, view] : *tensors) {
    FUZZ_CHECK(view.dtype == weights::DType::kOther ||
               view.bytes.size() == view.elements() * weights::dtype_bytes(view.dtype));
    FUZZ_CHECK(base::is_valid_utf8(name) && name != "__metadata__");
    for (const char c : view.bytes) g_read = static_cast<unsigned char>(c);
    total += view.bytes.size();
  }
  FUZZ_CHECK(total + 8 + 2 <= bytes.size());  // the tensors tile what is behind length and header
}

// The input as a header with data behind its last brace: a fuzzer hardly finds the right length.
void check_framed(std::string_view text) {
  const std::size_t brace = text.rfind('}');
  const std::size_t length = brace == text.npos ? text.size() : brace + 1;
  std::string file = crossrank::safetensors_length(length);
  file += text;
  file.shrink_to_fit();
  check_file(file);
}

void check_index(std::string_view text) {
  constexpr std::string_view kShard(
      "\x35\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}x", 62);
  const base::NamedBytes files[] = {{"config.json", "{}"},
                                    {"vocab.txt", "[UNK]\n"},
                                    {"model.safetensors.index.json", text},
                                    {"s.safetensors", kShard}};
  const Result<weights::ModelDir> dir = weights::model_dir_from_bytes(files, weights::Need::kModel);
  if (!dir.ok()) {
    FUZZ_CHECK(dir.error().code == ErrorCode::kBadSafetensors ||
               dir.error().code == ErrorCode::kFileNotFound);
    check_error(dir.error());
    return;
  }
  const Result<weights::TensorMap> tensors = weights::load_tensors(*dir);
  if (!tensors.ok()) {
    check_error(tensors.error());
    return;
  }
  FUZZ_CHECK(tensors->size() == 1 && tensors->contains("a"));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_file(input);
  check_framed(input);
  check_index(input);
  return 0;
}
