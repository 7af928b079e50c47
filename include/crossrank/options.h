// Options of the public API: plain aggregates with their defaults in place. No behaviour.
// Every member has an initialiser, so that {.threads = 2} draws no -Wmissing-field-initializers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace crossrank {

/// Arithmetic of the encoder's linear layers, and for kBf16 of attention's products too. The head
/// and everything else are float32.
enum class Precision : std::uint8_t { kFp32, kBf16, kInt8 };

/// What happens to a pair longer than max_length tokens.
enum class Truncation : std::uint8_t {
  kLongestFirst,  ///< Cut the longer side, as `tokenizers` and sentence-transformers do.
  kDocumentOnly,  ///< Cut the document, never the query; a query that leaves no room is an error.
  kError,         ///< Cut nothing: ErrorCode::kTooLong with the lengths.
  kChunkMax,      ///< Score overlapping chunks of the document, keep the best one's score.
  kChunkTop2,     ///< The same, with the mean of the best two's logits.
  kFirst,         ///< Score the first chunk alone.
};

/// Whether documents are scored in chunks, of which results name the best one's span.
[[nodiscard]] constexpr bool uses_chunks(Truncation truncation) {
  return truncation == Truncation::kChunkMax || truncation == Truncation::kChunkTop2 ||
         truncation == Truncation::kFirst;
}

/// The end of a text that truncation takes tokens from.
enum class TruncationSide : std::uint8_t {
  kModel,  ///< What the model's tokenizer says; most often the right one.
  kRight,  ///< The last tokens go.
  kLeft,   ///< The first tokens go.
};

/// The function between a logit and `score`. What the model's config says unless overridden.
enum class Activation : std::uint8_t { kIdentity, kSigmoid, kTanh, kSoftmax };

/// Called from one thread at a time while work is going on: `done` of `total` units are finished.
/// Units are pairs when scoring and bytes when downloading; `total` 0 means unknown. It must not
/// call the object that is working; what it throws while scoring reaches the caller.
using Progress = std::function<void(std::size_t done, std::size_t total)>;

/// The LoadOptions::calibration that is none.
inline constexpr const char* kNoCalibration = "none";

struct LoadOptions {
  Precision precision = Precision::kFp32;
  std::string isa = {};     ///< "" = the best this CPU runs; else a name from available_isas().
  std::size_t threads = 0;  ///< 0 = the CPUs that affinity and cgroup grant.
  /// Tokens a pair; 0 = what the model's files say. Clamped to the position table.
  std::size_t max_length = 0;
  std::string revision = {};      ///< Branch, tag or commit of a hub model; "" = main.
  std::string cache_dir = {};     ///< "" = HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub.
  std::string token = {};         ///< Hub token; "" = HF_TOKEN or none.
  bool local_files_only = false;  ///< Never use the network, whatever the name.
  Progress progress = {};         ///< Download progress in bytes; may be empty.
  const std::atomic<bool>* cancel = nullptr;  ///< Set it to stop a download: kCancelled.
  /// A file of `crossrank calibrate`: probabilities become sigmoid(logit / temperature + bias).
  /// "" = crossrank_calibration.json in the model's folder, if there is one; "none" = none.
  std::string calibration = {};
};

/// The chunks of Truncation::kChunkMax, kChunkTop2 and kFirst. They end where a sentence does, if
/// one ends in their last part, and begin with one then.
struct ChunkOptions {
  /// Document tokens a chunk at most (fewer when max_length leaves less room).
  std::size_t tokens = 256;
  /// Document tokens that neighbouring chunks share at most: of whole sentences, or exactly so many
  /// where a sentence had to be cut. The last chunk of a text reaches back for its context.
  std::size_t overlap = 32;
  std::size_t max_chunks = 32;  ///< Chunks a document at most; the text behind them is not scored.
};

/// Tokens in one batch by default: 512 rows of MiniLM's x, q, k, v and context (5 x 384 float32)
/// are 3.75 MB. Small batches keep activations near the core; packed weights are streamed once a
/// batch.
inline constexpr std::size_t kDefaultBatchTokens = 512;

struct ScoreOptions {
  std::size_t max_length = 0;  ///< Tokens a pair for this call; 0 = what was loaded. Larger than
                               ///< the position table (or LoadOptions::max_length) is clamped.
  std::size_t max_chars = 0;   ///< Code points of each document that are scored; 0 = all.
  /// Tokens of each document that are scored, before max_length cuts the pair; 0 = all.
  std::size_t max_document_tokens = 0;
  Truncation truncation = Truncation::kLongestFirst;
  TruncationSide truncation_side = TruncationSide::kModel;
  ChunkOptions chunk = {};
  std::size_t batch_tokens = kDefaultBatchTokens;  ///< Changes speed and memory, never a score.
  std::size_t batch_size = 0;                      ///< Pairs a batch at most; 0 = no bound.
  std::optional<Activation> activation = {};       ///< Empty = the model's own.
  /// Stands in front of every query; empty = what was saved with the model, "" = nothing.
  std::optional<std::string> query_prompt = {};
  const std::atomic<bool>* cancel = nullptr;  ///< Set it to stop with ErrorCode::kCancelled.
  Progress progress = {};                     ///< Pairs scored so far.
  std::size_t first_index = 0;  ///< What messages call the first pair, for lists scored in parts.
};

struct RankOptions {
  std::size_t top_k = 0;                      ///< Best documents to return; 0 = all.
  std::optional<float> min_logit = {};        ///< Inclusive.
  std::optional<float> min_probability = {};  ///< Inclusive.
  ScoreOptions score = {};
};

/// Options of CrossEncoderReRanker.
struct ReRankOptions {
  std::size_t top_k = 4;         ///< 0 = all.
  std::size_t max_length = 512;  ///< Tokens a pair, clamped to the model's own limit.
  std::size_t max_chars = 400;   ///< Code points of page_content that are scored; 0 = all.
  std::size_t batch_size = 16;   ///< Pairs a batch at most; changes no score.
  std::size_t batch_tokens = kDefaultBatchTokens;
  Truncation truncation = Truncation::kLongestFirst;
  ChunkOptions chunk = {};
  /// Prepended to the text, in this order, each value that is not empty on a line of its own.
  std::vector<std::string> metadata_fields = {};
  /// For example "{title}. {page_content}", with {{ and }} for braces; excludes metadata_fields.
  std::string metadata_template = {};
  std::size_t max_metadata_chars = 100;       ///< Code points of each metadata value; 0 = all.
  std::optional<float> min_logit = {};        ///< Inclusive.
  std::optional<float> min_probability = {};  ///< Inclusive.
  std::optional<Activation> activation = {};  ///< As in ScoreOptions. The order is that of logits.
  std::optional<std::string> query_prompt = {};  ///< As in ScoreOptions.
  const std::atomic<bool>* cancel = nullptr;
  Progress progress = {};
};

}  // namespace crossrank
