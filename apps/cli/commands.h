// The subcommands: each adds itself and its flags to the program, and runs only if it is chosen.
#pragma once

#include <functional>

namespace CLI {
class App;
}  // namespace CLI

namespace crossrank::cli {

// What main() runs after the command line was parsed; returns the exit code.
using Command = std::function<int()>;

void add_rank(CLI::App& program, Command& chosen);
void add_score(CLI::App& program, Command& chosen);
void add_tokenize(CLI::App& program, Command& chosen);
void add_info(CLI::App& program, Command& chosen);
void add_models(CLI::App& program, Command& chosen);
void add_pull(CLI::App& program, Command& chosen);
void add_doctor(CLI::App& program, Command& chosen);

}  // namespace crossrank::cli
