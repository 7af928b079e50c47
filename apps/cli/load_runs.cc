// The load: one thread a connection, each of which takes the next arrival, waits until it is due,
// and sends it. A request that finds all of them busy waits too, and its latency counts from when
// it was due: a slow answer cannot postpone the requests that would have met the same slowness.
#include "load_runs.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/cancel.h"
#include "base/http_client.h"
#include "base/try.h"
#include "display.h"
#include "interrupt.h"
#include "json/json.h"
#include "load_arrivals.h"

namespace crossrank::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Seconds = Arrivals::Seconds;

constexpr std::size_t kMaxAnswerBytes = 64u << 20;
constexpr std::size_t kShownColumns = 160;  // of a failed request's answer
constexpr Milliseconds kHeadStart{20};      // for all threads to be there at the first arrival
constexpr Milliseconds kLook{100};          // at the progress

Clock::duration on_clock(Seconds time) { return std::chrono::duration_cast<Clock::duration>(time); }

// What is left of `limit`, in whole milliseconds; 0 or less when it is over.
Milliseconds left_of(Milliseconds limit, Clock::duration passed) {
  return std::chrono::floor<Milliseconds>(limit - passed);
}

struct Answer {
  base::HttpOutcome outcome;
  std::string body;
};

// A keep-alive connection; one thread at a time.
class Connection {
 public:
  Connection(const LoadPlan& plan, LoadRequests& requests, base::HttpClient client)
      : plan_(plan), requests_(requests), client_(std::move(client)) {}

  // Sends the request of that number, which was due so long ago.
  Answer post(std::size_t number, Clock::duration passed) {
    base::HttpRequest request;
    request.url = plan_.url;
    request.method = base::HttpRequest::Method::kPost;
    request.headers = plan_.headers;
    if (plan_.deadline) {
      request.headers.push_back("X-Request-Timeout-Ms: " +
                                std::to_string(left_of(*plan_.deadline, passed).count()));
    }
    request.body = requests_.body(number);
    request.deadline = left_of(plan_.timeout, passed);
    request.read_errors = true;
    request.keep_connection = true;
    Answer answer;
    const base::BodySink sink = [&](const base::HttpReply&,
                                    std::string_view bytes) -> Result<void> {
      if (answer.body.size() + bytes.size() > kMaxAnswerBytes) {
        return Error{ErrorCode::kNetwork, "the answer is larger than 64 MB"};
      }
      answer.body += bytes;
      return {};
    };
    answer.outcome = client_.perform(request, sink);
    return answer;
  }

  // Sends what is due until nothing more comes, or Ctrl-C.
  LoadTally work(Arrivals& arrivals, Clock::time_point start, std::atomic<std::size_t>& pairs) {
    LoadTally tally;
    while (const auto arrival = arrivals.next(Clock::now() - start)) {
      ++tally.requests;
      if (arrival->late) ++tally.late;
      const Clock::time_point due = start + on_clock(arrival->due);
      if (!base::sleep_unless_cancelled(due - Clock::now(), &interrupted())) break;
      const Clock::duration passed = Clock::now() - due;
      if (!in_time(passed)) {
        tally.fail(kUnsentFailure, "no connection was free before it was too late");
        continue;
      }
      Answer answer = post(arrival->number, passed);
      const Clock::time_point now = Clock::now();
      if (judge(answer, arrival->number, tally)) {
        pairs += requests_.documents();
        tally.latencies_ms.push_back(1e3 * Seconds(now - due).count());
        tally.last_seconds = Seconds(now - start).count();
        if (!plan_.deadline || now - due <= *plan_.deadline) ++tally.good;
      }
    }
    return tally;
  }

 private:
  [[nodiscard]] bool in_time(Clock::duration passed) const {
    const bool for_server = !plan_.deadline || left_of(*plan_.deadline, passed).count() > 0;
    return for_server && left_of(plan_.timeout, passed).count() > 0;
  }

  // True for a right answer; others are counted.
  bool judge(const Answer& answer, std::size_t number, LoadTally& tally) {
    const base::HttpOutcome& outcome = answer.outcome;
    if (outcome.error) {
      if (outcome.error->code == ErrorCode::kCancelled) return false;
      tally.fail(outcome.timed_out ? kTimeoutFailure : kConnectionFailure, outcome.error->message);
    } else if (outcome.reply.status != 200) {
      tally.fail(std::to_string(outcome.reply.status), snippet(answer.body, kShownColumns));
    } else if (const auto right = requests_.check(number, answer.body); !right.ok()) {
      tally.fail(kWrongFailure, right.error().message);
    } else {
      return true;
    }
    return false;
  }

  const LoadPlan& plan_;
  LoadRequests& requests_;
  base::HttpClient client_;
};

Result<std::vector<Connection>> open_connections(const LoadPlan& plan, LoadRequests& requests) {
  // The limit is the timeout alone: a server that thinks sends nothing.
  const base::HttpTimeouts timeouts{.stall = std::chrono::hours(24)};
  std::vector<Connection> connections;
  for (std::size_t i = 0; i < plan.connections; ++i) {
    CR_TRY_ASSIGN(base::HttpClient client, base::HttpClient::create(timeouts, &interrupted()));
    connections.emplace_back(plan, requests, std::move(client));
  }
  return connections;
}

// One request, so that what cannot work is said at once. The model that the answer names.
Result<std::string> probe(Connection& connection, LoadRequests& requests, const std::string& url) {
  const Answer answer = connection.post(0, {});
  if (answer.outcome.error) return *answer.outcome.error;
  const auto refuse = [&](const std::string& what) {
    return Error{ErrorCode::kNetwork, url + " " + what};
  };
  if (const long status = answer.outcome.reply.status; status != 200) {
    return refuse("answers with status " + std::to_string(status) + ": " +
                  snippet(answer.body, kShownColumns));
  }
  if (const auto right = requests.check(0, answer.body); !right.ok()) {
    return refuse("gives a wrong answer: " + right.error().message);
  }
  CR_TRY_ASSIGN(const json::Value body, json::parse(answer.body));
  const auto model = body.find("model");
  return model != body.end() && model->is_string() ? model->get<std::string>() : std::string();
}

class Load {
 public:
  Load(const LoadPlan& plan, std::vector<Connection> connections,
       const std::function<void(std::size_t, double)>& progress)
      : plan_(plan), connections_(std::move(connections)), progress_(progress) {}

  Result<LoadRun> run(std::optional<double> rate) {
    Arrivals arrivals(rate, plan_.duration, plan_.seed);
    std::vector<std::future<LoadTally>> tallies;
    std::promise<Clock::time_point> begin;  // destroyed first: without a beginning all threads end
    const auto begun = begin.get_future().share();
    try {
      for (Connection& connection : connections_) {
        tallies.push_back(std::async(std::launch::async, [this, begun, &arrivals, &connection] {
          return connection.work(arrivals, begun.get(), pairs_);
        }));
      }
    } catch (const std::system_error&) {
      return Error{ErrorCode::kOverloaded, "no threads can be had for " +
                                               std::to_string(connections_.size()) +
                                               " connections; give fewer"};
    }
    const Clock::time_point start = Clock::now() + kHeadStart;
    begin.set_value(start);
    LoadRun run;
    run.rate = rate;
    for (std::future<LoadTally>& tally : tallies) {
      while (tally.wait_for(kLook) != std::future_status::ready) show(Clock::now() - start);
      run.tally.add(tally.get());
    }
    ++done_;
    if (interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
    finish(run);
    return run;
  }

 private:
  void show(Seconds passed) const {
    const double share = std::clamp(passed / plan_.duration, 0.0, 1.0);
    progress_(pairs_,
              (static_cast<double>(done_) + share) / static_cast<double>(plan_.rates.size()));
  }

  void finish(LoadRun& run) const {
    LoadTally& tally = run.tally;
    std::sort(tally.latencies_ms.begin(), tally.latencies_ms.end());
    run.seconds = std::max(plan_.duration.count(), tally.last_seconds);
    // Without a rate, requests come for as long as there are answers.
    run.offered_per_second =
        static_cast<double>(tally.requests) / (run.rate ? plan_.duration.count() : run.seconds);
  }

  const LoadPlan& plan_;
  std::vector<Connection> connections_;
  const std::function<void(std::size_t, double)>& progress_;
  std::atomic<std::size_t> pairs_{0};
  std::size_t done_ = 0;  // rates
};

}  // namespace

void LoadTally::fail(std::string_view kind, std::string words) {
  LoadFailures& same = failures.try_emplace(std::string(kind)).first->second;
  if (same.count++ == 0) same.first = std::move(words);
}

void LoadTally::add(LoadTally&& other) {
  requests += other.requests;
  late += other.late;
  good += other.good;
  std::move(other.latencies_ms.begin(), other.latencies_ms.end(), std::back_inserter(latencies_ms));
  last_seconds = std::max(last_seconds, other.last_seconds);
  for (auto& [kind, failed] : other.failures) {
    LoadFailures& same = failures[kind];
    if (same.count == 0) same.first = std::move(failed.first);
    same.count += failed.count;
  }
}

Result<LoadReport> run_load(
    const LoadPlan& plan, LoadRequests& requests,
    const std::function<void(std::size_t pairs, double fraction)>& progress) {
  CR_TRY_ASSIGN(std::vector<Connection> connections, open_connections(plan, requests));
  LoadReport report;
  CR_TRY_ASSIGN(report.model, probe(connections.front(), requests, plan.url));
  Load load(plan, std::move(connections), progress);
  for (const std::optional<double>& rate : plan.rates) {
    CR_TRY_ASSIGN(LoadRun run, load.run(rate));
    report.runs.push_back(std::move(run));
  }
  return report;
}

}  // namespace crossrank::cli
