// Tokenizer loader: tokenizer.json, or vocab.txt, to what the tokenizer is made of. Encodes
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/blob.h"
#include "crossrank/result.h"
#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/wordpiece.h"

namespace crossrank::text {

struct TokenizerSpec {
  NormalizerOptions normalizer;
  PreTokenizer pre_tokenizer = PreTokenizer::kBert;
  WordPieceOptions wordpiece;
  std::vector<VocabEntry> vocab;  // no token twice
  std::vector<AddedToken> added_tokens;
  std::int32_t cls_id = 0;
  std::int32_t sep_id = 0;
  std::size_t model_max_length = 0;  // SIZE_MAX: not given
  bool truncate_left = false;
};

// Ids are below this: an array of tokens by id must stay small, and no embedding table is larger.
inline constexpr std::int32_t kMaxTokenId = (1 << 22) - 1;

// Errors: as Tokenizer::load.
Result<TokenizerSpec> load_tokenizer_spec(const base::Blob& tokenizer_json,
                                          const base::Blob& vocab_txt,
                                          const base::Blob& tokenizer_config);

struct ResolvedTokens {
  std::vector<AddedToken> tokens;                        // by id
  std::map<std::string, std::int32_t, std::less<>> ids;  // by content, replaced tokens included
};

// The ids and patterns that `tokenizers` gives to `tokens` behind `vocab`: a token that the
// vocabulary has keeps its id there, whatever the file says; the others are numbered from
// vocab.size() on. Later tokens replace earlier ones of the same id. `file` is for the message.
// Error: kBadTokenizer for a token that normalizes to nothing.
Result<ResolvedTokens> resolve_added_tokens(const std::string& file,
                                            const std::vector<AddedToken>& tokens,
                                            const std::vector<VocabEntry>& vocab,
                                            const NormalizerOptions& normalizer);

}  // namespace crossrank::text
