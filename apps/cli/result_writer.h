// Results as text: the JSON members of a score, and one place for each number format.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "crossrank/cross_encoder.h"
#include "crossrank/document.h"
#include "json/json.h"

namespace crossrank::cli {

// One JSON object on one line, member by member; values may be JSON that is kept as it was written.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ObjectWriter& member(std::string_view name, const json::Value& value);
  ObjectWriter& raw(std::string_view name, std::string_view json);
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool first_ = true;
};

void write_truncation(ObjectWriter& object, const TruncationReport& truncation);
void write_span(ObjectWriter& object, const TextSpan& span);
// model, weights_sha256 (`digest`), precision, and calibration where there is one.
void write_model(ObjectWriter& object, const ModelInfo& info, const std::string& digest);
// A calibration as {file, temperature, bias}; null for none.
json::Value calibration_facts(const std::optional<Calibration>& calibration);
// `logit`, `probability`, `score` of pair i, or `logits`, `probabilities`, `score` as lists when
// the model has several labels.
void write_scores(ObjectWriter& object, const Predictions& predictions, std::size_t i);

// The shortest decimal that reads back to the same float32.
std::string shortest(float value);
// A duration as JSON, to the microsecond.
json::Value milliseconds(std::chrono::steady_clock::duration elapsed);
// Four digits behind the point, for tables.
std::string rounded(float value);
// As many digits behind the point as `digits`.
std::string decimals(double value, int digits);
// A text of valid UTF-8 as one TSV field: tabs, line breaks and all other control characters become
// spaces.
std::string tsv_field(std::string_view text);

// True for a field of a TREC run: white space ends it, and control characters drive terminals.
bool is_trec_field(std::string_view text);
// The last field of a run's lines: a model's name and its weights' digest without white space.
std::string run_tag(const std::string& model, const std::string& digest);
// "qid Q0 docid rank score tag"; trec_eval sorts by the score.
void write_trec_line(std::string& out, std::string_view query_id, std::string_view document_id,
                     std::size_t rank, float score, std::string_view tag);

std::string_view name_of(Precision precision);
std::string_view name_of(Activation activation);
std::string_view name_of(Stage stage);

// 12 of the 64 digits: what names weights in every output.
inline constexpr std::size_t kDigestDigits = 12;

}  // namespace crossrank::cli
