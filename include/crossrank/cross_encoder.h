// CrossEncoder: load a model, score pairs, rank documents. No files of documents, no metadata.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank {

/// How logits become probabilities: sigmoid(logit / temperature + bias), temperature above 0.
struct Calibration {
  std::string file;  ///< Where it was read.
  double temperature = 1, bias = 0;
};

/// Facts about a loaded model.
struct ModelInfo {
  std::string name;          ///< As resolved: a hub id, a folder's path, or "builtin".
  std::string source;        ///< Where the weights came from: a path, or "embedded".
  std::string architecture;  ///< For example "BertForSequenceClassification".
  std::size_t layers = 0, hidden_size = 0, heads = 0, intermediate_size = 0, vocab_size = 0;
  std::size_t max_length = 0;  ///< Tokens a pair.
  std::size_t num_labels = 0;
  std::vector<std::string> labels;  ///< Their names, [num_labels]; LABEL_0 and so on by default.
  std::size_t parameters = 0;
  Activation activation = Activation::kIdentity;
  Precision precision = Precision::kFp32;
  std::string isa;
  std::size_t threads = 0;
  std::optional<Calibration> calibration;  ///< Empty = a probability is sigmoid(logit).
  std::string query_prompt;  ///< Stands in front of every query when scoring; "" = none.
  std::string note;  ///< One line the user should see (the default chain fell back); else "".
};

/// The scores of a list of pairs, in the order of the input.
/// Owns its data; 28 bytes a pair, plus 4 a label for models with several labels, plus 16 with
/// chunks.
class Predictions {
 public:
  [[nodiscard]] std::size_t size() const { return pairs_.size(); }
  [[nodiscard]] std::size_t num_labels() const { return num_labels_; }
  /// For models with several labels `logit`, `probability` and `score` are those of label 0.
  [[nodiscard]] const ScoredPair& operator[](std::size_t i) const { return pairs_[i]; }
  [[nodiscard]] auto begin() const { return pairs_.begin(); }
  [[nodiscard]] auto end() const { return pairs_.end(); }
  /// All logits of pair i, [num_labels].
  [[nodiscard]] std::span<const float> logits(std::size_t i) const;
  /// ScoredPair::probability for one label, softmax over the labels otherwise, [num_labels].
  [[nodiscard]] std::vector<float> probabilities(std::size_t i) const;
  /// The activation applied to all logits of pair i, [num_labels].
  [[nodiscard]] std::vector<float> scores(std::size_t i) const;
  /// The best chunk of pair i; null where not uses_chunks(truncation).
  [[nodiscard]] const TextSpan* span(std::size_t i) const;

 private:
  friend class CrossEncoder;
  std::vector<ScoredPair> pairs_;
  std::vector<float> logits_;    // [size, num_labels]; empty for one label
  std::vector<TextSpan> spans_;  // [size] or empty
  std::size_t num_labels_ = 1;
  Activation activation_ = Activation::kIdentity;
};

/// A cross-encoder on the CPU.
/// The object owns its weights and threads. const methods may be called from many threads at once;
/// their work is interleaved on the object's threads. Movable, not copyable.
/// The files of the weights stay mapped, so that processes share their memory. Do not write to a
/// loaded model's files, which would change scores or end the process: put new ones in their place
/// by a rename, and load again.
class CrossEncoder {
 public:
  /// `model` is a folder, a hub id such as "cross-encoder/ms-marco-MiniLM-L-6-v2", or "builtin";
  /// "" takes the default chain: CROSSRANK_MODEL, the MiniLM model where it is cached, builtin. A
  /// hub id, also with "@revision", that is neither a folder nor in the cache is downloaded, unless
  /// LoadOptions::local_files_only or HF_HUB_OFFLINE is set. "builtin" is what the program carries
  /// (CMake: crossrank::builtin), else share/crossrank/models beside the library.
  /// Errors: kInvalidArgument (an option, a revision, HF_ENDPOINT), kModelNotFound, kFileNotFound
  /// (the folder, or LoadOptions::calibration, lacks a file), kBadConfig (also of a
  /// calibration that was fitted for other weights), kBadTokenizer, kBadSafetensors, kBadWeights,
  /// kUnsupportedModel, kUnsupportedIsa, kUnsupportedPrecision, kNetwork, kDigestMismatch,
  /// kIoError, kCancelled, kOverloaded (the threads cannot be started), kOutOfMemory.
  static Result<CrossEncoder> load(std::string_view model, const LoadOptions& options = {});

  CrossEncoder(CrossEncoder&&) noexcept;
  CrossEncoder& operator=(CrossEncoder&&) noexcept;
  ~CrossEncoder();

  /// Scores each pair. A pair's logit has the same bits whatever the other pairs, their order, the
  /// batch sizes and the thread count. A default prompt that sentence-transformers saved with the
  /// model (ModelInfo::query_prompt) is put in front of each query, and its tokens count as the
  /// query's: in max_length, in TruncationReport, and as what kDocumentOnly never cuts. Memory
  /// beyond the input: 64 bytes a pair at most, plus a workspace bounded by batch_tokens and
  /// threads. Errors: kInvalidArgument (an option, or a text of over 4 GB), kTooLong, kCancelled,
  /// kInternal (a logit that is not finite), kOutOfMemory. The message names the pair where one is
  /// to blame.
  [[nodiscard]] Result<Predictions> predict(std::span<const TextPair> pairs,
                                            const ScoreOptions& options = {}) const;

  /// Ranks documents for a query: logit descending, ties by index ascending.
  /// Errors: as predict, and kUnsupportedModel when the model has more than one label.
  [[nodiscard]] Result<std::vector<RankedIndex>> rank(std::string_view query,
                                                      std::span<const std::string_view> documents,
                                                      const RankOptions& options = {}) const;

  [[nodiscard]] const ModelInfo& info() const;

  /// Operations (each multiplication and each addition is one) that the matrix products of scoring
  /// one pair of `tokens` tokens execute. The last layer computes all but keys and values for one
  /// row alone, since no other is read.
  [[nodiscard]] double operations(std::size_t tokens) const;

  /// SHA-256 of the weights, 64 hex digits. Computed on the first call unless already known.
  /// Errors: kIoError (a file of the weights was written to since it was loaded), kOutOfMemory.
  [[nodiscard]] Result<std::string> weights_sha256() const;

 private:
  struct Impl;
  explicit CrossEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crossrank
