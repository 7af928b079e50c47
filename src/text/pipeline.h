// Pipeline: a family's way from text to ids, which Tokenizer dresses up. Knows no special tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "text/added_tokens.h"
#include "text/byte_span.h"
#include "text/normalizer.h"
#include "text/tokenizer_spec.h"

namespace crossrank::text {

// Immutable; const methods may be called from many threads.
class Pipeline {
 public:
  virtual ~Pipeline() = default;

  // As Tokenizer::encode, without and with spans.
  virtual void encode(std::string_view text, std::vector<std::int32_t>& ids) const = 0;
  virtual void encode_aligned(std::string_view text, std::vector<std::int32_t>& ids,
                              std::vector<ByteSpan>& spans) const = 0;
};

// Error: kBadTokenizer, without the file's name.
Result<std::unique_ptr<const Pipeline>> make_bert_pipeline(const TokenizerSpec& spec);
Result<std::unique_ptr<const Pipeline>> make_unigram_pipeline(const TokenizerSpec& spec);

// The added tokens of a tokenizer: those that are looked for in the text itself, and those that are
// looked for in the normalized text.
struct AddedTokenSets {
  AddedTokens raw, normalized;
};
Result<AddedTokenSets> build_added_tokens(const std::vector<AddedToken>& tokens);

// A piece of a text, normalized, with the way back: byte i of `text` comes from chars[of_byte[i]].
struct AlignedText {
  explicit AlignedText(std::vector<AlignedChar> normalized);

  // The source of bytes [begin, end) of `text`, begin < end, where the piece begins at `offset`.
  ByteSpan span(std::size_t begin, std::size_t end, std::size_t offset) const;

  std::vector<AlignedChar> chars;
  std::string text;
  std::vector<std::uint32_t> of_byte;
};

}  // namespace crossrank::text
