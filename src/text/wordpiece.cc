// WordPiece: greedy longest match.
#include "text/wordpiece.h"

#include <algorithm>

#include "base/utf8.h"

namespace crossrank::text {

Result<WordPiece> WordPiece::make(const std::vector<VocabEntry>& vocab,
                                  const WordPieceOptions& options) {
  const auto unk = std::find_if(vocab.begin(), vocab.end(), [&](const VocabEntry& entry) {
    return entry.token == options.unk_token;
  });
  if (unk == vocab.end()) {
    return Error{ErrorCode::kBadTokenizer,
                 "unk_token is \"" + options.unk_token + "\", which the vocabulary does not have"};
  }
  std::vector<DoubleArray::Key> keys;
  keys.reserve(vocab.size());
  for (const VocabEntry& entry : vocab) keys.push_back({entry.token, entry.id});
  WordPiece result;
  if (!result.tokens_.build(std::move(keys))) {
    return Error{ErrorCode::kBadTokenizer,
                 "a vocabulary of " + std::to_string(vocab.size()) + " tokens is too large"};
  }
  result.continuation_ = result.tokens_.walk(options.continuing_subword_prefix);
  result.unk_id_ = unk->id;
  result.max_chars_ = options.max_input_chars_per_word;
  return result;
}

void WordPiece::encode(std::string_view word, std::vector<std::int32_t>& ids,
                       std::vector<std::size_t>* ends) const {
  const std::size_t first = ids.size();
  const auto unknown = [&] {
    ids.resize(first);
    ids.push_back(unk_id_);
    if (ends != nullptr) ends->assign(1, word.size());
  };
  if (ends != nullptr) ends->clear();
  if (word.size() > max_chars_ && base::count_code_points(word) > max_chars_) return unknown();
  DoubleArray::Node node = DoubleArray::kRoot;
  for (std::size_t pos = 0; pos < word.size();) {
    const DoubleArray::Match match = tokens_.longest(node, word.substr(pos));
    if (match.length == 0) return unknown();
    pos += match.length;
    ids.push_back(match.value);
    if (ends != nullptr) ends->push_back(pos);
    node = continuation_;
  }
}

}  // namespace crossrank::text
