// Address, key and headers of a chat server; requests, traced.
#include "judge/chat_server.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/http_client.h"
#include "base/mapped_file.h"
#include "base/try.h"
#include "judge/transport.h"

namespace crossrank::judge {
namespace {

constexpr std::string_view kRedacted = "[redacted]";
constexpr std::string_view kRoute = "/chat/completions";
constexpr std::size_t kMaxKeyBytes = 16u << 10;
constexpr std::size_t kMinSecretBytes = 4;  // a shorter "secret" would redact half of the text

std::string environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

Error invalid(std::string what) { return {ErrorCode::kInvalidArgument, std::move(what)}; }

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == text.npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlank) - begin + 1));
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// "https://host/v1" and "https://host/v1/chat/completions" are the latter.
Result<std::string> completions_url(std::string url) {
  if (url.empty()) {
    return invalid(
        "the judge has no address: give JudgeOptions::url or set CROSSRANK_JUDGE_URL, "
        "for example to https://api.openai.com/v1");
  }
  if (!is_printable(url) || url.find(' ') != url.npos || url.find_first_of("?#") != url.npos) {
    return invalid("the judge's url holds a space, a query or a character that no address has");
  }
  while (url.ends_with('/')) url.pop_back();
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return invalid("the judge's url must begin with https:// or http://");
  }
  const std::size_t host = url.find("://") + 3;
  if (url.substr(host, url.find('/', host) - host).find('@') != url.npos) {
    return invalid(
        "the judge's url holds a user or password; send them as a header "
        "(Authorization: Basic ...)");
  }
  if (!url.ends_with(kRoute)) url += kRoute;
  return url;
}

Result<std::string> read_key(const JudgeOptions& options) {
  if (!options.api_key_env.empty() && !options.api_key_file.empty()) {
    return invalid(
        "the judge's key comes from JudgeOptions::api_key_env or "
        "JudgeOptions::api_key_file, not from both");
  }
  std::string key;
  if (!options.api_key_file.empty()) {
    CR_TRY_ASSIGN(const base::Blob file, base::map_file(options.api_key_file));
    if (file.bytes().size() > kMaxKeyBytes) {
      return Error{ErrorCode::kBadInput, options.api_key_file + " is too large for a key"};
    }
    key = trimmed(file.bytes());
    if (key.empty()) return Error{ErrorCode::kBadInput, options.api_key_file + " holds no key"};
  } else if (!options.api_key_env.empty()) {
    key = trimmed(environment(options.api_key_env));
    if (key.empty()) {
      return invalid("the variable " + options.api_key_env +
                     ", which should hold the judge's key, is not set or empty");
    }
  } else {
    key = trimmed(environment("CROSSRANK_JUDGE_API_KEY"));
  }
  if (!is_printable(key) || key.find(' ') != key.npos) {
    return invalid("the judge's key holds a character that no key has");
  }
  return key;
}

}  // namespace

Result<std::unique_ptr<const ChatServer>> ChatServer::create(JudgeOptions& options) {
  std::unique_ptr<ChatServer> server(new ChatServer);
  if (options.url.empty()) options.url = trimmed(environment("CROSSRANK_JUDGE_URL"));
  if (options.model.empty()) options.model = trimmed(environment("CROSSRANK_JUDGE_MODEL"));
  CR_TRY_ASSIGN(server->url_, completions_url(options.url));
  if (options.model.empty()) {
    return invalid(
        "the judge has no model: give JudgeOptions::model or set CROSSRANK_JUDGE_MODEL "
        "to what the server calls it");
  }
  CR_TRY_ASSIGN(const std::string key, read_key(options));
  server->headers_ = {"Content-Type: application/json", "Accept: application/json",
                      "Expect:"};  // no wait for a "100 Continue" that many servers never send
  server->shown_headers_ = {server->headers_[0], server->headers_[1]};
  if (!key.empty()) {
    server->headers_.push_back("Authorization: Bearer " + key);
    server->shown_headers_.push_back("Authorization: Bearer " + std::string(kRedacted));
    server->secrets_.push_back(key);
  }
  for (const std::string& header : options.headers) {
    const std::size_t colon = header.find(':');
    if (colon == header.npos || colon == 0 || !is_printable(header)) {
      return invalid("a header of the judge's is not \"Name: value\" in ASCII");
    }
    server->headers_.push_back(header);
    server->shown_headers_.push_back(header.substr(0, colon) + ": " + std::string(kRedacted));
    server->secrets_.push_back(trimmed(std::string_view(header).substr(colon + 1)));
  }
  std::erase_if(server->secrets_, [](const auto& s) { return s.size() < kMinSecretBytes; });
  server->trace_ = options.trace;
  server->transport_ = options.transport;
  if (!server->transport_) {
    CR_TRY_ASSIGN(server->transport_,
                  curl_transport({.proxy = options.proxy, .ca_bundle = options.ca_bundle}));
    if (base::url_origin(server->url_).empty()) return invalid("the judge's url is no address");
  }
  return std::unique_ptr<const ChatServer>(std::move(server));
}

JudgeHttpReply ChatServer::post(const std::string& body, std::chrono::milliseconds timeout,
                                const std::atomic<bool>* cancel) const {
  const auto start = std::chrono::steady_clock::now();
  JudgeHttpReply reply = transport_(
      {.url = url_, .headers = headers_, .body = body, .timeout = timeout, .cancel = cancel});
  if (trace_) {
    JudgeExchange exchange = describe(body);
    exchange.status = reply.status;
    exchange.response = redact(reply.body);
    exchange.error = redact(reply.error);
    exchange.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - start);
    const std::lock_guard lock(trace_mutex_);
    trace_(exchange);
  }
  return reply;
}

JudgeExchange ChatServer::describe(const std::string& body) const {
  return {.url = redact(url_), .headers = shown_headers_, .request = redact(body)};
}

std::string ChatServer::redact(std::string text) const {
  for (const std::string& secret : secrets_) {
    for (std::size_t at = text.find(secret); at != text.npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), kRedacted);
      at += kRedacted.size();
    }
  }
  return text;
}

}  // namespace crossrank::judge
