// Results as text.
#include "result_writer.h"

#include <algorithm>
#include <cstdio>

#include "base/utf8.h"

namespace crossrank::cli {
namespace {

json::Value numbers(std::span<const float> values) {
  json::Value list = json::Value::array();
  for (const float value : values) list.push_back(json::number(value));
  return list;
}

}  // namespace

ObjectWriter& ObjectWriter::member(std::string_view name, const json::Value& value) {
  return raw(name, json::dump(value));
}

ObjectWriter& ObjectWriter::raw(std::string_view name, std::string_view json) {
  if (!first_) out_ += ',';
  first_ = false;
  out_.append(1, '"').append(name).append("\":").append(json::escape_controls(json));
  return *this;
}

void write_truncation(ObjectWriter& object, const TruncationReport& truncation) {
  std::string json;
  ObjectWriter(json)
      .member("tokens_total", truncation.tokens_total)
      .member("tokens_used", truncation.tokens_used)
      .member("chars_cut", truncation.chars_cut)
      .member("query_truncated", truncation.query_truncated)
      .member("document_truncated", truncation.document_truncated)
      .end();
  object.raw("truncation", json);
}

void write_span(ObjectWriter& object, const TextSpan& span) {
  std::string json;
  ObjectWriter(json)
      .member("begin_byte", span.begin_byte)
      .member("end_byte", span.end_byte)
      .member("begin_char", span.begin_char)
      .member("end_char", span.end_char)
      .end();
  object.raw("span", json);
}

void write_model(ObjectWriter& object, const ModelInfo& info, const std::string& digest) {
  object.member("model", info.name)
      .member("weights_sha256", digest)
      .member("precision", name_of(info.precision));
  if (info.calibration) object.member("calibration", calibration_facts(info.calibration));
}

json::Value calibration_facts(const std::optional<Calibration>& calibration) {
  if (!calibration) return nullptr;
  return {{"file", base::repair_utf8(calibration->file).value_or(calibration->file)},
          {"temperature", calibration->temperature},
          {"bias", calibration->bias}};
}

void write_scores(ObjectWriter& object, const Predictions& predictions, std::size_t i) {
  if (predictions.num_labels() > 1) {
    object.member("logits", numbers(predictions.logits(i)))
        .member("probabilities", numbers(predictions.probabilities(i)))
        .member("score", numbers(predictions.scores(i)));
    return;
  }
  const ScoredPair& pair = predictions[i];
  object.member("logit", json::number(pair.logit))
      .member("probability", json::number(pair.probability))
      .member("score", json::number(pair.score));
}

std::string shortest(float value) { return json::dump(json::number(value)); }

json::Value milliseconds(std::chrono::steady_clock::duration elapsed) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
  return static_cast<double>(us) / 1000;
}

std::string rounded(float value) {
  char text[64];  // a float32 has at most 39 digits before the point
  std::snprintf(text, sizeof(text), "%.4f", static_cast<double>(value));
  return text;
}

std::string decimals(double value, int digits) {
  char text[400];  // the largest double has 309 digits before the point
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  return text;
}

std::string tsv_field(std::string_view text) {
  std::string field;
  field.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t control = base::control_length(text, i);
    field += control != 0 ? ' ' : text[i];
    if (control == 2) ++i;
  }
  return field;
}

bool is_trec_field(std::string_view text) {
  return !text.empty() && text.find(' ') == text.npos && tsv_field(text) == text;
}

std::string run_tag(const std::string& model, const std::string& digest) {
  std::string tag = tsv_field(model + "-" + digest);
  std::replace(tag.begin(), tag.end(), ' ', '_');
  return tag;
}

void write_trec_line(std::string& out, std::string_view query_id, std::string_view document_id,
                     std::size_t rank, float score, std::string_view tag) {
  out.append(query_id).append(" Q0 ").append(document_id).append(1, ' ');
  out.append(std::to_string(rank)).append(1, ' ').append(shortest(score));
  out.append(1, ' ').append(tag).append(1, '\n');
}

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::kFp32: return "fp32";
    case Precision::kBf16: return "bf16";
    case Precision::kInt8: return "int8";
  }
  return "";  // not reached: the switch is exhaustive
}

std::string_view name_of(Activation activation) {
  switch (activation) {
    case Activation::kIdentity: return "identity";
    case Activation::kSigmoid: return "sigmoid";
    case Activation::kTanh: return "tanh";
    case Activation::kSoftmax: return "softmax";
  }
  return "";  // not reached: the switch is exhaustive
}

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::kCrossEncoder: return "cross_encoder";
    case Stage::kJudge: return "judge";
    case Stage::kBackfill: return "backfill";
  }
  return "";  // not reached: the switch is exhaustive
}

}  // namespace crossrank::cli
