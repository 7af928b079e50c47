// What `bench --url` measured, as a table and as JSON. Prints nothing.
#pragma once

#include <string>

#include "bench_workload.h"
#include "json/json.h"
#include "load_runs.h"

namespace crossrank::cli {

// What was asked for, and what came of it.
struct LoadFacts {
  const LoadPlan& plan;
  const BenchWorkload& workload;
  std::size_t documents;  // a request
  const LoadReport& report;
};

// With notes below it: what was sent, what failed and how.
std::string load_table(const LoadFacts& facts);
json::Value load_json(const LoadFacts& facts);

}  // namespace crossrank::cli
