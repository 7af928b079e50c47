// One chat completion request as JSON.
#include "judge/request.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/try.h"
#include "json/json.h"

namespace crossrank::judge {
namespace {

constexpr int kTopLogprobs = 20;  // 0..10 and the spellings around them; the most that OpenAI gives

json::Value response_format(ResponseFormat format, std::size_t places) {
  if (format == ResponseFormat::kJsonObject) return {{"type", "json_object"}};
  return {{"type", "json_schema"},
          {"json_schema",
           {{"name", "ratings"},
            {"strict", true},
            {"schema", json::parse(answer_schema(places)).value()}}}};
}

}  // namespace

std::string_view to_string(ResponseFormat format) {
  switch (format) {
    case ResponseFormat::kJsonSchema: return "json_schema";
    case ResponseFormat::kJsonObject: return "json_object";
    case ResponseFormat::kText: return "text";
  }
  return "text";
}

std::string request_body(const Prompt& prompt, const std::string& model,
                         std::optional<std::uint64_t> seed, const RequestShape& shape,
                         std::span<const JudgeParam> params) {
  json::Value body = {
      {"model", model},
      {"messages", json::Value::array({{{"role", "system"}, {"content", prompt.system}},
                                       {{"role", "user"}, {"content", prompt.user}}})},
      {"temperature", 0},
      {"max_completion_tokens", shape.answer_tokens}};
  if (shape.format != ResponseFormat::kText) {
    body["response_format"] = response_format(shape.format, prompt.places());
  }
  // Servers take a signed number of 32 bits or more.
  if (seed) body["seed"] = *seed & 0x7FFFFFFF;
  if (shape.logprobs) {
    body["logprobs"] = true;
    body["top_logprobs"] = kTopLogprobs;
  }
  for (const JudgeParam& param : params) {
    auto value = json::parse(param.json);
    if (!value.ok() || value->is_null()) {  // check_params has refused what is no JSON
      body.erase(param.name);
    } else {
      body[param.name] = *std::move(value);
    }
  }
  return json::dump(body);
}

Result<void> check_params(std::span<const JudgeParam> params) {
  constexpr std::array<std::string_view, 5> kOurs = {"messages", "response_format", "model",
                                                     "stream", "n"};
  for (const JudgeParam& param : params) {
    if (param.name.empty() || std::find(kOurs.begin(), kOurs.end(), param.name) != kOurs.end()) {
      return Error{ErrorCode::kInvalidArgument, "the judge's parameter " + json::quote(param.name) +
                                                    " cannot be set: it carries the question"};
    }
    if (const auto value = json::parse(param.json); !value.ok()) {
      return Error{ErrorCode::kInvalidArgument,
                   "the value of the judge's parameter " + json::quote(param.name) + " is " +
                       value.error().message + "; a string needs its quotes"};
    }
  }
  return {};
}

}  // namespace crossrank::judge
