// WordPiece: a word to ids by greedy longest match. Knows nothing of texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "text/double_array.h"

namespace crossrank::text {

struct VocabEntry {
  std::string token;
  std::int32_t id;
};

struct WordPieceOptions {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  std::size_t max_input_chars_per_word = 100;  // code points; a longer word is unk_token
};

// Immutable after make().
class WordPiece {
 public:
  // `vocab` has no token twice. Errors: kBadTokenizer (no unk_token among them, too many tokens).
  static Result<WordPiece> make(const std::vector<VocabEntry>& vocab,
                                const WordPieceOptions& options);

  // Appends the ids of a word (not empty). `ends`, if given, becomes the offsets in the word where
  // these tokens end.
  void encode(std::string_view word, std::vector<std::int32_t>& ids,
              std::vector<std::size_t>* ends = nullptr) const;

 private:
  WordPiece() = default;

  DoubleArray tokens_;
  DoubleArray::Node continuation_ = DoubleArray::kNowhere;  // behind the prefix
  std::int32_t unk_id_ = 0;
  std::size_t max_chars_ = 0;
};

}  // namespace crossrank::text
