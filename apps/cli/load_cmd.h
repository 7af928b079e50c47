// The flags of `bench --url` and the run that they describe. `bench` has it beside its own work.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bench_workload.h"
#include "crossrank/result.h"
#include "options.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace crossrank::cli {

struct LoadFlags {
  std::string url;                                            // "" = no server is measured
  std::vector<std::optional<double>> rates = {std::nullopt};  // requests/s; none = max
  double duration = 10;                                       // seconds
  std::size_t connections = 64;
  std::size_t timeout_ms = 60'000;
  std::size_t deadline_ms = 0;  // 0 = none
  std::size_t seed = 1;
  std::string api_key_env;
};

// Gives the option --url, which the others need.
CLI::Option* add_load_flags(CLI::App& app, LoadFlags& flags);

// Measures the server and writes the report. `model` is what requests name, "" = none. Errors: as
// run_load(), kInvalidArgument for a key that is not there, and kNetwork after the report when
// answers were wrong.
Result<void> bench_server(const LoadFlags& flags, const BenchWorkload& workload,
                          std::size_t documents, const std::string& model,
                          const OutputFlags& output);

}  // namespace crossrank::cli
