// The server that the operator configured: where it is, what opens it, what is written of it.
// Knows HTTP, but neither prompts nor ratings.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/judge.h"
#include "crossrank/result.h"

namespace crossrank::judge {

class ChatServer {
 public:
  // Resolves what `options` leave to the environment and puts it into them (url, model). Errors:
  // kInvalidArgument for a url, model, key or header that is missing or malformed, kFileNotFound,
  // kIoError or kBadInput for the key file, kNetwork without libcurl.
  static Result<std::unique_ptr<const ChatServer>> create(JudgeOptions& options);

  // Whether it may stand in a header: printable ASCII.
  static bool is_header_value(std::string_view text);

  // Sends `body`, with a header `traceparent` unless that is empty, and traces it. Never takes much
  // longer than `timeout`. The reply's error has no secrets; its body is as it came.
  JudgeHttpReply post(const std::string& body, std::chrono::milliseconds timeout,
                      const std::atomic<bool>* cancel, std::string_view traceparent = {}) const;

  // What post() would send, without secrets. The body is as it is: it has none.
  JudgeExchange describe(const std::string& body) const;

  // `text` with every occurrence of a secret replaced, also of one that JSON wrote with escapes, or
  // wrote again as a string of JSON. What was JSON stays it where secrets stand in strings.
  std::string redact(std::string_view text) const;

 private:
  ChatServer() = default;
  std::string url_;
  std::vector<std::string> headers_;
  std::vector<std::string> shown_headers_;
  std::vector<std::string> secrets_;
  JudgeTransport transport_;
  std::function<void(const JudgeExchange&)> trace_;
  mutable std::mutex trace_mutex_;
};

}  // namespace crossrank::judge
