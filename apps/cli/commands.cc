// The subcommands: what they have in common around their work.
#include "commands.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "console.h"
#include "input.h"

namespace crossrank::cli {

void run_as(CLI::App& app, Command& chosen, std::function<Result<void>()> work) {
  app.callback([&chosen, work = std::move(work)] {
    chosen = [work]() -> int {
      const auto done = work();
      return done.ok() ? kDone : fail(done.error());
    };
  });
}

void repair_argument(std::string& argument, std::string_view what) {
  std::string storage;
  Repairs repairs;
  const std::string_view repaired = repair(argument, false, 1, storage, repairs);
  if (repairs.lines == 0) return;
  argument = repaired;
  say(std::string(what) + " had bytes that are not UTF-8, replaced by U+FFFD");
}

}  // namespace crossrank::cli
