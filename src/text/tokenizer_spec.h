// TokenizerSpec: what a tokenizer is made of, and what the readers of both formats share. Reads no
// file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "json/reader.h"
#include "text/added_tokens.h"
#include "text/metaspace.h"
#include "text/normalizer.h"
#include "text/pair_encoder.h"
#include "text/pre_tokenizer.h"
#include "text/sentencepiece_normalizer.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

namespace crossrank::text {

// What a Unigram tokenizer has where a WordPiece one has the first three below.
struct UnigramSpec {
  std::vector<SentencePieceStage> normalizer;
  MetaspaceOptions words;
  UnigramOptions options;
};

struct TokenizerSpec {
  NormalizerOptions normalizer;
  PreTokenizer pre_tokenizer = PreTokenizer::kBert;
  WordPieceOptions wordpiece;
  std::optional<UnigramSpec> unigram;
  std::vector<VocabEntry>
      vocab;  // of WordPiece no token twice, of Unigram all in order of their ids
  std::vector<AddedToken> added_tokens;
  PairLayout layout;
  std::size_t model_max_length = 0;  // SIZE_MAX: not given
  bool truncate_left = false;
};

// Ids are below this: an array of tokens by id must stay small, and no embedding table is larger.
inline constexpr std::int32_t kMaxTokenId = (1 << 22) - 1;

// A number from 0 to kMaxTokenId.
Result<std::int32_t> token_id(const json::Reader& value);

// kUnsupportedModel: "FILE: WHAT is not supported; ...".
Error unsupported(const json::Reader& where, std::string_view what);

using Normalize = std::function<std::string(std::string_view)>;

struct ResolvedTokens {
  std::vector<AddedToken> tokens;                        // by id
  std::map<std::string, std::int32_t, std::less<>> ids;  // by content, replaced tokens included
};

// The ids and patterns that `tokenizers` gives to `tokens` behind `vocab`: a token that the
// vocabulary has keeps its id there, whatever the file says; the others are numbered from
// vocab.size() on. Later tokens replace earlier ones of the same id. `normalize` is what happens to
// texts, `file` is for the message.
// Error: kBadTokenizer for a token that normalizes to nothing.
Result<ResolvedTokens> resolve_added_tokens(const std::string& file,
                                            const std::vector<AddedToken>& tokens,
                                            const std::vector<VocabEntry>& vocab,
                                            const Normalize& normalize);

}  // namespace crossrank::text
