// Routes that score nothing: tokens, descriptions, health, metrics.
#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "crossrank/version.h"
#include "handlers.h"

namespace crossrank::server {
namespace {

// A token of one byte becomes some 60 bytes of the answer.
constexpr std::size_t kMaxTokenizedBytes = std::size_t{1} << 20;

std::string_view dtype_of(Precision precision) {
  switch (precision) {
    case Precision::kFp32: return "float32";
    case Precision::kBf16: return "bfloat16";
    case Precision::kInt8: return "int8";
  }
  return "";  // not reached: the switch is exhaustive
}

// Appends [{id, text, special, start, stop}], offsets in code points; null for special tokens. As
// text: a JSON value for each token would take ten times as much memory.
void append_tokens(std::string& out, const Encoding& encoding, const std::string& text,
                   bool special_tokens) {
  out += '[';
  bool first = true;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const TextSpan& span = encoding.spans[i];
    // [CLS] and [SEP] stand for no text; nothing else is empty.
    const bool special = span.begin_byte == span.end_byte;
    if (special && !special_tokens) continue;
    out.append(first ? "" : ",").append("{\"id\":").append(std::to_string(encoding.ids[i]));
    first = false;
    out.append(",\"text\":")
        .append(json::dump(special ? encoding.tokens[i]
                                   : text.substr(span.begin_byte, span.end_byte - span.begin_byte)))
        .append(special ? ",\"special\":true,\"start\":null,\"stop\":null}"
                        : ",\"special\":false,\"start\":" + std::to_string(span.begin_char) +
                              ",\"stop\":" + std::to_string(span.end_char) + "}");
  }
  out += ']';
}

struct TokenizeRequest {
  std::vector<std::string> texts;
  bool special_tokens = true;
};

void tokenize(Exchange& exchange, const TokenizeRequest& request, const ServedModel& model) {
  const auto tokenizer = model.tokenizer();
  if (!tokenizer.ok()) return reply_error(exchange, kTei, request_error(tokenizer.error()));
  std::string out = "[";
  for (const std::string& text : request.texts) {
    if (exchange.gone()) return;
    if (Clock::now() > exchange.deadline) {
      return reply_error(
          exchange, kTei,
          {504, "the deadline came before all texts were tokenized; send fewer", ""});
    }
    const auto encoding = (*tokenizer)->encode(text);
    if (!encoding.ok()) return reply_error(exchange, kTei, request_error(encoding.error()));
    if (out.size() > 1) out += ',';
    append_tokens(out, *encoding, text, request.special_tokens);
  }
  out += ']';
  exchange.reply({.status = 200, .body = std::move(out)});
}

}  // namespace

void handle_tokenize(const Services& services, const ExchangePtr& exchange) {
  auto body = read_object(*exchange, kTei);
  if (!body) return;
  Fields fields(*body);
  const auto request = std::make_shared<TokenizeRequest>();
  request->special_tokens = fields.boolean_or("add_special_tokens", true);
  const std::string name = fields.string_or("model", "");
  if (const json::Value* inputs = fields.member("inputs"); inputs == nullptr) {
    fields.fail({422, "`inputs` is missing; it must be a string or a list of strings", "inputs"});
  } else if (inputs->is_string()) {
    request->texts.push_back(fields.string("inputs"));
  } else {
    request->texts = fields.strings("inputs", services.options.max_documents);
    if (!fields.error() && request->texts.empty()) {
      fields.fail({400, "`inputs` is empty", "inputs"});
    }
  }
  std::size_t bytes = 0;
  for (const std::string& text : request->texts) bytes += text.size();
  if (bytes > kMaxTokenizedBytes) {
    fields.fail({413,
                 "`inputs` has " + std::to_string(bytes) + " bytes of text; at most " +
                     std::to_string(kMaxTokenizedBytes) + " are tokenized in one request",
                 "inputs"});
  }
  if (fields.error()) return reply_error(*exchange, kTei, *fields.error());
  with_model(services, exchange, kTei, name, [&services, exchange, request](const auto& model) {
    // A small body comes on the thread of the I/O, where nothing may take as long as this.
    boost::asio::post(services.handlers, [exchange, request, model] {
      guarded(*exchange, kTei, [&] { tokenize(*exchange, *request, *model); });
    });
  });
}

void handle_info(const Services& services, const ExchangePtr& exchange) {
  const auto found = services.models.find_loaded("");  // the first one always is
  if (!found.ok()) return reply_error(*exchange, kTei, request_error(found.error()));
  const auto& model = *found;
  const ModelInfo& info = model->encoder->info();
  json::Value id2label = json::Value::object();
  json::Value label2id = json::Value::object();
  for (std::size_t i = 0; i < info.num_labels; ++i) {
    id2label[std::to_string(i)] = info.labels[i];
    label2id[info.labels[i]] = i;
  }
  json::Value body = {{"model_id", info.name},
                      {"model_sha", nullptr},
                      {"model_dtype", dtype_of(info.precision)},
                      {"served_model_name", model->name}};
  body["model_type"] = {{"reranker", {{"id2label", id2label}, {"label2id", label2id}}}};
  body["max_concurrent_requests"] = services.options.http.max_connections;
  body["max_input_length"] = info.max_length;
  body["max_batch_tokens"] = model->batcher->budget();
  body["max_client_batch_size"] = services.options.max_documents;
  body["tokenization_workers"] = info.threads;
  body["auto_truncate"] = services.options.rules.truncation != Truncation::kError;
  body["version"] = version();
  body["weights_sha256"] = model->digest;
  body["precision"] = name_of(info.precision);
  body["calibration"] = calibration_json(info);
  body["isa"] = info.isa;
  body["threads"] = info.threads;
  body["hybrid"] = services.judge != nullptr;
  reply_json(*exchange, body);
}

void handle_models(const Services& services, const ExchangePtr& exchange) {
  json::Value data = json::Value::array();
  const auto loaded = services.models.loaded();
  for (const auto& [name, in_answers] : services.models.names()) {
    json::Value model = {{"id", name}, {"object", "model"}, {"owned_by", "crossrank"}};
    const auto found = std::find_if(
        loaded.begin(), loaded.end(),
        [&answer_name = in_answers](const auto& served) { return served->name == answer_name; });
    model["created"] = found == loaded.end() ? 0 : (*found)->created;
    model["loaded"] = found != loaded.end();
    data.push_back(std::move(model));
  }
  json::Value body = {{"object", "list"}};
  body["data"] = std::move(data);
  reply_json(*exchange, body);
}

void handle_alive(const Services&, const ExchangePtr& exchange) {
  reply_json(*exchange, {{"status", "alive"}});
}

void handle_ready(const Services& services, const ExchangePtr& exchange) {
  const auto loaded = services.models.loaded();
  const bool ready =
      !loaded.empty() &&
      std::all_of(loaded.begin(), loaded.end(), [](const auto& m) { return m->batcher->ready(); });
  if (ready) return reply_json(*exchange, {{"status", "ready"}});
  reply_error(*exchange, kTei,
              {503, "no forward pass has succeeded within the last minute", "", 1});
}

void handle_metrics(const Services& services, const ExchangePtr& exchange) {
  Metrics::Gauges gauges;
  gauges.connections = services.connections();
  for (const auto& model : services.models.loaded()) {
    gauges.models.push_back({.model = model->name,
                             .queued_jobs = model->batcher->queued_jobs(),
                             .queued_tokens = model->batcher->queued_tokens(),
                             .cache_entries = model->batcher->cache_size(),
                             .throughput = model->batcher->throughput()});
  }
  gauges.resident_bytes = resident_bytes();
  exchange->reply({.status = 200,
                   .body = services.metrics.text(gauges),
                   .content_type = "text/plain; version=0.0.4; charset=utf-8"});
}

}  // namespace crossrank::server
