// The subcommands: each adds itself and its flags to the program, and runs only if it is chosen.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "crossrank/result.h"

namespace CLI {
class App;
}  // namespace CLI

namespace crossrank::cli {

// What main() runs after the command line was parsed; returns the exit code.
using Command = std::function<int()>;

// Makes `work` what is run when `app` is the chosen command; its error is said and becomes the
// code.
void run_as(CLI::App& app, Command& chosen, std::function<Result<void>()> work);

// A command line's argument in valid UTF-8, by the repair that input lines get; says so with
// `what`.
void repair_argument(std::string& argument, std::string_view what);

void add_rank(CLI::App& program, Command& chosen);
void add_hybrid(CLI::App& program, Command& chosen);
void add_score(CLI::App& program, Command& chosen);
void add_rerank(CLI::App& program, Command& chosen);
void add_eval(CLI::App& program, Command& chosen);
void add_tune(CLI::App& program, Command& chosen);
void add_calibrate(CLI::App& program, Command& chosen);
void add_tokenize(CLI::App& program, Command& chosen);
void add_info(CLI::App& program, Command& chosen);
void add_models(CLI::App& program, Command& chosen);
void add_pull(CLI::App& program, Command& chosen);
void add_serve(CLI::App& program, Command& chosen);
void add_bench(CLI::App& program, Command& chosen);
void add_doctor(CLI::App& program, Command& chosen);

}  // namespace crossrank::cli
