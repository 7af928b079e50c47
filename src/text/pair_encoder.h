// Pair encoding: which tokens of a query and a document go into [CLS] q [SEP] d [SEP], or
// <s> q </s></s> d </s>. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank::text {

inline constexpr std::size_t kSingleSpecialTokens = 2;   // [CLS] text [SEP]
inline constexpr std::size_t kMinPairSpecialTokens = 3;  // of any layout
inline constexpr std::size_t kMaxPairSpecialTokens = 4;

// The special tokens around a query and a document, and the token types.
struct PairLayout {
  std::int32_t cls_id = 0;
  std::int32_t sep_id = 0;
  bool roberta = false;  // two separators in the middle, and the document's type is 0 instead of 1

  std::size_t special_tokens() const {
    return roberta ? kMaxPairSpecialTokens : kMinPairSpecialTokens;
  }
};

// The tokens kept: query[query_begin, +query_tokens), document[document_begin, +document_tokens).
// A side of which nothing is kept begins at 0, so that its range lies in whatever is left of it.
struct PairCut {
  std::size_t query_begin = 0, query_tokens = 0;
  std::size_t document_begin = 0, document_tokens = 0;
  std::size_t special_tokens = kMinPairSpecialTokens;

  std::size_t length() const { return query_tokens + document_tokens + special_tokens; }
};

struct CutRules {
  std::size_t max_length = 512;  // with the special tokens
  std::size_t special_tokens = kMinPairSpecialTokens;
  std::size_t max_document_tokens = 0;  // cut to these first; 0 = no bound of its own
  Truncation policy = Truncation::kLongestFirst;
  bool truncate_left = false;  // drop tokens from the front instead of the back
  ChunkOptions chunk = {};     // where uses_chunks(policy)
};

// Checks what does not depend on the texts. Errors: kInvalidArgument (max_length below the special
// tokens; no value of Truncation; chunk tokens 0 or not above the overlap; max_chunks 0).
Result<void> check_rules(const CutRules& rules);

// The one cut of a pair of `query` and `document` tokens, for policies without chunks.
// Errors: kInvalidArgument (kDocumentOnly: the query leaves no room), kTooLong (kError).
Result<PairCut> cut_pair(std::size_t query, std::size_t document, const CutRules& rules);

// The chunks of a pair, first to last, at least one, at most chunk.max_chunks, for policies with
// chunks. `sentences` are the document's tokens that begin one, rising, behind its first. The query
// is never cut: kInvalidArgument when it leaves no room for a document token.
Result<std::vector<PairCut>> chunk_pair(std::size_t query, std::size_t document,
                                        std::span<const std::uint32_t> sentences,
                                        const CutRules& rules);

// Writes cut.length() ids and token types; `cut` was made for the layout's special tokens.
void write_pair(std::span<const std::int32_t> query, std::span<const std::int32_t> document,
                const PairCut& cut, const PairLayout& layout, std::int32_t* ids,
                std::int32_t* type_ids);

}  // namespace crossrank::text
