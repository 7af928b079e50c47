// Unigram: a word to ids by the best sum of scores. Knows nothing of texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "text/byte_span.h"
#include "text/double_array.h"
#include "text/wordpiece.h"

namespace crossrank::text {

struct UnigramOptions {
  std::vector<double> scores;  // of the vocabulary's entries, finite
  std::int32_t unk_id = 0;
  bool byte_fallback =
      false;  // a character without a piece becomes <0xNN> tokens, if all are there
};

// Immutable after make().
class Unigram {
 public:
  // The best way to some byte of a word: its score, and the last piece on it.
  struct Node {
    double score = 0;
    std::uint32_t length = 0;  // of that piece; 0: no way yet
    std::int32_t id = 0;
  };
  // What encode() works in; one a thread, kept from word to word.
  struct Scratch {
    std::vector<Node> nodes;
    std::vector<Node> path;
  };

  // `vocab`: entry i has id i. Of equal pieces the last counts; one without a character never
  // matches. Errors: kBadTokenizer (a piece that is too long, too many of them, bytes of
  // byte_fallback aside).
  static Result<Unigram> make(const std::vector<VocabEntry>& vocab, const UnigramOptions& options);

  // Appends the ids of a word. `spans`, if given, becomes their places in the word: those of
  // byte_fallback share one.
  void encode(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& ids,
              std::vector<ByteSpan>* spans = nullptr) const;

 private:
  class Output;

  Unigram() = default;
  std::int32_t exactly(std::string_view piece) const;  // its id, or -1

  DoubleArray pieces_;
  std::vector<double> scores_;
  double unk_score_ = 0;
  std::int32_t unk_id_ = 0;
  std::vector<std::int32_t> byte_ids_;  // [256], -1 where there is none; empty: no byte_fallback
};

// The double that the reference makes of a score in tokenizer.json, of which the file's own double
// is `exact`: its JSON reader does not round correctly, and ties depend on the last bit.
double score_as_read(double exact);

}  // namespace crossrank::text
