// SentencePieceNormalizer: what the normalizers of SentencePiece models do to a text before it is
// split. BERT's is in normalizer.h.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/charsmap.h"
#include "text/normalizer.h"

namespace crossrank::text {

// One stage of tokenizer.json's `normalizer`.
struct SentencePieceStage {
  enum class Kind {
    kCharsmap,       // "Precompiled"
    kStrip,          // white space at the ends
    kReplace,        // `pattern`, a string
    kReplaceSpaces,  // two spaces and more
  };
  Kind kind = Kind::kCharsmap;
  std::optional<Charsmap> charsmap;
  bool left = false, right = false;  // kStrip
  std::string pattern;               // kReplace; not empty
  std::string content;               // kReplace, kReplaceSpaces
};

// Immutable. Texts are valid UTF-8.
class SentencePieceNormalizer {
 public:
  explicit SentencePieceNormalizer(std::vector<SentencePieceStage> stages);

  std::string normalize(std::string_view text) const;
  // The same with source spans, slower; tests and a fuzzer compare the two.
  std::vector<AlignedChar> normalize_aligned(std::string_view text) const;

 private:
  struct Stage : SentencePieceStage {
    std::array<bool, 256> plain = {};  // ASCII that the charsmap keeps, of kCharsmap
  };

  std::vector<Stage> stages_;
};

}  // namespace crossrank::text
