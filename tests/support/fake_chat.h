// FakeChat: a JudgeTransport that answers from a script, and helpers that write answers. For tests.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "crossrank/judge.h"
#include "json/json.h"

namespace crossrank {

// A 200 whose message has that content.
inline JudgeHttpReply says(const std::string& content, const std::string& finish = "stop") {
  const json::Value body = {
      {"model", "fake-1"},
      {"choices",
       json::Value::array({{{"message", {{"content", content}}}, {"finish_reason", finish}}})},
      {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 10}}}};
  return {.status = 200, .body = json::dump(body)};
}

inline JudgeHttpReply status(long code, const std::string& body = "") {
  return {.status = code, .body = body};
}

// Answers request number i with script[i], the last one again and again. A step sees the request.
class FakeChat {
 public:
  using Step = std::function<JudgeHttpReply(const JudgeHttpRequest&)>;

  explicit FakeChat(std::vector<Step> script) : state_(std::make_shared<State>()) {
    state_->script = std::move(script);
  }

  [[nodiscard]] JudgeTransport transport() const {
    return [state = state_](const JudgeHttpRequest& request) {
      Step step;
      {
        const std::lock_guard lock(state->mutex);
        step = state->script[std::min(state->requests.size(), state->script.size() - 1)];
        state->requests.push_back(request);
      }
      return step(request);
    };
  }

  [[nodiscard]] std::vector<JudgeHttpRequest> requests() const {
    const std::lock_guard lock(state_->mutex);
    return state_->requests;
  }

 private:
  struct State {
    std::mutex mutex;
    std::vector<Step> script;
    std::vector<JudgeHttpRequest> requests;
  };
  std::shared_ptr<State> state_;
};

inline FakeChat::Step always(const JudgeHttpReply& reply) {
  return [reply](const JudgeHttpRequest&) { return reply; };
}

// The user message of a request.
inline std::string user_message(const JudgeHttpRequest& request) {
  return json::parse(request.body).value()["messages"][1]["content"].get<std::string>();
}

// Rates each candidate of the prompt by `relevance(content)`; a negative one is left out.
inline FakeChat::Step rates(const std::function<int(const std::string& content)>& relevance) {
  return [relevance](const JudgeHttpRequest& request) {
    const std::string prompt = user_message(request);
    json::Value answer = json::Value::object();
    constexpr std::string_view kBegin = " candidate ";
    for (std::size_t at = prompt.find(kBegin); at != std::string::npos;
         at = prompt.find(kBegin, at)) {
      at += kBegin.size();
      const std::string label = prompt.substr(at, 3);
      const std::size_t begin = prompt.find('\n', at) + 1;
      const std::string content = prompt.substr(begin, prompt.find(">>>", begin) - begin);
      if (const int value = relevance(content); value >= 0) {
        answer[label] = {{"relevance", value}, {"reason", "because"}};
      }
    }
    return says(json::dump(answer));
  };
}

}  // namespace crossrank
