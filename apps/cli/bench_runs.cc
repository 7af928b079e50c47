// The measuring of `bench`.
#include "bench_runs.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "crossrank/machine.h"
#include "quantiles.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace crossrank::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Calls of a latency: 200, or as many as one second holds if that is 11 or more. Long calls vary
// less and cost more: when 11 would take over 10 seconds, there are fewer, 3 at least.
constexpr std::size_t kMaxCalls = 200;
constexpr std::chrono::seconds kLatencyTime{1};
constexpr std::size_t kFewCalls = 11;
constexpr std::chrono::seconds kLongTime{10};
constexpr std::size_t kMinCalls = 3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Makes VmHWM start again from what is resident now. False where the system has no such thing.
bool reset_peak_memory() {
#ifdef __GLIBC__
  malloc_trim(0);  // what the model before left with malloc is not the next one's
#endif
  std::FILE* file = std::fopen("/proc/self/clear_refs", "w");
  if (file == nullptr) return false;
  const bool written = std::fputs("5", file) >= 0;
  return (std::fclose(file) == 0) && written;
}

std::optional<double> peak_memory_mb() {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return std::nullopt;
  std::optional<double> megabytes;
  char line[256];
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::string_view(line).starts_with("VmHWM:")) {
      megabytes = std::strtod(line + 6, nullptr) * 1024 / 1e6;  // the kernel's kB are 1,024 bytes
    }
  }
  std::fclose(file);
  return megabytes;
}

Result<Latency> measure_latency(const CrossEncoder& encoder, const std::vector<TextPair>& pairs,
                                std::size_t documents, const ScoreOptions& options) {
  std::vector<std::string_view> texts;
  for (std::size_t i = 0; i < documents; ++i) texts.push_back(pairs[i % pairs.size()].document);
  RankOptions rank;
  rank.score = options;
  CR_TRY(encoder.rank(pairs[0].query, texts, rank));
  std::vector<double> milliseconds;
  const Clock::time_point start = Clock::now();
  const auto within = [&](std::size_t calls, Clock::duration time) {
    return milliseconds.size() < calls && Clock::now() - start < time;
  };
  while (milliseconds.size() < kMinCalls || within(kFewCalls, kLongTime) ||
         within(kMaxCalls, kLatencyTime)) {
    const Clock::time_point call = Clock::now();
    CR_TRY(encoder.rank(pairs[0].query, texts, rank));
    milliseconds.push_back(1e3 * seconds_since(call));
  }
  return Latency{documents, milliseconds.size(), median(milliseconds),
                 percentile(milliseconds, 99)};
}

}  // namespace

Result<void> run_bench(const std::string& model, const BenchWorkload& workload,
                       const BenchPlan& plan, std::vector<Configuration>& configurations,
                       const std::function<void(double fraction)>& progress) {
  const std::vector<TextPair> pairs = workload.views();
  const auto steps =
      static_cast<double>(configurations.size() * (1 + plan.rounds + plan.documents.size()));
  double done = 0;
  const auto step = [&] { progress(++done / steps); };

  // Each alone first: what it takes of memory, and that it works at all.
  double tokens = 0;
  for (Configuration& c : configurations) {
    const bool counts = reset_peak_memory();
    const Clock::time_point start = Clock::now();
    CR_TRY_ASSIGN(const CrossEncoder encoder, CrossEncoder::load(model, c.load));
    c.load_ms = 1e3 * seconds_since(start);
    c.info = encoder.info();
    CR_TRY_ASSIGN(const Predictions predictions, encoder.predict(pairs, plan.score));
    if (counts) c.peak_mb = peak_memory_mb();
    CR_TRY_ASSIGN(c.weights_sha256, encoder.weights_sha256());
    tokens = 0;
    c.operations_per_second = 0;
    for (const ScoredPair& pair : predictions) {
      tokens += static_cast<double>(pair.truncation.tokens_used);
      c.operations_per_second += encoder.operations(pair.truncation.tokens_used);
    }
    step();
  }

  std::vector<CrossEncoder> encoders;
  for (const Configuration& c : configurations) {
    CR_TRY_ASSIGN(CrossEncoder encoder, CrossEncoder::load(model, c.load));
    encoders.push_back(std::move(encoder));
  }
  std::vector<std::vector<double>> seconds(encoders.size());
  std::vector<std::vector<double>> roofs(encoders.size());
  for (std::size_t round = 0; round < plan.rounds; ++round) {
    for (std::size_t i = 0; i < encoders.size(); ++i) {
      const Configuration& c = configurations[i];
      CR_TRY_ASSIGN(const double roof, measure_peak(c.load.precision, c.info.isa, c.info.threads));
      roofs[i].push_back(roof);
      const Clock::time_point start = Clock::now();
      CR_TRY(encoders[i].predict(pairs, plan.score));
      seconds[i].push_back(seconds_since(start));
      step();
    }
  }
  for (std::size_t i = 0; i < encoders.size(); ++i) {
    Configuration& c = configurations[i];
    const double middle = median(seconds[i]);
    c.pairs_per_second = static_cast<double>(pairs.size()) / middle;
    c.tokens_per_second = tokens / middle;
    c.operations_per_second /= middle;
    c.roof_per_second = median(roofs[i]);
    for (const std::size_t documents : plan.documents) {
      CR_TRY_ASSIGN(Latency latency, measure_latency(encoders[i], pairs, documents, plan.score));
      c.latencies.push_back(latency);
      step();
    }
  }
  return {};
}

}  // namespace crossrank::cli
