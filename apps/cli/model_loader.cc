// Opens a model by name, with a progress bar and Ctrl-C for a download.
#include "model_loader.h"

#include <utility>

#include "base/try.h"
#include "console.h"
#include "hub/hub_cache.h"
#include "hub/pull.h"
#include "hub/resolve.h"
#include "interrupt.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {

Result<void> fetch_model(const ModelFlags& flags, bool tokenizer_only, bool quiet) {
  hub::ResolveOptions options;
  options.local_files_only = true;
  options.tokenizer_only = tokenizer_only;
  auto resolved = hub::resolve_model(flags.model, options);
  if (resolved.ok()) {
    if (!quiet && !resolved->note.empty()) say(resolved->note);
    return {};
  }
  if (resolved.error().code != ErrorCode::kModelNotFound || !hub::is_hub_id(flags.model)) {
    return std::move(resolved).error();
  }
  if (!quiet) say("fetching " + flags.model + ", which is not in the cache");
  ProgressBar bar("pull", ProgressBar::Unit::kBytes, quiet);
  hub::PullOptions pull;
  pull.tokenizer_only = tokenizer_only;
  pull.cancel = &interrupted();
  pull.progress = bar.callback();
  auto pulled = hub::pull(flags.model, pull);
  if (pulled.ok()) return {};
  Error error = std::move(pulled).error();
  if (error.code != ErrorCode::kCancelled) {
    error.message += " (crossrank pull " + flags.model +
                     " fetches it ahead of time, --model builtin needs no download)";
  }
  return error;
}

Result<CrossEncoder> open_model(const ModelFlags& flags, bool quiet) {
  CR_TRY(fetch_model(flags, /*tokenizer_only=*/false, quiet));
  LoadOptions options = flags.load;
  options.local_files_only = true;
  return CrossEncoder::load(flags.model, options);
}

Result<Tokenizer> open_tokenizer(const ModelFlags& flags) {
  LoadOptions options;
  options.local_files_only = true;
  return Tokenizer::load(flags.model, options);
}

WeightsDigest::WeightsDigest(const CrossEncoder& encoder)
    : digest_(std::async(std::launch::async, [&encoder] { return encoder.weights_sha256(); })) {}

Result<std::string> WeightsDigest::short_hex() {
  CR_TRY_ASSIGN(std::string hex, digest_.get());
  return hex.substr(0, kDigestDigits);
}

std::string describe(const ModelInfo& info, const std::string& digest) {
  return info.name + ", weights " + digest + ", " + std::string(name_of(info.precision)) + ", " +
         info.isa + ", " + std::to_string(info.threads) +
         (info.threads == 1 ? " thread" : " threads");
}

}  // namespace crossrank::cli
