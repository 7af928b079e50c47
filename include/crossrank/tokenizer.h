// Tokenizer: text to token ids exactly as the model sees them. Scores nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank {

/// Token ids of a text or a pair. All vectors have the same length, but for `spans` of a pair.
struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t>
      type_ids;  ///< 0 for [CLS] query [SEP], 1 for document [SEP]; RoBERTa: 0.
  std::vector<std::string> tokens;
  /// Of a lone text (empty for a pair): where each token comes from; empty spans for [CLS] and
  /// [SEP], or <s> and </s>. In a text that was not valid UTF-8, offsets count in the repaired
  /// text.
  std::vector<TextSpan> spans;
  TruncationReport truncation;
};

/// The tokenizer of a model, loadable without its weights.
/// The object owns its vocabulary; const methods may be called from many threads.
class Tokenizer {
 public:
  /// `model` is a folder, a hub id or "builtin", as for CrossEncoder::load. Needs no weights, and
  /// no architecture that CrossEncoder can run. Errors: kInvalidArgument (max_length, a revision,
  /// HF_ENDPOINT), kModelNotFound, kFileNotFound, kBadConfig, kBadTokenizer, kUnsupportedModel
  /// (another kind of tokenizer), kNetwork, kDigestMismatch, kIoError, kCancelled, kOutOfMemory.
  static Result<Tokenizer> load(std::string_view model, const LoadOptions& options = {});

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// [CLS] text [SEP], or <s> text </s>. Cut by options.max_chars, and by max_length where it is
  /// not 0. Errors: kInvalidArgument (max_length below 2), kTooLong, kOutOfMemory.
  [[nodiscard]] Result<Encoding> encode(std::string_view text,
                                        const ScoreOptions& options = {}) const;
  /// [CLS] query [SEP] document [SEP], or <s> query </s></s> document </s>, cut as when scored,
  /// with the model's prompt in front. Of chunks the first. Errors: kInvalidArgument
  /// (an option), kTooLong, kOutOfMemory.
  [[nodiscard]] Result<Encoding> encode(std::string_view query, std::string_view document,
                                        const ScoreOptions& options = {}) const;

  [[nodiscard]] std::size_t max_length() const;  ///< Tokens a pair.
  [[nodiscard]] std::size_t vocab_size() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crossrank
