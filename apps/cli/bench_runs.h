// What `bench` measures of each configuration: throughput, the roof, latency, memory.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench_workload.h"
#include "crossrank/cross_encoder.h"
#include "crossrank/result.h"

namespace crossrank::cli {

struct BenchPlan {
  std::size_t rounds = 5;
  std::vector<std::size_t> documents;  // of the rank calls that are timed
  ScoreOptions score;
};

// Of `rank` with so many documents.
struct Latency {
  std::size_t documents = 0;
  std::size_t calls = 0;
  double p50_ms = 0, p99_ms = 0;
};

// One model in one precision on one ISA with a number of threads. Medians over the rounds.
struct Configuration {
  LoadOptions load;
  ModelInfo info;              // of what was loaded
  std::string weights_sha256;  // likewise
  double load_ms = 0;
  double pairs_per_second = 0, tokens_per_second = 0;
  double operations_per_second = 0;  // executed in products of matrices
  double roof_per_second = 0;        // of operations, see measure_peak()
  std::optional<double> peak_mb;     // of the process while this one alone was loaded and scored
  std::vector<Latency> latencies;
};

// Fills `configurations` (which say what to load). Rounds are interleaved, so that all of them meet
// the same clock and the same neighbours. `progress` hears the share that is done. Errors: those of
// CrossEncoder.
Result<void> run_bench(const std::string& model, const BenchWorkload& workload,
                       const BenchPlan& plan, std::vector<Configuration>& configurations,
                       const std::function<void(double fraction)>& progress);

}  // namespace crossrank::cli
