// Opens the model that a command was told to use: fetches a hub model that is not here yet, and
// says which default was taken.
#pragma once

#include <future>
#include <string>

#include "crossrank/cross_encoder.h"
#include "crossrank/result.h"
#include "crossrank/tokenizer.h"
#include "options.h"

namespace crossrank::cli {

// Makes `flags.model` available without the network, downloading it if it is a hub id that is not
// in the cache. Errors: as CrossEncoder::load, and kCancelled.
Result<void> fetch_model(const ModelFlags& flags, bool tokenizer_only, bool quiet);

// fetch_model(), then CrossEncoder::load().
Result<CrossEncoder> open_model(const ModelFlags& flags, bool quiet);

// The tokenizer of a model that is here, without its weights.
Result<Tokenizer> open_tokenizer(const ModelFlags& flags);

// The digest of the weights, computed beside the scoring: a folder's weights must be read for it.
class WeightsDigest {
 public:
  explicit WeightsDigest(const CrossEncoder& encoder);
  // Its first 12 digits; waits for them.
  Result<std::string> short_hex();

 private:
  std::future<Result<std::string>> digest_;
};

// "builtin, weights 0123456789ab, fp32, avx2, 2 threads[, calibrated]", for the line that names the
// model.
std::string describe(const ModelInfo& info, const std::string& digest);

}  // namespace crossrank::cli
