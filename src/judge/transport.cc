// A pool of HttpClients behind JudgeTransport.
#include "judge/transport.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/http_client.h"
#include "base/try.h"

namespace crossrank::judge {
namespace {

constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;  // 99 ratings are 30 KB
constexpr std::size_t kMaxIdleClients = 16;

class Pool {
 public:
  explicit Pool(TransportOptions options) : options_(std::move(options)) {}

  JudgeHttpReply perform(const JudgeHttpRequest& request) {
    auto client = take();
    if (!client.ok()) return {.error = client.error().message};
    base::HttpRequest http;
    http.url = request.url;
    http.method = base::HttpRequest::Method::kPost;
    http.headers = request.headers;
    http.body = request.body;
    http.deadline = request.timeout;
    http.proxy = options_.proxy;
    http.ca_bundle = options_.ca_bundle;
    http.read_errors = true;
    http.cancel = request.cancel;
    JudgeHttpReply reply;
    bool too_large = false;
    const base::BodySink sink = [&](const base::HttpReply&,
                                    std::string_view bytes) -> Result<void> {
      if (reply.body.size() + bytes.size() > kMaxAnswerBytes) {
        too_large = true;
        return Error{ErrorCode::kNetwork, "The judge's answer is larger than 1 MB."};
      }
      reply.body += bytes;
      return {};
    };
    base::HttpOutcome outcome = client->perform(http, sink);
    reply.status = outcome.reply.status;
    reply.retry_after = outcome.reply.header("retry-after");
    if (outcome.error) {
      if (!too_large) reply.status = 0;
      reply.error = std::move(outcome.error->message);
      reply.timed_out = outcome.timed_out;
    }
    give_back(*std::move(client));
    return reply;
  }

 private:
  Result<base::HttpClient> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        base::HttpClient client = std::move(idle_.back());
        idle_.pop_back();
        return client;
      }
    }
    // The stall limit would end a model that thinks before it writes; the deadline is the limit.
    return base::HttpClient::create({.stall = std::chrono::hours(24)}, nullptr);
  }

  void give_back(base::HttpClient client) {
    const std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdleClients) idle_.push_back(std::move(client));
  }

  TransportOptions options_;
  std::mutex mutex_;
  std::vector<base::HttpClient> idle_;
};

}  // namespace

Result<JudgeTransport> curl_transport(TransportOptions options) {
  CR_TRY(base::HttpClient::create({}, nullptr));  // is libcurl there?
  auto pool = std::make_shared<Pool>(std::move(options));
  return JudgeTransport([pool](const JudgeHttpRequest& request) { return pool->perform(request); });
}

}  // namespace crossrank::judge
