// Opens a model by name, with a progress bar and Ctrl-C for a download.
#include "model_loader.h"

#include <system_error>
#include <utility>

#include "base/try.h"
#include "console.h"
#include "hub/resolve.h"
#include "interrupt.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {

Result<void> fetch_model(const ModelFlags& flags, bool tokenizer_only, bool quiet) {
  ProgressBar bar("pull", ProgressBar::Unit::kBytes, quiet);
  hub::ResolveOptions options;
  options.tokenizer_only = tokenizer_only;
  options.cancel = &interrupted();
  options.progress = bar.callback();
  options.before_download = [&] {
    if (!quiet) say("fetching " + flags.model + ", which is no folder here and not in the cache");
  };
  auto resolved = hub::resolve_model(flags.model, options);
  bar.clear();
  CR_TRY_ASSIGN(const hub::ResolvedModel model, std::move(resolved));
  if (!quiet && !model.note.empty()) say(model.note);
  return {};
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

WeightsDigest::WeightsDigest(const CrossEncoder& encoder) {
  const auto digest = [&encoder] { return encoder.weights_sha256(); };
  try {
    digest_ = std::async(std::launch::async, digest);
  } catch (const std::system_error&) {  // no thread can be had: computed when it is asked for
    digest_ = std::async(std::launch::deferred, digest);
  }
}

Result<std::string> WeightsDigest::short_hex() {
  CR_TRY_ASSIGN(std::string hex, digest_.get());
  return hex.substr(0, kDigestDigits);
}

std::string describe(const ModelInfo& info, const std::string& digest) {
  return info.name + ", weights " + digest + ", " + std::string(name_of(info.precision)) + ", " +
         info.isa + ", " + std::to_string(info.threads) +
         (info.threads == 1 ? " thread" : " threads") + (info.calibration ? ", calibrated" : "");
}

}  // namespace crossrank::cli
