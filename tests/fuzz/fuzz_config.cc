// Fuzzes config.json and config_sentence_transformers.json: no crash, sane numbers, named errors.
#include <string_view>

#include "base/utf8.h"
#include "model/config.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using crossrank::Error;
using crossrank::ErrorCode;
using crossrank::Result;
namespace base = crossrank::base;
namespace model = crossrank::model;

void check(const Result<model::Config>& config) {
  if (!config.ok()) {
    const Error& error = config.error();
    FUZZ_CHECK(error.code == ErrorCode::kBadConfig || error.code == ErrorCode::kUnsupportedModel);
    FUZZ_CHECK(error.message.size() < 1000 && base::is_valid_utf8(error.message));
    return;
  }
  constexpr std::size_t kMax = 1 << 24;  // products of two sizes must not overflow
  for (const std::size_t size :
       {config->vocab_size, config->hidden_size, config->embedding_size, config->layers,
        config->heads, config->intermediate_size, config->max_positions, config->type_vocab_size,
        config->num_labels.value_or(1)}) {
    FUZZ_CHECK(size >= 1 && size <= kMax);
  }
  FUZZ_CHECK(config->head_size() * config->heads == config->hidden_size);
  FUZZ_CHECK(config->layer_norm_eps >= 0 && config->layer_norm_eps <= 1);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check(model::parse_config(base::Blob("config.json", input)));
  check(model::parse_config(base::Blob("config.json", R"({"model_type":"bert"})"),
                            base::Blob("config_sentence_transformers.json", input)));
  return 0;
}
