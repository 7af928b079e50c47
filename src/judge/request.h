// The body of a /chat/completions request. Sends nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "crossrank/judge.h"
#include "crossrank/result.h"
#include "judge/prompt.h"

namespace crossrank::judge {

// How the server is asked to hold the model to the schema, strictest first.
enum class ResponseFormat : std::uint8_t { kJsonSchema, kJsonObject, kText };

std::string_view to_string(ResponseFormat format);

struct RequestShape {
  ResponseFormat format = ResponseFormat::kJsonSchema;
  bool logprobs = false;
  std::size_t answer_tokens = 0;
};

// `params` are valid (check_params) and come last: they override or remove what stands there.
std::string request_body(const Prompt& prompt, const std::string& model,
                         std::optional<std::uint64_t> seed, const RequestShape& shape,
                         std::span<const JudgeParam> params);

// kInvalidArgument, naming the parameter, for a value that is no JSON or a name that carries the
// question itself (messages, response_format, model, stream, n).
Result<void> check_params(std::span<const JudgeParam> params);

}  // namespace crossrank::judge
