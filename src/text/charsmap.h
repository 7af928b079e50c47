// Charsmap: SentencePiece's compiled table of character replacements, as tokenizer.json carries it.
// Applies it to single keys; sentencepiece_normalizer walks over texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"

namespace crossrank::text {

// Immutable after parse().
class Charsmap {
 public:
  // From base64: the size of a Darts double array, the array, and the replacements, each ended by
  // a NUL. Error: kBadTokenizer, without the file's name.
  static Result<Charsmap> parse(std::string_view base64);

  // The replacement of the shortest key that `text` begins with (the reference looks for all and
  // takes the first), if there is one.
  std::optional<std::string_view> find(std::string_view text) const;

  // Bytes of the longest replacement, which is what a byte of a text may become at most.
  std::size_t max_growth() const { return max_growth_; }

 private:
  std::vector<std::uint32_t> units_;
  std::string replacements_;
  std::size_t max_growth_ = 0;
};

}  // namespace crossrank::text
