// ScoreCache: a list in the order of use, and a table that finds in it.
#include "score_cache.h"

#include <utility>

#include "base/sha256.h"

namespace crossrank::server {

std::string ScoreCache::key(const TextPair& pair, const ScoringRules& rules) {
  base::Sha256 hash;
  const std::string head =
      std::to_string(rules.max_length) + ' ' + std::to_string(rules.max_document_tokens) + ' ' +
      std::to_string(static_cast<int>(rules.truncation)) + ' ' +
      std::to_string(static_cast<int>(rules.side)) + ' ' + std::to_string(rules.chunk.tokens) +
      ' ' + std::to_string(rules.chunk.overlap) + ' ' + std::to_string(rules.chunk.max_chunks) +
      ' ' + std::to_string(pair.query.size()) + ' ' + std::to_string(pair.document.size()) + '\n';
  hash.update(head);
  hash.update(pair.query);
  hash.update(pair.document);
  return hash.hex_digest();
}

std::optional<ScoreCache::Score> ScoreCache::find(std::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->score;
}

void ScoreCache::insert(std::string key, const Score& score) {
  if (!enabled() || by_key_.contains(key)) return;
  if (entries_.size() == max_entries_) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({std::move(key), score});
  by_key_.emplace(entries_.front().key, entries_.begin());
}

}  // namespace crossrank::server
