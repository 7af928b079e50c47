// What the handlers share: bodies, errors, and the way of a job to the batcher and back.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "handlers.h"

namespace crossrank::server {
namespace {

// A JSON body in bounded memory: a value takes 16 bytes and more, the shortest one two of text.
constexpr std::size_t kMaxValues = 2'000'000;

void note_scoring(Exchange& exchange, const Job& job) {
  Facts& facts = exchange.facts;
  const bool had_turn = job.computing > Clock::duration(0);
  const auto first_turn = had_turn ? job.started : Clock::now();
  facts.queued = std::chrono::duration_cast<std::chrono::microseconds>(first_turn - job.submitted);
  facts.computing = std::chrono::duration_cast<std::chrono::microseconds>(job.computing);
  facts.cache_hits = job.cache_hits;
  for (std::size_t i = 0; i < job.scored_pairs; ++i) {
    facts.tokens += job.scored[i].truncation.tokens_used;
  }
}

// On the handlers' pool.
void finish(const Scoring& scoring) {
  Exchange& exchange = *scoring.exchange;
  const Job& job = *scoring.job;
  note_scoring(exchange, job);
  switch (job.end) {
    case JobEnd::kScored: return scoring.done(scoring);
    case JobEnd::kDeadline:
      if (scoring.allow_partial) return scoring.done(scoring);
      return reply_error(
          exchange, *scoring.dialect,
          {504,
           "the deadline came when " + std::to_string(job.scored_pairs) + " of " +
               std::to_string(job.pairs.size()) + " documents were scored; send fewer, " +
               (scoring.knows_partial ? "allow more time with X-Request-Timeout-Ms, or set "
                                        "allow_partial"
                                      : "or allow more time with X-Request-Timeout-Ms"),
           ""});
    case JobEnd::kFailed: {
      RequestError error = request_error(job.error);
      if (job.error.code == ErrorCode::kTooLong && scoring.dialect == &kTei) {
        error.message += " \"truncate\": true cuts it.";
      }
      return reply_error(exchange, *scoring.dialect, error);
    }
    case JobEnd::kCancelled:  // by the client's leaving, when nobody reads this, or by the end
      return reply_error(exchange, *scoring.dialect, {503, "the server is shutting down", ""});
  }
}

}  // namespace

void reply_json(Exchange& exchange, const json::Value& body) {
  exchange.reply({.status = 200, .body = json::dump(body)});
}

void reply_error(Exchange& exchange, const Dialect& dialect, const RequestError& error) {
  exchange.reply(error_reply(dialect, error));
}

void guarded(Exchange& exchange, const Dialect& dialect, const std::function<void()>& work) {
  try {
    work();
  } catch (const std::bad_alloc&) {
    reply_error(exchange, dialect, {503, "out of memory; send fewer documents at a time", ""});
  } catch (const std::exception& error) {
    reply_error(exchange, dialect, {500, std::string("an internal error: ") + error.what(), ""});
  }
}

RequestError request_error(const Error& error) {
  const auto with = [&](unsigned status) { return RequestError{status, error.message, ""}; };
  switch (error.code) {
    case ErrorCode::kBadInput: return with(400);
    case ErrorCode::kModelNotFound: return with(404);
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kTooLong:
    case ErrorCode::kUnsupportedModel:
    case ErrorCode::kUnsupportedIsa:
    case ErrorCode::kUnsupportedPrecision: return with(422);
    case ErrorCode::kOverloaded: return {429, error.message, "", 1};
    case ErrorCode::kCancelled:
    case ErrorCode::kOutOfMemory: return {503, error.message, "", 1};
    case ErrorCode::kJudgeFailed: return with(502);
    case ErrorCode::kFileNotFound:
    case ErrorCode::kIoError:
    case ErrorCode::kBadConfig:
    case ErrorCode::kBadTokenizer:
    case ErrorCode::kBadSafetensors:
    case ErrorCode::kBadWeights:
    case ErrorCode::kNetwork:
    case ErrorCode::kDigestMismatch:
    case ErrorCode::kInternal: return with(500);
  }
  return with(500);  // not reached: the switch is exhaustive
}

std::optional<json::Value> read_object(Exchange& exchange, const Dialect& dialect) {
  exchange.facts.dialect = dialect.name;
  auto body = json::parse(exchange.body, {.max_values = kMaxValues});
  std::string().swap(exchange.body);
  if (!body.ok()) {
    reply_error(exchange, dialect, {400, "the body is not JSON: " + body.error().message, ""});
    return std::nullopt;
  }
  if (!body->is_object()) {
    reply_error(exchange, dialect,
                {422, "the body must be a JSON object, not " + kind_of(*body), ""});
    return std::nullopt;
  }
  return std::move(*body);
}

void with_model(const Services& services, const ExchangePtr& exchange, const Dialect& dialect,
                const std::string& name, WithModel go_on) {
  const auto take = [exchange, &dialect, go_on = std::move(go_on)](
                        const Result<std::shared_ptr<const ServedModel>>& found) {
    if (!found.ok()) return reply_error(*exchange, dialect, request_error(found.error()));
    exchange->facts.model = (*found)->name;
    go_on(*found);
  };
  const auto found = services.models.find_loaded(name);
  if (!found.ok() || *found) return take(found);
  const auto in_time = unless_late(services, exchange->deadline, [exchange, &dialect] {
    reply_error(*exchange, dialect,
                {504, "the deadline came while the model was being loaded", ""});
  });
  boost::asio::post(services.loads, [&services, exchange, &dialect, name, take, in_time] {
    guarded(*exchange, dialect, [&] {
      auto loaded = services.models.find(name);
      boost::asio::post(services.handlers,
                        [exchange, &dialect, take, in_time, loaded = std::move(loaded)] {
                          if (in_time()) guarded(*exchange, dialect, [&] { take(loaded); });
                        });
    });
  });
}

std::function<bool()> unless_late(const Services& services, Clock::time_point when,
                                  std::function<void()> late) {
  const auto over = std::make_shared<std::atomic<bool>>(false);
  const auto timer =
      std::make_shared<boost::asio::steady_timer>(services.handlers.get_executor(), when);
  timer->async_wait([over, late = std::move(late)](boost::system::error_code error) {
    if (!error && !over->exchange(true)) late();
  });
  return [over, timer] {
    timer->cancel();
    return !over->exchange(true);
  };
}

void score(const Services& services, Scoring scoring) {
  const std::shared_ptr<Job> job = scoring.job;
  const ExchangePtr exchange = scoring.exchange;
  const Dialect& dialect = *scoring.dialect;
  const std::shared_ptr<const ServedModel> model = scoring.model;
  job->deadline = exchange->deadline;
  job->allow_partial = scoring.allow_partial;
  exchange->facts.documents = job->pairs.size();
  exchange->on_gone([weak = std::weak_ptr<Job>(job)] {
    if (const auto alive = weak.lock()) alive->cancelled = true;
  });
  // The batcher's thread lets go of everything that could be its own model before it is done.
  job->finished = [&services, held = std::make_shared<Scoring>(std::move(scoring))](Job&) {
    boost::asio::post(services.handlers, [scoring = std::move(*held)] {
      guarded(*scoring.exchange, *scoring.dialect, [&] { finish(scoring); });
    });
  };
  const auto refusal = model->batcher->submit(job);
  if (!refusal) return;
  job->finished = nullptr;  // holds the job
  services.metrics.on_refused(model->name);
  reply_error(*exchange, dialect, {429, refusal->message, "", refusal->retry_after.count()});
}

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::kFp32: return "fp32";
    case Precision::kBf16: return "bf16";
    case Precision::kInt8: return "int8";
  }
  return "";  // not reached: the switch is exhaustive
}

json::Value calibration_json(const ModelInfo& info) {
  if (!info.calibration) return nullptr;
  return {{"temperature", info.calibration->temperature}, {"bias", info.calibration->bias}};
}

}  // namespace crossrank::server
