// FrontDesk: routes, keys, media types, CORS; and the log.
#include "front_desk.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/ascii.h"
#include "base/sha256.h"
#include "routes.h"

namespace crossrank::server {
namespace {

bool is_json(std::string_view content_type) {
  std::string type = base::ascii_lower(content_type.substr(0, content_type.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

// In a time that depends on the lengths alone.
bool equal_digests(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

constexpr std::size_t kSmallBody = std::size_t{16} << 10;  // 0.1 ms of parsing

bool is_count(std::string_view text) {
  std::uint32_t value = 0;
  const auto [p, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && p == text.data() + text.size() && value > 0;
}

}  // namespace

FrontDesk::FrontDesk(const Services& services) : services_(services) {
  for (const std::string& key : services.options.api_keys) {
    key_digests_.push_back(base::sha256_hex(key));
  }
}

bool FrontDesk::has_key(const RequestHead& head) const {
  if (key_digests_.empty()) return true;
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view given = head.authorization;
  if (base::ascii_lower(given.substr(0, kBearer.size())) != kBearer) return false;
  // Digests have one length, so that the time of the comparison says nothing of the keys' lengths.
  const std::string digest = base::sha256_hex(given.substr(kBearer.size()));
  bool known = false;
  for (const std::string& key : key_digests_) known |= equal_digests(digest, key);
  return known;
}

std::optional<Reply> FrontDesk::screen(const RequestHead& head) const {
  const auto refuse = [&](unsigned status, const std::string& message) {
    return protocol_error(head.path, status, message);
  };
  const std::string methods = methods_of(head.path);
  if (methods.empty()) {
    return refuse(404, "there is no " + head.path.substr(0, 100) +
                           " here; /openapi.json lists what there is");
  }
  if (head.method == "OPTIONS" && !services_.options.allow_origin.empty()) {
    return Reply{.status = 204,
                 .body = "",
                 .content_type = "",
                 .headers = {{"Access-Control-Allow-Methods", methods + ", OPTIONS"},
                             {"Access-Control-Allow-Headers",
                              "authorization, content-type, traceparent, x-request-id, "
                              "x-request-timeout-ms"},
                             {"Access-Control-Max-Age", "600"}}};
  }
  const Route* route = find_route(head.path, head.method);
  if (route == nullptr) {
    Reply reply =
        refuse(405, head.path + " takes " + methods + ", not " + head.method.substr(0, 20));
    reply.headers.emplace_back("Allow", methods);
    return reply;
  }
  if (!route->open && !has_key(head)) {
    return refuse(401,
                  head.authorization.empty()
                      ? "this server asks for a key: Authorization: Bearer KEY"
                      : "the key is not one of this server's; send it as Authorization: Bearer "
                        "KEY");
  }
  if (route->method == "POST" && !is_json(head.content_type)) {
    return refuse(
        415, "the body must be JSON: send it with Content-Type: application/json" +
                 (head.content_type.empty() ? "" : ", not " + head.content_type.substr(0, 100)));
  }
  if (!head.timeout_ms.empty() && !is_count(head.timeout_ms)) {
    return refuse(422, "X-Request-Timeout-Ms must be a whole number of milliseconds from 1 on");
  }
  return std::nullopt;
}

void FrontDesk::handle(std::shared_ptr<Exchange> exchange) const {
  const bool small = exchange->body.size() <= kSmallBody;
  auto run = [&services = services_, exchange = std::move(exchange)] {
    const Route* route = find_route(exchange->head.path, exchange->head.method);  // as in screen()
    guarded(*exchange, *route->dialect, [&] { route->handle(services, exchange); });
  };
  // Small bodies cost less than waking a thread; and whoever asks whether the process lives must
  // not wait for those who parse large ones.
  if (small) return run();
  boost::asio::post(services_.handlers, std::move(run));
}

Reply FrontDesk::protocol_error(std::string_view path, unsigned status,
                                const std::string& message) const {
  return error_reply(dialect_of(path), {status, message, ""});
}

void FrontDesk::decorate(const RequestHead&, Reply& reply) const {
  const std::string& origin = services_.options.allow_origin;
  if (origin.empty()) return;
  reply.headers.emplace_back("Access-Control-Allow-Origin", origin);
  reply.headers.emplace_back("Access-Control-Expose-Headers",
                             "x-request-id, retry-after, x-complete");
  if (origin != "*") reply.headers.emplace_back("Vary", "Origin");
}

void FrontDesk::done(const RequestHead& head, const Facts& facts, unsigned status,
                     std::size_t bytes_in, std::size_t bytes_out, Clock::duration elapsed) const {
  services_.metrics.on_exchange(route_label(head.path), facts, status, elapsed);
  if (!services_.options.log_requests) return;
  const auto ms = [](auto time) { return std::chrono::duration<double, std::milli>(time).count(); };
  json::Value line = {{"request_id", head.request_id},
                      {"remote", head.remote},
                      {"method", head.method.substr(0, 20)},
                      {"path", head.path.substr(0, 200)},
                      {"status", status},
                      {"elapsed_ms", ms(elapsed)},
                      {"bytes_in", bytes_in},
                      {"bytes_out", bytes_out}};
  if (!head.traceparent.empty()) line["traceparent"] = head.traceparent;
  if (facts.documents > 0) {
    line["dialect"] = facts.dialect;
    line["model"] = facts.model;
    line["documents"] = facts.documents;
    line["tokens"] = facts.tokens;
    if (facts.queued) {
      line["queued_ms"] = ms(*facts.queued);
      line["computing_ms"] = ms(facts.computing);
    }
    if (facts.cache_hits > 0) line["cache_hits"] = facts.cache_hits;
  }
  if (!facts.judge_outcome.empty()) line["judge_outcome"] = facts.judge_outcome;
  services_.log.info("request", line);
}

}  // namespace crossrank::server
