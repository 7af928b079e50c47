// HttpClient as a JudgeTransport.
#include "judge/transport.h"

#include <chrono>
#include <utility>

#include "base/http_client.h"
#include "base/try.h"

namespace crossrank::judge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;  // 99 ratings are 30 KB
constexpr std::chrono::milliseconds kTimerSlack{5};            // libcurl rounds to milliseconds

JudgeHttpReply post(const TransportOptions& options, const JudgeHttpRequest& request) {
  // The stall limit would end a model that thinks before it writes; the deadline is the limit. A
  // client for each request, since a POST leaves no connection for the next one.
  const Clock::time_point start = Clock::now();
  auto client = base::HttpClient::create(
      {.connect = options.connect, .stall = std::chrono::hours(24)}, nullptr);
  if (!client.ok()) return {.error = client.error().message};
  base::HttpRequest http;
  http.url = request.url;
  http.method = base::HttpRequest::Method::kPost;
  http.headers = request.headers;
  http.body = request.body;
  http.deadline = request.timeout;
  http.proxy = options.proxy;
  http.ca_bundle = options.ca_bundle;
  http.read_errors = true;
  http.cancel = request.cancel;
  JudgeHttpReply reply;
  bool too_large = false;
  const base::BodySink sink = [&](const base::HttpReply&, std::string_view bytes) -> Result<void> {
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
    reply.timed_out = outcome.timed_out && Clock::now() - start + kTimerSlack >= request.timeout;
  }
  return reply;
}

}  // namespace

Result<JudgeTransport> curl_transport(TransportOptions options) {
  CR_TRY(base::HttpClient::create({}, nullptr));  // is libcurl there?
  return JudgeTransport([options = std::move(options)](const JudgeHttpRequest& request) {
    return post(options, request);
  });
}

}  // namespace crossrank::judge
