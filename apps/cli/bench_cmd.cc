// crossrank bench: how fast this machine scores, in every precision, and how near that is to what
// the CPU can do at most. With --url: how fast a server answers, in load_cmd.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "bench_runs.h"
#include "commands.h"
#include "console.h"
#include "crossrank/machine.h"
#include "crossrank/version.h"
#include "display.h"
#include "interrupt.h"
#include "json/json.h"
#include "load_cmd.h"
#include "model_loader.h"
#include "options.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

constexpr std::size_t kBuiltinPairs = 400;

struct BenchFlags {
  ModelFlags model;  // its load.precision, isa and threads are replaced by the lists
  ScoringFlags scoring;
  OutputFlags output;
  PairFormat format = PairFormat::kAuto;
  std::string path;
  std::vector<std::string> precisions;
  std::vector<std::string> isas;
  std::vector<std::size_t> threads = {0};
  std::vector<std::size_t> documents;  // none = the default
  std::size_t rounds = 5;
  std::size_t pairs = 0;
  LoadFlags load;
};

// Every combination of the lists. Without a list of precisions or ISAs: what the CPU runs.
Result<std::vector<Configuration>> configurations(const BenchFlags& flags) {
  const bool all_precisions = flags.precisions.empty();
  const std::vector<std::string> isas =
      flags.isas.empty() ? std::vector<std::string>{""} : flags.isas;
  std::vector<Configuration> out;
  for (const Precision precision : {Precision::kFp32, Precision::kBf16, Precision::kInt8}) {
    const auto& names = flags.precisions;
    if (!all_precisions && std::find(names.begin(), names.end(), name_of(precision)) == names.end())
      continue;
    for (const std::string& isa : isas) {
      if (const auto roof = measure_peak(precision, isa, 1); !roof.ok()) {
        const bool lacks = roof.error().code == ErrorCode::kUnsupportedPrecision;
        if (all_precisions && lacks) continue;
        return roof.error();
      }
      for (const std::size_t threads : flags.threads) {
        Configuration c;
        c.load = flags.model.load;
        c.load.precision = precision;
        c.load.isa = isa;
        c.load.threads = threads;
        c.load.local_files_only = true;
        out.push_back(std::move(c));
      }
    }
  }
  return out;
}

// The weights are the same in all.
std::string digest_of(const std::vector<Configuration>& all) {
  return all.front().weights_sha256.substr(0, kDigestDigits);
}

std::string as_table(const std::vector<Configuration>& all) {
  std::vector<Table::Column> columns = {{"precision"},     {"isa"},          {"threads", true},
                                        {"pairs/s", true}, {"G op/s", true}, {"of roof", true},
                                        {"load ms", true}, {"peak MB", true}};
  for (const Latency& l : all.front().latencies) {
    columns.push_back({"p50/p99 ms of " + std::to_string(l.documents), true});
  }
  columns.push_back({""});  // the last column is the one that a narrow terminal cuts
  Table table(columns);
  for (const Configuration& c : all) {
    std::vector<std::string> row = {
        std::string(name_of(c.load.precision)),
        c.info.isa,
        std::to_string(c.info.threads),
        decimals(c.pairs_per_second, 1),
        decimals(1e-9 * c.operations_per_second, 0),
        decimals(100 * c.operations_per_second / c.roof_per_second, 1) + " %",
        decimals(c.load_ms, 0),
        c.peak_mb ? decimals(*c.peak_mb, 0) : "-"};
    for (const Latency& l : c.latencies) {
      row.push_back(decimals(l.p50_ms, 1) + " / " + decimals(l.p99_ms, 1));
    }
    row.emplace_back();
    table.add_row(std::move(row));
  }
  return table.render(200);
}

json::Value as_json(const BenchFlags& flags, const BenchWorkload& workload,
                    const std::vector<Configuration>& all) {
  json::Value runs = json::Value::array();
  for (const Configuration& c : all) {
    json::Value latencies = json::Value::array();
    for (const Latency& l : c.latencies) {
      latencies.push_back({{"documents", l.documents},
                           {"calls", l.calls},
                           {"p50_ms", l.p50_ms},
                           {"p99_ms", l.p99_ms}});
    }
    runs.push_back({{"precision", name_of(c.load.precision)},
                    {"isa", c.info.isa},
                    {"threads", c.info.threads},
                    {"pairs_per_second", c.pairs_per_second},
                    {"tokens_per_second", c.tokens_per_second},
                    {"operations_per_second", c.operations_per_second},
                    {"roof_operations_per_second", c.roof_per_second},
                    {"of_roof", c.operations_per_second / c.roof_per_second},
                    {"load_ms", c.load_ms},
                    {"peak_mb", c.peak_mb ? json::Value(*c.peak_mb) : json::Value()},
                    {"latency", std::move(latencies)}});
  }
  return {{"model", all.front().info.name}, {"weights_sha256", digest_of(all)},
          {"pairs", workload.pairs.size()}, {"input", workload.name},
          {"rounds", flags.rounds},         {"batch_tokens", flags.scoring.batch_tokens},
          {"version", version()},           {"runs", std::move(runs)}};
}

Result<BenchWorkload> workload_of(const BenchFlags& flags) {
  if (flags.path.empty()) return builtin_workload(flags.pairs != 0 ? flags.pairs : kBuiltinPairs);
  return read_workload(flags.path, flags.format, flags.pairs != 0 ? flags.pairs : SIZE_MAX);
}

Result<void> bench_library(const BenchFlags& flags) {
  CR_TRY_ASSIGN(std::vector<Configuration> all, configurations(flags));
  CR_TRY_ASSIGN(const BenchWorkload workload, workload_of(flags));
  CR_TRY(fetch_model(flags.model, /*tokenizer_only=*/false, flags.output.quiet));
  ProgressBar bar("bench", ProgressBar::Unit::kPairs, flags.output.quiet);
  BenchPlan plan;
  plan.rounds = flags.rounds;
  plan.documents = flags.documents.empty() ? std::vector<std::size_t>{10, 100} : flags.documents;
  plan.score = flags.scoring.options();
  plan.score.cancel = &interrupted();
  const double pairs = static_cast<double>(workload.pairs.size() * all.size() * (1 + plan.rounds));
  CR_TRY(run_bench(flags.model.model, workload, plan, all, [&](double fraction) {
    bar.update(static_cast<std::size_t>(fraction * pairs), fraction);
  }));
  bar.clear();

  Output out;
  if (flags.output.resolved(Format::kTable, Format::kJson) == Format::kTable) {
    out.buffer() = as_table(all) + std::to_string(workload.pairs.size()) + " pairs (" +
                   workload.name + "), median of " + std::to_string(flags.rounds) + " rounds, " +
                   all.front().info.name + ", weights " + digest_of(all) +
                   "\n\"of roof\" compares with a loop of products alone, measured between the "
                   "rounds\n";
    if (std::any_of(all.begin(), all.end(), [](const Configuration& c) {
          return c.operations_per_second > c.roof_per_second;
        })) {
      out.buffer() +=
          "more than 100 %: other work took the CPU while the roof was measured; run it again\n";
    }
  } else {
    out.buffer() = json::dump_pretty(as_json(flags, workload, all)) + "\n";
  }
  return out.flush();
}

Result<void> bench(const BenchFlags& flags) {
  if (flags.load.url.empty()) return bench_library(flags);
  if (flags.documents.size() > 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "--documents: with --url all requests have the same number; give one"};
  }
  CR_TRY_ASSIGN(const BenchWorkload workload, workload_of(flags));
  return bench_server(flags.load, workload, flags.documents.empty() ? 10 : flags.documents.front(),
                      flags.model.model, flags.output);
}

}  // namespace

void add_bench(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand(
      "bench",
      "Measure pairs/s, latency, memory and the distance to this CPU's roof; with --url, what a\n"
      "server gives under load.");
  auto flags = std::make_shared<BenchFlags>();
  app->add_option("FILE", flags->path,
                  "Pairs as `score` takes them; - is standard input (default: built-in pairs)");
  add_pair_format(*app, flags->format);
  add_model_flags(*app, flags->model);
  app->add_option("--precision", flags->precisions,
                  "fp32, bf16, int8 or several with commas (default: what this CPU runs)")
      ->delimiter(',')
      ->allow_extra_args(false)  // a FILE may follow
      ->check(CLI::IsMember({"fp32", "bf16", "int8"}).description(""))
      ->type_name("P")
      ->group("Model");
  app->add_option("--isa", flags->isas, "One or several with commas (default: the best)")
      ->delimiter(',')
      ->allow_extra_args(false)  // a FILE may follow
      ->check(CLI::IsMember(available_isas()).description(""))
      ->type_name("NAME")
      ->group("Model");
  app->add_option("--threads", flags->threads,
                  "One number or several with commas; 0 = the CPUs that are granted (default)")
      ->delimiter(',')
      ->allow_extra_args(false)  // a FILE may follow
      ->check(CLI::Range(0, 1024).description(""))
      ->type_name("N")
      ->group("Model");
  app->add_option(
         "--documents", flags->documents,
         "Sizes of the rank calls whose latency is measured (default 10,100); with --url,\n"
         "documents a request (default 10)")
      ->delimiter(',')
      ->allow_extra_args(false)  // a FILE may follow
      ->check(CLI::Range(1, 100000).description(""))
      ->type_name("N");
  add_count(*app, "--rounds", flags->rounds, "Interleaved rounds (default 5)", 1);
  add_count(*app, "--pairs", flags->pairs,
            "Pairs that are used (default: the whole file, or 400 built-in ones)", 1);
  add_count(*app, "--max-length", flags->scoring.max_length, "Tokens a pair (default: the model's)")
      ->group("Scoring");
  add_batch_flag(*app, flags->scoring);
  add_output_flags(*app, flags->output, {Format::kTable, Format::kJson});
  CLI::Option* url = add_load_flags(*app, flags->load);
  for (const char* option :
       {"--precision", "--isa", "--threads", "--rounds", "--max-length", "--batch-tokens"}) {
    app->get_option(option)->excludes(url);  // of a server, these are its own
  }
  app->footer(
      "With --url, --model is the name that requests ask for (default: none). Latency counts from\n"
      "the moment a request was due, so one that waited for a connection shows it. Wrong answers\n"
      "(an index twice or not at all, another score for the same text) end with exit code 3.");
  run_as(*app, chosen, [flags] { return bench(*flags); });
}

}  // namespace crossrank::cli
