// TokenizerSpec: token ids, and where added tokens get theirs.
#include "text/tokenizer_spec.h"

#include <utility>

namespace crossrank::text {

Result<std::int32_t> token_id(const json::Reader& value) {
  const json::Value& id = value.value();
  if (!id.is_number_unsigned() || id.get<std::uint64_t>() > kMaxTokenId) {
    return value.bad("must be a token id, a whole number from 0 to " + std::to_string(kMaxTokenId));
  }
  return id.get<std::int32_t>();
}

Error unsupported(const json::Reader& where, std::string_view what) {
  return where.unsupported(
      std::string(what) +
      " is not supported; only BERT's WordPiece and SentencePiece's Unigram "
      "tokenizers are. Use a cross-encoder of the BERT or XLM-RoBERTa family.");
}

Result<ResolvedTokens> resolve_added_tokens(const std::string& file,
                                            const std::vector<AddedToken>& tokens,
                                            const std::vector<VocabEntry>& vocab,
                                            const Normalize& normalize) {
  constexpr std::int32_t kNotInVocab = -1;
  ResolvedTokens resolved;
  for (const AddedToken& token : tokens) {
    if (!token.content.empty()) resolved.ids.emplace(token.content, kNotInVocab);
  }
  if (!resolved.ids.empty()) {
    for (const VocabEntry& entry : vocab) {
      const auto found = resolved.ids.find(entry.token);
      if (found != resolved.ids.end()) found->second = entry.id;
    }
  }
  std::map<std::int32_t, AddedToken> by_id;
  std::map<std::int32_t, std::string> normalized;  // a replaced token leaves its pattern behind
  auto next_id = static_cast<std::int32_t>(vocab.size());
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    std::int32_t& id = resolved.ids.find(token.content)->second;
    if (id == kNotInVocab) id = next_id++;
    if (token.normalized) {
      std::string pattern = normalize(token.content);
      if (pattern.empty()) {
        return Error{ErrorCode::kBadTokenizer,
                     file + ": the added token " + json::quote(token.content) +
                         " is marked as normalized, and normalizes to nothing."};
      }
      if (pattern != token.content) normalized.insert_or_assign(id, std::move(pattern));
    }
    by_id.insert_or_assign(id, token);
  }
  for (auto& [id, token] : by_id) {
    const auto found = normalized.find(id);
    token.id = id;
    token.pattern = token.normalized && found != normalized.end() ? found->second : token.content;
    resolved.tokens.push_back(std::move(token));
  }
  return resolved;
}

}  // namespace crossrank::text
