// Exchange: one HTTP request while it is being answered, and the way its answer takes. Knows no
// route.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "job.h"

namespace crossrank::server {

struct Reply {
  unsigned status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// The line and the headers of a request.
struct RequestHead {
  std::string method;  // upper case, as HTTP has it
  std::string path;    // without the query string
  std::string content_type;
  std::string authorization;
  std::string timeout_ms;   // X-Request-Timeout-Ms
  std::string request_id;   // X-Request-Id if it is a sane one, else made here
  std::string traceparent;  // W3C; "" when absent or malformed
  std::string remote;       // address and port of the client
};

// For the log and the metrics: what the handler found out.
struct Facts {
  std::string dialect = "none";
  std::string model;
  std::size_t documents = 0, tokens = 0, cache_hits = 0;
  std::optional<std::chrono::microseconds> queued;  // when the batcher took it
  std::chrono::microseconds computing{0};
  std::string judge_outcome;
};

// Answered once, from any thread; one that is dropped without an answer gives a 500.
class Exchange {
 public:
  using Answer = std::function<void(Reply, const Facts&)>;

  Exchange(RequestHead request_head, std::string request_body, Clock::time_point received,
           Clock::time_point latest, Answer answer)
      : head(std::move(request_head)),
        body(std::move(request_body)),
        arrived(received),
        deadline(latest),
        answer_(std::move(answer)) {}
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  void reply(Reply reply);

  // `callback` is called, at most once and from the thread of the connection, when the client
  // leaves before its answer; at once when it has left already.
  void on_gone(std::function<void()> callback);
  // Set when the client has left: the flag that long work polls.
  const std::atomic<bool>& gone() const { return gone_; }
  // The connection's part.
  void client_left();

  const RequestHead head;
  std::string body = {};
  const Clock::time_point arrived;
  Clock::time_point deadline;
  Facts facts;  // written by whoever handles the exchange, before reply()

 private:
  Answer answer_;
  std::atomic<bool> answered_{false};
  std::atomic<bool> gone_{false};
  std::mutex mutex_;
  std::function<void()> on_gone_;  // guarded by mutex_
};

}  // namespace crossrank::server
