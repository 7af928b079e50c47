// Handlers: what each route does with an exchange. They run on Services::handlers, or, for a small
// body, on the thread of the I/O.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "dialects.h"
#include "exchange.h"
#include "job.h"
#include "json/json.h"
#include "model_registry.h"
#include "services.h"

namespace crossrank::server {

using ExchangePtr = std::shared_ptr<Exchange>;

// rerank_handler.cc
void handle_rerank(const Services& services, const ExchangePtr& exchange, const Dialect& dialect);
// predict_handler.cc
void handle_predict(const Services& services, const ExchangePtr& exchange);
// hybrid_handler.cc
void handle_hybrid(const Services& services, const ExchangePtr& exchange);
// info_handlers.cc
void handle_tokenize(const Services& services, const ExchangePtr& exchange);
void handle_info(const Services& services, const ExchangePtr& exchange);
void handle_models(const Services& services, const ExchangePtr& exchange);
void handle_alive(const Services& services, const ExchangePtr& exchange);
void handle_ready(const Services& services, const ExchangePtr& exchange);
void handle_metrics(const Services& services, const ExchangePtr& exchange);

// What several handlers share: handler_parts.cc.

void reply_json(Exchange& exchange, const json::Value& body);
void reply_error(Exchange& exchange, const Dialect& dialect, const RequestError& error);
// Runs `work`, which answers; when it throws, the exception is answered.
void guarded(Exchange& exchange, const Dialect& dialect, const std::function<void()>& work);
// The status of an error that scoring or loading gave.
RequestError request_error(const Error& error);

// The body as a JSON object; nullopt when it is none, which has been answered then.
std::optional<json::Value> read_object(Exchange& exchange, const Dialect& dialect);
// Goes on with the model of that name: at once, on the calling thread, when it is loaded, else
// later on Services::handlers. That there is none, or that it does not load, is answered.
using WithModel = std::function<void(const std::shared_ptr<const ServedModel>&)>;
void with_model(const Services& services, const ExchangePtr& exchange, const Dialect& dialect,
                const std::string& name, WithModel go_on);

// Runs `late` on Services::handlers at `when`, unless what this returns is called before; that says
// whether it was. Whoever holds it holds the timer.
std::function<bool()> unless_late(const Services& services, Clock::time_point when,
                                  std::function<void()> late);

struct Scoring {
  ExchangePtr exchange;
  std::shared_ptr<const ServedModel> model;
  std::shared_ptr<Job> job;
  const Dialect* dialect;
  bool knows_partial = false;  // the route has allow_partial
  bool allow_partial = false;
  // On Services::handlers, when all pairs are scored, or with allow_partial what could be.
  std::function<void(const Scoring&)> done;
};

// Has the job scored. Whatever else becomes of it is answered here.
void score(const Services& services, Scoring scoring);

// "fp32", "bf16", "int8".
std::string_view name_of(Precision precision);
// {temperature, bias}, null for none: where the file lies is the operator's business.
json::Value calibration_json(const ModelInfo& info);

}  // namespace crossrank::server
