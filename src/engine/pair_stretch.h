// PairStretch: some of the pairs of a call as token ids, cut and ready for batches. Runs no model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/thread_pool.h"
#include "crossrank/document.h"
#include "crossrank/options.h"
#include "crossrank/result.h"
#include "engine/cancel_latch.h"
#include "text/pair_encoder.h"
#include "text/tokenizer.h"

namespace crossrank::engine {

// Where pairs come from. The texts stay where they are during the call.
class PairSource {
 public:
  virtual ~PairSource() = default;
  virtual std::size_t size() const = 0;
  virtual TextPair at(std::size_t index) const = 0;
};

// One row of a batch: a pair, or one chunk of it.
struct Sequence {
  std::uint32_t pair = 0;  // within the stretch
  text::PairCut cut;
  TextSpan span;  // of the document's tokens; where uses_chunks()
};

// Holds ids for one stretch at a time: at most kMaxPairs pairs and, beyond the first pair, about
// kTokensPerWorker tokens a worker. Of a text that is cut only the tokens that are kept stay.
// Used by one thread, whose `parallel` it borrows in fill().
class PairStretch {
 public:
  static constexpr std::size_t kMaxPairs = 4096;
  // Every byte counts as a token; English has about four bytes a token, so this is some 16,000 real
  // tokens, 32 batches of 512. More would make concurrent calls wait longer for their turn, fewer
  // would leave more workers waiting for the last batch of a stretch.
  static constexpr std::size_t kTokensPerWorker = std::size_t{64} * 1024;

  // `query_prompt` stands in front of every query and counts as part of it.
  PairStretch(const text::Tokenizer& tokenizer, std::string_view query_prompt,
              const text::CutRules& rules, const ScoreOptions& options);

  // Tokenizes and cuts the pairs from `first` on until the stretch is full. When `cancel` is set
  // meanwhile, the content is incomplete: callers look at it. Errors: kInvalidArgument, kTooLong,
  // of the first pair that has one.
  Result<void> fill(const PairSource& source, std::size_t first, base::Parallel& parallel,
                    CancelLatch& cancel);

  std::size_t pairs() const { return pairs_.size(); }
  // In the order of their pairs, the chunks of a pair from its first to its last.
  std::span<const Sequence> sequences() const { return sequences_; }

  // Writes sequence.cut.length() ids and type ids.
  void write(const Sequence& sequence, std::int32_t* ids, std::int32_t* type_ids) const;

  TruncationReport report(const Sequence& sequence) const;

 private:
  struct Query {
    std::vector<std::int32_t> ids;  // those that a cut can keep
    std::size_t tokens = 0;         // of the whole text
    std::size_t kept_from = 0;      // token number of ids[0]
  };
  struct Pair {
    std::uint32_t query = 0;         // in queries_
    std::uint32_t worker = 0;        // whose arena has the document's ids and sequences
    std::uint32_t chars_cut = 0;     // code points
    std::uint32_t sequences = 0;     // how many
    bool truncated = false;          // some tokens of the document are in no sequence
    std::size_t tokens = 0;          // of the whole document
    std::size_t ids_begin = 0;       // in the arena
    std::size_t kept_from = 0;       // token number of the id there
    std::size_t sequence_begin = 0;  // in the arena
  };
  // What one worker has written for this stretch, and what it needs while tokenizing.
  struct Arena {
    std::vector<std::int32_t> ids;
    std::vector<Sequence> sequences;
    std::vector<std::int32_t> text_ids;
    std::vector<text::ByteSpan> text_spans;
    std::optional<Error> error;
    std::size_t error_index = 0;
  };

  void choose(const PairSource& source, std::size_t first, std::size_t workers);
  std::size_t most_tokens(const TextPair& pair) const;
  std::uint32_t query_number(std::string_view query, std::size_t index);
  Result<void> encode_query(std::string_view text, Arena& arena, Query& query) const;
  Result<void> encode_document(std::string_view text, std::uint32_t number, Arena& arena);
  Result<void> cut_chunks(std::string_view text, std::uint32_t number, std::size_t query_tokens,
                          Arena& arena) const;
  Result<void> first_error();

  const text::Tokenizer& tokenizer_;
  const std::string_view query_prompt_;
  const text::CutRules rules_;
  const ScoreOptions& options_;

  std::vector<Pair> pairs_;
  std::vector<Sequence> sequences_;
  std::vector<Arena> arenas_;  // [workers]
  // Queries of this stretch and, while they are few, of those before it.
  std::vector<Query> queries_;
  std::unordered_map<std::string_view, std::uint32_t> query_numbers_;
  std::size_t query_tokens_ = 0;
  std::string_view last_query_;
  std::uint32_t last_query_number_ = 0;
  // The last of queries_, which fill() has yet to tokenize.
  struct NewQuery {
    std::string_view text;
    std::size_t index;  // of the pair to name in an error
  };
  std::vector<NewQuery> new_queries_;
};

// "pair 7 (counting from 0): ", for messages; counts from options.first_index.
std::string pair_name(const ScoreOptions& options, std::size_t index);

}  // namespace crossrank::engine
