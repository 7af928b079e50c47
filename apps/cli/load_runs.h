// The load that `bench --url` puts on a server: what it is, and what came of it. Prints nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "load_requests.h"

namespace crossrank::cli {

struct LoadPlan {
  std::string url;                           // of the route
  std::vector<std::string> headers;          // of every request
  std::vector<std::optional<double>> rates;  // requests/s; none = connections that never pause
  std::chrono::duration<double> duration{10};
  std::size_t connections = 64;
  std::chrono::milliseconds timeout{60'000};          // from when a request is due
  std::optional<std::chrono::milliseconds> deadline;  // likewise; the server is told what is left
  std::uint64_t seed = 1;
};

// Requests that got no right answer, of one kind.
struct LoadFailures {
  std::size_t count = 0;
  std::string first;  // in words
};

// Names of such kinds beside the statuses "429", "503", ...
inline constexpr std::string_view kTimeoutFailure = "timeout";        // no answer in time
inline constexpr std::string_view kConnectionFailure = "connection";  // refused, reset, closed
inline constexpr std::string_view kUnsentFailure = "unsent";  // no connection was free in time
inline constexpr std::string_view kWrongFailure = "wrong_answer";

// What became of requests.
struct LoadTally {
  std::size_t requests = 0;          // that were due
  std::size_t late = 0;              // of them: those that found no free connection
  std::size_t good = 0;              // right answers within the deadline
  std::vector<double> latencies_ms;  // of all right answers, from when the request was due
  double last_seconds = 0;           // when the last right answer was there
  std::map<std::string, LoadFailures, std::less<>> failures;  // by kind

  void fail(std::string_view kind, std::string words);
  void add(LoadTally&& other);
};

// One rate. Its latencies are in ascending order.
struct LoadRun {
  std::optional<double> rate;
  double seconds = 0;  // the plan's duration, or more where answers came later
  double offered_per_second = 0;
  LoadTally tally;

  [[nodiscard]] double per_second(std::size_t count) const {
    return static_cast<double>(count) / seconds;
  }
};

struct LoadReport {
  std::string model;  // that the server named, "" = none
  std::vector<LoadRun> runs;
};

// Sends one request, which must succeed, and then each rate in turn; connections stay open between
// them. `progress` hears the pairs that were answered and the share of the time that is over.
// Errors: kNetwork when libcurl is not there or the first answer is none, wrong or an error;
// kCancelled by Ctrl-C; kOverloaded when there are no threads for so many connections.
Result<LoadReport> run_load(
    const LoadPlan& plan, LoadRequests& requests,
    const std::function<void(std::size_t pairs, double fraction)>& progress);

}  // namespace crossrank::cli
