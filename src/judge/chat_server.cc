// Address, key and headers of a chat server; requests, traced.
#include "judge/chat_server.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <new>
#include <utility>

#include "base/ascii.h"
#include "base/http_client.h"
#include "base/small_file.h"
#include "base/try.h"
#include "judge/answer.h"
#include "judge/transport.h"

namespace crossrank::judge {
namespace {

constexpr std::string_view kRoute = "/chat/completions";
constexpr std::size_t kMaxKeyBytes = 16u << 10;
constexpr std::size_t kMaxBackslashes = 64;  // escaped ones in a secret: redacting stays linear
constexpr std::size_t kMinSecretBytes = 4;   // a shorter "secret" would redact half of the text
constexpr std::size_t kMinPieceBytes =
    8;  // of a header's value; shorter ones are "Bearer" and such

std::string environment(const char* name) {
  const char* value = std::getenv(name);
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
    CR_TRY_ASSIGN(const std::string file, base::read_small_file(options.api_key_file));
    if (file.size() > kMaxKeyBytes) {
      return Error{ErrorCode::kBadInput, options.api_key_file + " is too large for a key"};
    }
    key = trimmed(file);
    if (key.empty()) return Error{ErrorCode::kBadInput, options.api_key_file + " holds no key"};
  } else if (!options.api_key_env.empty()) {
    const std::string& name = options.api_key_env;
    key = trimmed(environment(name.c_str()));
    if (key.empty()) {
      // Not its name: some put the key itself there.
      return invalid(
          "the variable that JudgeOptions::api_key_env names, which should hold the judge's key, "
          "is not set or empty");
    }
  } else {
    key = trimmed(environment("CROSSRANK_JUDGE_API_KEY"));
  }
  if (!is_printable(key) || key.find(' ') != key.npos) {
    return invalid("the judge's key holds a character that no key has");
  }
  return key;
}

// What opens the proxy, in "http://user:password@host": both together, the password, and the
// password as it is without its %XX.
std::vector<std::string> secrets_of_proxy(std::string_view proxy) {
  if (const std::size_t scheme = proxy.find("://"); scheme != proxy.npos) {
    proxy.remove_prefix(scheme + 3);
  }
  const std::size_t end = proxy.rfind('@');
  if (end == proxy.npos) return {};
  const std::string_view user_and_password = proxy.substr(0, end);
  const std::size_t colon = user_and_password.find(':');
  if (colon == proxy.npos) return {std::string(user_and_password)};
  const std::string_view password = user_and_password.substr(colon + 1);
  std::string plain;
  for (std::size_t i = 0; i < password.size(); ++i) {
    unsigned byte = 0;
    const char* hex = password.data() + i + 1;
    if (password[i] == '%' && i + 2 < password.size() &&
        std::from_chars(hex, hex + 2, byte, 16).ptr == hex + 2) {
      plain += static_cast<char>(byte);
      i += 2;
    } else {
      plain += password[i];
    }
  }
  return {std::string(user_and_password), std::string(password), plain};
}

// The bytes that base64 stands for, up to the first character that is none of its digits.
std::string base64_decoded(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;  // of bits that have not been taken
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) break;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xFF);
  }
  return out;
}

// What may open something in a header's value: all of it, and its pieces, since servers repeat a
// token without its scheme, a cookie without its name, a password without its base64. Not the words
// of headers that describe the caller: models use such words, too.
std::vector<std::string> secrets_of_header(std::string_view name, std::string_view value) {
  std::vector<std::string> secrets = {std::string(value)};
  for (const char* words : {"user-agent", "referer", "http-referer", "x-title"}) {
    if (base::ascii_lower(name) == words) return secrets;
  }
  const auto add_piece = [&](std::string_view piece) {
    if (piece.size() >= kMinPieceBytes) secrets.emplace_back(piece);
  };
  for (std::string_view rest = value; !rest.empty();) {
    const std::size_t end = std::min(rest.find_first_of(" \t;,\""), rest.size());
    std::string_view word = rest.substr(0, end);
    const bool is_name = word.ends_with('=') && rest.substr(end).starts_with('"');
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (is_name) continue;
    while (word.ends_with('=')) word.remove_suffix(1);  // base64 may come back without
    add_piece(word);
    if (const std::size_t equals = word.find('='); equals != word.npos) {
      add_piece(word.substr(equals + 1));
    }
  }
  constexpr std::string_view kBasic = "basic ";
  if (base::ascii_lower(value.substr(0, kBasic.size())) == kBasic) {
    const std::string user_and_password = base64_decoded(trimmed(value.substr(kBasic.size())));
    secrets.push_back(user_and_password);
    if (const std::size_t colon = user_and_password.find(':'); colon != std::string::npos) {
      secrets.push_back(user_and_password.substr(colon + 1));
    }
  }
  return secrets;
}

// The end of the character at text[pos] as JSON may write it, behind any number of backslashes:
// "/", "\\/" and "\\u002f" are one. `c` is 0 at the end of the text.
std::size_t unescape(std::string_view text, std::size_t pos, char& c) {
  const std::size_t begin = pos;
  pos = std::min(text.find_first_not_of('\\', pos), text.size());
  c = pos < text.size() ? text[pos] : '\0';
  if (pos == text.size()) return pos;
  if (pos > begin && c == 'u' && pos + 4 < text.size()) {
    unsigned unit = 0;
    const char* hex = text.data() + pos + 1;
    if (std::from_chars(hex, hex + 4, unit, 16).ptr == hex + 4 && unit < 0x80) {
      c = static_cast<char>(unit);
      return pos + 5;
    }
  }
  return pos + 1;
}

// The end of `secret`, which has no backslashes, at text[pos], however JSON escaped it; npos if it
// is not there.
std::size_t end_of(std::string_view secret, std::string_view text, std::size_t pos) {
  std::size_t backslashes = 0;
  for (std::size_t matched = 0; matched < secret.size();) {
    char c = 0;
    pos = unescape(text, pos, c);
    if (c == '\\') {  // an escaped one
      if (++backslashes > kMaxBackslashes) return text.npos;
      continue;
    }
    if (c != secret[matched++]) return text.npos;
  }
  return pos;
}

}  // namespace

bool ChatServer::is_header_value(std::string_view text) { return is_printable(text); }

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
    const std::string name = header.substr(0, colon), value = trimmed(header.substr(colon + 1));
    for (std::string& secret : secrets_of_header(name, value)) {
      server->secrets_.push_back(std::move(secret));
    }
  }
  for (std::string& secret : secrets_of_proxy(options.proxy)) {
    server->secrets_.push_back(std::move(secret));
  }
  for (std::string& secret : server->secrets_) std::erase(secret, '\\');  // see redact()
  std::erase_if(server->secrets_, [](const auto& s) { return s.size() < kMinSecretBytes; });
  // The longest first, so that one that is part of another leaves nothing of it.
  std::sort(server->secrets_.begin(), server->secrets_.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
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
                                const std::atomic<bool>* cancel,
                                std::string_view traceparent) const {
  const auto start = std::chrono::steady_clock::now();
  JudgeHttpRequest request{
      .url = url_, .headers = headers_, .body = body, .timeout = timeout, .cancel = cancel};
  if (!traceparent.empty()) request.headers.push_back("traceparent: " + std::string(traceparent));
  JudgeHttpReply reply;
  try {
    reply = transport_(request);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {  // the caller's own transport may
    reply = {.error = std::string("The judge's transport failed: ") + e.what()};
  }
  reply.error = redact(reply.error);
  if (trace_) {
    JudgeExchange exchange = describe(body);
    exchange.status = reply.status;
    exchange.response = redact(reply.body);
    exchange.error = reply.error;
    exchange.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - start);
    const std::lock_guard lock(trace_mutex_);
    try {
      trace_(exchange);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {  // costs its line, not the ranking
    }
  }
  return reply;
}

JudgeExchange ChatServer::describe(const std::string& body) const {
  return {.url = redact(url_), .headers = shown_headers_, .request = body};
}

std::string ChatServer::redact(std::string_view text) const {
  std::string out(text);
  for (const std::string& secret : secrets_) {
    const std::string_view from = out;
    const std::string first = {secret[0], '\\'};
    std::string redacted;
    std::size_t copied = 0;
    for (std::size_t at = from.find_first_of(first); at != from.npos;
         at = from.find_first_of(first, at)) {
      const std::size_t end = end_of(secret, from, at);
      if (end != from.npos) {
        redacted.append(from, copied, at - copied).append(kRedacted);
        copied = at = end;
      } else if (from[at] == '\\') {
        at = std::min(from.find_first_not_of('\\', at), from.size());  // a run is tried once
      } else {
        ++at;
      }
    }
    if (copied > 0) out = redacted.append(from, copied);
  }
  return out;
}

}  // namespace crossrank::judge
