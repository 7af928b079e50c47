// Documents and scored results. Plain data: nothing here computes a score.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crossrank/judge.h"

namespace crossrank {

struct MetadataValue;
struct MetadataMember;
using MetadataList = std::vector<MetadataValue>;
/// Members in the caller's order.
using Metadata = std::vector<MetadataMember>;

/// A JSON-like value: null, boolean, integer, real, string, list or object.
struct MetadataValue {
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, MetadataList,
               Metadata>
      value;
};

struct MetadataMember {
  std::string key = {};
  MetadataValue value = {};
};

struct Document {
  std::optional<std::string> id = {};
  std::string page_content = {};  ///< UTF-8.
  Metadata metadata = {};         ///< As in {{"title", {"Apollo 11"}}, {"year", {1969}}}.
};

/// A query and a document, as views: the caller keeps the bytes alive during the call.
struct TextPair {
  std::string_view query;
  std::string_view document;
};

/// What was left out of a pair before scoring. 16 bytes.
/// A lone text (Tokenizer::encode) counts as a document.
struct TruncationReport {
  std::uint32_t tokens_total = 0;  ///< Tokens of the whole pair, special tokens included.
  std::uint32_t tokens_used = 0;   ///< Tokens the model saw (with chunks, of the best one).
  std::uint32_t chars_cut = 0;     ///< Code points of the document dropped by max_chars.
  bool query_truncated = false;    ///< True when tokens of the query were dropped.
  /// True when tokens of the document were dropped; with chunks, tokens that none had.
  bool document_truncated = false;

  /// Whether some of the pair was not scored.
  [[nodiscard]] bool truncated() const {
    return query_truncated || document_truncated || chars_cut > 0;
  }
};

/// The part of a document's scored text that produced its score: its best chunk. 16 bytes.
/// In a text that was not valid UTF-8, offsets count in the repaired text.
struct TextSpan {
  std::uint32_t begin_byte = 0, end_byte = 0;  ///< [begin, end) in the scored text, bytes.
  std::uint32_t begin_char = 0, end_char = 0;  ///< The same in code points.
};

/// One scored pair of a one-label model. 28 bytes.
struct ScoredPair {
  float logit = 0;        ///< The model's raw output.
  float probability = 0;  ///< sigmoid(logit) in float32, or by ModelInfo::calibration.
  float score = 0;  ///< The model's own activation applied (what sentence-transformers returns).
  TruncationReport truncation;
};

/// A document's place in a ranking, by index into the caller's list. 56 bytes.
struct RankedIndex {
  std::size_t index = 0;
  ScoredPair pair;
  std::optional<TextSpan> span;  ///< Only where uses_chunks(truncation).
};

/// What a document owes its place to.
enum class Stage : std::uint8_t {
  kCrossEncoder,  ///< Its logit; no document of the ranking was judged.
  kJudge,         ///< The judge's relevance.
  kBackfill,      ///< It was not judged and stands, in first-stage order, behind those that were.
};

/// A ranked document: `rank` counts from 1, `index` is the position in the caller's list.
struct RankedDocument {
  std::size_t rank = 0;
  std::size_t index = 0;
  std::optional<std::string> id;
  float logit = 0;
  float probability = 0;
  float score = 0;
  TruncationReport truncation;
  std::optional<TextSpan> span;  ///< In page_content; only where uses_chunks(truncation).
  Stage stage = Stage::kCrossEncoder;
  std::optional<JudgeVerdict> judge;  ///< Only with Stage::kJudge.
  std::size_t first_stage_rank = 0;   ///< Before the judge: among the documents that it was given.
};

}  // namespace crossrank
