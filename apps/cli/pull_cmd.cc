// crossrank pull: fetches a model from the hub into the cache.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "hub/pull.h"
#include "interrupt.h"
#include "options.h"
#include "progress_bar.h"

namespace crossrank::cli {
namespace {

struct PullFlags {
  std::string model;  // ID[@REVISION]
  bool quiet = false;
};

Result<void> pull(const PullFlags& flags) {
  const std::size_t at = flags.model.find('@');
  const std::string id = flags.model.substr(0, at);
  hub::PullOptions options;
  if (at != std::string::npos) {
    options.revision = flags.model.substr(at + 1);
    if (options.revision.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   "'" + flags.model + "' has no revision behind the @; see crossrank pull --help"};
    }
  }
  if (id == "builtin") {
    return Error{ErrorCode::kInvalidArgument,
                 "builtin is inside crossrank, there is nothing to fetch: give --model builtin"};
  }
  ProgressBar bar("pull", ProgressBar::Unit::kBytes, flags.quiet);
  options.cancel = &interrupted();
  options.progress = bar.callback();
  auto pulled = hub::pull(id, options);
  bar.clear();
  CR_TRY_ASSIGN(const std::filesystem::path snapshot, std::move(pulled));
  Output out;
  out.buffer() = snapshot.string() + "\n";
  return out.flush();
}

}  // namespace

void add_pull(CLI::App& program, Command& chosen) {
  CLI::App* app =
      program.add_subcommand("pull", "Fetch a model from the hub; prints the folder it is in.");
  auto flags = std::make_shared<PullFlags>();
  app->add_option("ID", flags->model, "ORG/NAME, or ORG/NAME@REVISION (branch, tag or commit)")
      ->type_name("")
      ->required();
  app->footer(
      "The cache is the Hugging Face one (HF_HUB_CACHE, HF_HOME); HF_ENDPOINT, HF_TOKEN and\n"
      "HF_HUB_OFFLINE are honoured. An interrupted download goes on where it stopped.");
  add_quiet_flag(*app, flags->quiet);
  run_as(*app, chosen, [flags] { return pull(*flags); });
}

}  // namespace crossrank::cli
