// ServerOptions: what `crossrank serve` was told. Plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crossrank/judge.h"
#include "crossrank/options.h"
#include "http_listener.h"
#include "job.h"
#include "model_registry.h"

namespace crossrank::server {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0 = any that is free
  HttpLimits http;
  RegistryOptions registry;
  std::size_t max_documents = 10'000;  // of a request
  std::vector<std::string> api_keys;   // none = nobody is asked for one
  std::string allow_origin;            // for pages of other origins; "" = none may
  ScoringRules rules;                  // where a request does not say
  // /v1/hybrid: how documents become texts, and the judge. Without a judge the route says so.
  ReRankOptions hybrid;
  std::optional<JudgeOptions> judge;
  std::size_t candidates = 10;  // that the judge sees
  bool log_requests = true;
};

}  // namespace crossrank::server
