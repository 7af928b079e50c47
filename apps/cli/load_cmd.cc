// crossrank bench --url: what a server gives under load.
#include "load_cmd.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/try.h"
#include "console.h"
#include "load_report.h"
#include "load_runs.h"
#include "parse_all.h"
#include "progress_bar.h"

namespace crossrank::cli {
namespace {

constexpr const char* kGroup = "Load on a server";
constexpr const char* kRoute = "/v1/rerank";
constexpr double kMaxRate = 1e6;
constexpr double kMinSeconds = 0.1, kMaxSeconds = 86'400;

// A number from `min` to `max`; nothing for anything else.
std::optional<double> parse_number(const std::string& text, double min, double max) {
  const auto value = parse_all<double>(text);
  return value && *value >= min && *value <= max ? value : std::nullopt;
}

std::optional<double> parse_rate(const std::string& text) {
  if (text == "max") return std::nullopt;
  const auto rate = parse_number(text, 1 / kMaxRate, kMaxRate);
  if (!rate) {
    throw CLI::ValidationError(
        "--rate", "'" + text + "' is neither max nor a number above 0, at most 1000000");
  }
  return rate;
}

double parse_duration(const std::string& text) {
  const auto seconds = parse_number(text, kMinSeconds, kMaxSeconds);
  if (!seconds) {
    throw CLI::ValidationError("--duration", "'" + text + "' is not a number from 0.1 to 86400");
  }
  return *seconds;
}

std::string check_url(const std::string& url) {
  for (const char* scheme : {"http://", "https://"}) {
    if (url.starts_with(scheme)) return "";
  }
  return "'" + url + "' does not start with http:// or https://";
}

// "Authorization: Bearer KEY".
Result<std::string> authorization(const std::string& name) {
  const char* key = std::getenv(name.c_str());
  const std::string_view value = key != nullptr ? key : "";
  const auto fits = [](char c) { return c > ' ' && c < '\x7f'; };
  if (value.empty() || !std::all_of(value.begin(), value.end(), fits)) {
    return Error{
        ErrorCode::kInvalidArgument,
        "--api-key-env: the variable " + name +
            (value.empty() ? " is not set or empty" : " holds characters that no key has")};
  }
  return "Authorization: Bearer " + std::string(value);
}

Result<LoadPlan> plan_of(const LoadFlags& flags) {
  LoadPlan plan;
  plan.url = flags.url;
  while (plan.url.ends_with('/')) plan.url.pop_back();
  plan.url += kRoute;
  // "Expect:" without a value keeps libcurl from waiting for leave to send a large body.
  plan.headers = {"Content-Type: application/json", "Expect:"};
  if (!flags.api_key_env.empty()) {
    CR_TRY_ASSIGN(std::string header, authorization(flags.api_key_env));
    plan.headers.push_back(std::move(header));
  }
  plan.rates = flags.rates;
  plan.duration = std::chrono::duration<double>(flags.duration);
  plan.connections = flags.connections;
  plan.timeout = std::chrono::milliseconds(flags.timeout_ms);
  if (flags.deadline_ms > 0) plan.deadline = std::chrono::milliseconds(flags.deadline_ms);
  plan.seed = flags.seed;
  return plan;
}

Result<void> check_answers(const LoadReport& report) {
  std::size_t wrong = 0;
  std::string first;
  for (const LoadRun& run : report.runs) {
    const auto found = run.tally.failures.find(kWrongFailure);
    if (found == run.tally.failures.end()) continue;
    if (wrong == 0) first = found->second.first;
    wrong += found->second.count;
  }
  if (wrong == 0) return {};
  return Error{ErrorCode::kNetwork, counted(wrong, "answer") + " of the server " +
                                        (wrong == 1 ? "was" : "were") + " wrong: " + first};
}

}  // namespace

CLI::Option* add_load_flags(CLI::App& app, LoadFlags& flags) {
  CLI::Option* url =
      app.add_option("--url", flags.url,
                     "Measure the server at URL instead (POST URL/v1/rerank), for example\n"
                     "http://127.0.0.1:8080")
          ->type_name("URL")
          ->check(CLI::Validator(check_url, ""))
          ->group(kGroup);
  const auto add = [&](CLI::Option* option) { option->needs(url)->group(kGroup); };
  add(app.add_option_function<std::vector<std::string>>(
             "--rate",
             [&flags](const std::vector<std::string>& texts) {
               flags.rates.clear();
               for (const std::string& text : texts) flags.rates.push_back(parse_rate(text));
             },
             "Requests/s at random times, one rate or several with commas; max (default) = each\n"
             "connection sends its next request as soon as it has an answer")
          ->delimiter(',')
          ->allow_extra_args(false)  // a FILE may follow
          ->type_name("R"));
  add(app.add_option_function<std::string>(
             "--duration",
             [&flags](const std::string& text) { flags.duration = parse_duration(text); },
             "Of each rate, in seconds (default 10)")
          ->type_name("S"));
  add(app.add_option("--connections", flags.connections,
                     "Requests under way at a time; others wait, and it counts (default 64)")
          ->check(CLI::Range(1, 4096).description(""))
          ->type_name("N"));
  add(add_count(app, "--timeout-ms", flags.timeout_ms,
                "For an answer, from when the request was due (default 60000)", 1));
  add(add_count(app, "--deadline-ms", flags.deadline_ms,
                "Sent as X-Request-Timeout-Ms; later answers do not count as good", 1));
  add(add_count(app, "--seed", flags.seed, "Of the random times (default 1)"));
  add(app.add_option("--api-key-env", flags.api_key_env, "The variable that holds the server's key")
          ->type_name("NAME"));
  return url;
}

Result<void> bench_server(const LoadFlags& flags, const BenchWorkload& workload,
                          std::size_t documents, const std::string& model,
                          const OutputFlags& output) {
  CR_TRY_ASSIGN(const LoadPlan plan, plan_of(flags));
  LoadRequests requests(workload, documents, model);
  ProgressBar bar("bench", ProgressBar::Unit::kPairs, output.quiet);
  CR_TRY_ASSIGN(const LoadReport report, run_load(plan, requests, [&](auto pairs, auto fraction) {
                  bar.update(pairs, fraction);
                }));
  bar.clear();

  const LoadFacts facts{plan, workload, documents, report};
  Output out;
  out.buffer() = output.resolved(Format::kTable, Format::kJson) == Format::kTable
                     ? load_table(facts)
                     : json::dump_pretty(load_json(facts)) + "\n";
  CR_TRY(out.flush());
  return check_answers(report);
}

}  // namespace crossrank::cli
