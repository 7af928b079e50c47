// ScoreCache: scores by the exact inputs they came from, in bounded memory, least recently used
// out. For one thread; it belongs to one loaded model.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "crossrank/document.h"
#include "job.h"

namespace crossrank::server {

class ScoreCache {
 public:
  // 0 bytes: remembers nothing.
  explicit ScoreCache(std::size_t bytes) : max_entries_(bytes / kEntryBytes) {}

  bool enabled() const { return max_entries_ != 0; }
  std::size_t size() const { return entries_.size(); }

  // The SHA-256 of the rules, the query and the document, each text with its length before it, so
  // that ("ab", "c") and ("a", "bc") differ. Model and precision are the owner's.
  static std::string key(const TextPair& pair, const ScoringRules& rules);

  struct Score {
    ScoredPair pair;
    TextSpan span;  // of the best chunk, where the rules use chunks
  };
  std::optional<Score> find(std::string_view key);
  void insert(std::string key, const Score& score);

 private:
  struct Entry {
    std::string key;  // 64 hex digits
    Score score;
  };
  using Entries = std::list<Entry>;
  // An entry in its list 96 + 8 bytes of malloc, its key 65 + 15, its node in the table 40 + 8 and
  // two buckets 16: 248.
  static constexpr std::size_t kEntryBytes = 256;

  std::size_t max_entries_;
  Entries entries_;  // the most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
};

}  // namespace crossrank::server
