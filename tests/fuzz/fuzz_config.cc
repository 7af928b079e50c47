// Fuzzes config.json and what else lies beside a model (sentence-transformers' files, a
// calibration): no crash, sane numbers, named errors.
#include <cmath>
#include <string_view>

#include "base/utf8.h"
#include "model/calibration.h"
#include "model/config.h"
#include "model/saved_settings.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using crossrank::Error;
using crossrank::ErrorCode;
using crossrank::Result;
namespace base = crossrank::base;
namespace model = crossrank::model;

void check(const Error& error) {
  FUZZ_CHECK(error.code == ErrorCode::kBadConfig || error.code == ErrorCode::kUnsupportedModel);
  FUZZ_CHECK(error.message.size() < 1000 && base::is_valid_utf8(error.message));
}

void check(const Result<model::SavedSettings>& saved) {
  if (!saved.ok()) return check(saved.error());
  FUZZ_CHECK(saved->max_seq_length.value_or(1) >= 1);
  FUZZ_CHECK(base::is_valid_utf8(saved->query_prompt));
}

void check(const Result<model::Config>& config) {
  if (!config.ok()) return check(config.error());
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

void check(const Result<model::SavedCalibration>& saved) {
  if (!saved.ok()) return check(saved.error());
  FUZZ_CHECK(std::isfinite(saved->temperature) && saved->temperature > 0);
  FUZZ_CHECK(std::isfinite(saved->bias) && saved->weights_sha256.size() == 64);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check(model::parse_config(base::Blob("config.json", input)));
  check(model::parse_config(base::Blob("config.json", R"({"model_type":"bert"})"),
                            base::Blob("config_sentence_transformers.json", input)));
  const base::Blob own("config_sentence_transformers.json", R"({"model_type":"CrossEncoder"})");
  const base::Blob modules("modules.json",
                           R"([{"path":"","type":"sentence_transformers.models.Transformer"}])");
  const base::Blob fuzzed("input", input);
  check(model::parse_saved_settings(fuzzed, own, {}));
  check(model::parse_saved_settings(modules, fuzzed, {}));
  check(model::parse_saved_settings(modules, own, fuzzed));
  check(model::parse_calibration(fuzzed));
  return 0;
}
