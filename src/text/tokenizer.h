// Tokenizer: the facade of src/text. Text in, ids out; knows nothing of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/blob.h"
#include "crossrank/result.h"
#include "text/byte_span.h"
#include "text/legacy_files.h"
#include "text/pair_encoder.h"

namespace crossrank::text {

// Immutable after load; const methods may be called from many threads.
class Tokenizer {
 public:
  // From tokenizer.json, or from vocab.txt where that is absent; tokenizer_config may be absent
  // too, and so may the files that vocab.txt had beside it earlier. Errors: kBadTokenizer,
  // kUnsupportedModel (a tokenizer that is neither WordPiece nor Unigram; it is named).
  static Result<Tokenizer> load(const base::Blob& tokenizer_json, const base::Blob& vocab_txt,
                                const base::Blob& tokenizer_config, const LegacyFiles& legacy = {});

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Appends the ids of `text` without special tokens. `text` must be valid UTF-8 (callers repair).
  // With `spans`, appends one source span a token too (slower; for chunk_max).
  void encode(std::string_view text, std::vector<std::int32_t>& ids,
              std::vector<ByteSpan>* spans = nullptr) const;

  std::size_t vocab_size() const;                 // 1 + the largest id
  std::string_view token(std::int32_t id) const;  // "" for ids without a token
  const PairLayout& layout() const;               // the special tokens around texts
  // tokenizer_config's model_max_length; SIZE_MAX when absent or absurd (10^30 exists).
  std::size_t model_max_length() const;
  bool truncate_left() const;  // as tokenizer_config, else tokenizer.json, says

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace crossrank::text
