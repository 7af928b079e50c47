// The subcommands: what they have in common around their work.
#include "commands.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "console.h"

namespace crossrank::cli {

void run_as(CLI::App& app, Command& chosen, std::function<Result<void>()> work) {
  app.callback([&chosen, work = std::move(work)] {
    chosen = [work]() -> int {
      const auto done = work();
      return done.ok() ? kDone : fail(done.error());
    };
  });
}

}  // namespace crossrank::cli
