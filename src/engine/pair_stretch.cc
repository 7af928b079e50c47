// PairStretch: tokenization and cuts, spread over the workers; each writes to an arena of its own.
#include "engine/pair_stretch.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/guard.h"
#include "base/ranking.h"
#include "base/try.h"
#include "base/utf8.h"
#include "text/sentences.h"

namespace crossrank::engine {
namespace {

// Kept between texts; what a giant text needed beyond this goes back at once.
constexpr std::size_t kMaxScratchTokens = std::size_t{256} * 1024;
// Queries of earlier stretches are forgotten when they hold more than this, 1 MB.
constexpr std::size_t kMaxQueryTokens = std::size_t{256} * 1024;
// What a query takes beside its ids, of 4 bytes: 40 for its Query, 48 for its node and bucket in
// query_numbers_, 16 and more for each of their two allocations. Empty ones are not free.
constexpr std::size_t kQueryOverheadTokens = 32;
// Spans and reports count in 32 bits.
constexpr std::size_t kMaxTextBytes = std::numeric_limits<std::uint32_t>::max();

// What the tokenizer may see of a text: the text itself, or `repaired`.
std::string_view valid_text(std::string_view text, std::optional<std::string>& repaired) {
  repaired = base::repair_utf8(text);
  return repaired ? std::string_view(*repaired) : text;
}

Result<void> check_size(std::string_view what, std::string_view text) {
  if (text.size() <= kMaxTextBytes) return {};
  return Error{ErrorCode::kInvalidArgument,
               "a " + std::string(what) + " of " + std::to_string(text.size()) +
                   " bytes is too large; at most " + std::to_string(kMaxTextBytes) +
                   " are possible, so split it"};
}

template <typename T>
void release_if_large(std::vector<T>& scratch) {
  if (scratch.capacity() > kMaxScratchTokens) std::vector<T>().swap(scratch);
}

// Code points before a byte, for bytes that are asked for in rising order.
class CharCounter {
 public:
  explicit CharCounter(std::string_view text) : text_(text) {}
  std::uint32_t before(std::uint32_t byte) {
    if (byte > byte_) {
      chars_ +=
          static_cast<std::uint32_t>(base::count_code_points(text_.substr(byte_, byte - byte_)));
      byte_ = byte;
    }
    return chars_;
  }

 private:
  std::string_view text_;
  std::uint32_t byte_ = 0;
  std::uint32_t chars_ = 0;
};

}  // namespace

PairStretch::PairStretch(const text::Tokenizer& tokenizer, std::string_view query_prompt,
                         const text::CutRules& rules, const ScoreOptions& options)
    : tokenizer_(tokenizer), query_prompt_(query_prompt), rules_(rules), options_(options) {}

Result<void> PairStretch::fill(const PairSource& source, std::size_t first,
                               base::Parallel& parallel, CancelLatch& cancel) {
  arenas_.resize(parallel.workers());
  for (Arena& arena : arenas_) {
    arena.ids.clear();
    arena.sequences.clear();
  }
  choose(source, first, parallel.workers());

  const auto note = [&](Arena& arena, std::size_t index, Result<void> result) {
    if (result.ok() || (arena.error && arena.error_index < index)) return;
    arena.error = std::move(result).error();
    arena.error_index = index;
  };

  // Queries first: how much of a document is kept depends on its query.
  const std::size_t known = queries_.size() - new_queries_.size();
  base::run_guarded(parallel, new_queries_.size(), [&](std::size_t worker, std::size_t i) {
    if (cancel.is_set()) return;
    Arena& arena = arenas_[worker];
    note(arena, new_queries_[i].index,
         encode_query(new_queries_[i].text, arena, queries_[known + i]));
  });
  CR_TRY(first_error());
  for (std::size_t q = known; q < queries_.size(); ++q) {
    query_tokens_ += queries_[q].ids.size() + kQueryOverheadTokens;
  }

  base::run_guarded(parallel, pairs_.size(), [&](std::size_t worker, std::size_t i) {
    if (cancel.is_set()) return;
    Arena& arena = arenas_[worker];
    pairs_[i].worker = static_cast<std::uint32_t>(worker);
    note(arena, first + i,
         encode_document(source.at(first + i).document, static_cast<std::uint32_t>(i), arena));
  });
  CR_TRY(first_error());

  sequences_.clear();
  for (const Pair& pair : pairs_) {
    const auto begin =
        arenas_[pair.worker].sequences.begin() + static_cast<std::ptrdiff_t>(pair.sequence_begin);
    sequences_.insert(sequences_.end(), begin, begin + pair.sequences);
  }
  return {};
}

// Sets pairs_ (their queries alone) and new_queries_.
void PairStretch::choose(const PairSource& source, std::size_t first, std::size_t workers) {
  pairs_.clear();
  new_queries_.clear();
  if (query_tokens_ > kMaxQueryTokens) {
    queries_.clear();
    query_numbers_.clear();
    query_tokens_ = 0;
    last_query_ = {};
  }
  std::size_t used = 0;
  for (std::size_t i = first; i < source.size() && pairs_.size() < kMaxPairs; ++i) {
    const TextPair pair = source.at(i);
    used += most_tokens(pair);
    if (i != first && used > kTokensPerWorker * workers) break;
    pairs_.push_back({.query = query_number(pair.query, i)});
  }
}

// Tokens of a pair that the stretch will hold, taking each byte for a token.
std::size_t PairStretch::most_tokens(const TextPair& pair) const {
  std::size_t document = pair.document.size();
  if (options_.max_chars != 0 && options_.max_chars < document / 4) {
    document = options_.max_chars * 4;  // bytes of the longest code points
  }
  const std::size_t query = query_prompt_.size() + pair.query.size();
  const std::size_t bytes = query + document + rules_.special_tokens;
  if (!uses_chunks(rules_.policy)) return std::min(bytes, rules_.max_length);
  const std::size_t chunks = (bytes - 1) / rules_.chunk.tokens + 1;
  return chunks <= rules_.chunk.max_chunks
             ? bytes
             : rules_.max_length + rules_.chunk.max_chunks * rules_.chunk.tokens;
}

std::uint32_t PairStretch::query_number(std::string_view query, std::size_t index) {
  // Most often the very same bytes as before; a long text is then not even hashed.
  if (!queries_.empty() && query.data() == last_query_.data() &&
      query.size() == last_query_.size()) {
    return last_query_number_;
  }
  const auto number = static_cast<std::uint32_t>(queries_.size());
  const auto [known, is_new] = query_numbers_.try_emplace(query, number);
  if (is_new) {
    queries_.emplace_back();
    new_queries_.push_back({query, index});
  }
  last_query_ = query;
  return last_query_number_ = known->second;
}

Result<void> PairStretch::encode_query(std::string_view text, Arena& arena, Query& query) const {
  CR_TRY(check_size("query", text));
  std::optional<std::string> repaired;
  text = valid_text(text, repaired);
  std::string prompted;
  if (!query_prompt_.empty()) text = prompted.append(query_prompt_).append(text);
  arena.text_ids.clear();
  tokenizer_.encode(text, arena.text_ids);
  query.tokens = arena.text_ids.size();
  // No cut keeps more than max_length tokens, from the one end or the other.
  const std::size_t kept = std::min(query.tokens, rules_.max_length);
  query.kept_from = rules_.truncate_left ? query.tokens - kept : 0;
  const auto begin = arena.text_ids.begin() + static_cast<std::ptrdiff_t>(query.kept_from);
  query.ids.assign(begin, begin + static_cast<std::ptrdiff_t>(kept));
  release_if_large(arena.text_ids);
  return {};
}

Result<void> PairStretch::encode_document(std::string_view text, std::uint32_t number,
                                          Arena& arena) {
  Pair& pair = pairs_[number];
  const Query& query = queries_[pair.query];
  CR_TRY(check_size("document", text));
  std::optional<std::string> repaired;
  text = valid_text(text, repaired);
  CR_TRY(check_size("document", text));  // a repair can make it three times as long
  if (options_.max_chars != 0) {
    const std::string_view kept = text.substr(0, base::prefix_bytes(text, options_.max_chars));
    pair.chars_cut = static_cast<std::uint32_t>(base::count_code_points(text.substr(kept.size())));
    if (pair.chars_cut > 0 && rules_.policy == Truncation::kError) {
      return base::chars_error(pair.chars_cut, options_.max_chars);
    }
    text = kept;
  }
  const bool chunked = uses_chunks(rules_.policy);
  arena.text_ids.clear();
  arena.text_spans.clear();
  tokenizer_.encode(text, arena.text_ids, chunked ? &arena.text_spans : nullptr);
  pair.tokens = arena.text_ids.size();
  pair.sequence_begin = arena.sequences.size();
  if (chunked) {
    CR_TRY(cut_chunks(text, number, query.tokens, arena));
  } else {
    CR_TRY_ASSIGN(const text::PairCut cut, text::cut_pair(query.tokens, pair.tokens, rules_));
    arena.sequences.push_back({number, cut, {}});
  }
  pair.sequences = static_cast<std::uint32_t>(arena.sequences.size() - pair.sequence_begin);

  // Of the document's ids only those stay that some sequence needs.
  const auto first = arena.sequences.begin() + static_cast<std::ptrdiff_t>(pair.sequence_begin);
  pair.kept_from = pair.tokens;
  std::size_t kept_to = 0;
  for (auto s = first; s != arena.sequences.end(); ++s) {
    pair.kept_from = std::min(pair.kept_from, s->cut.document_begin);
    kept_to = std::max(kept_to, s->cut.document_begin + s->cut.document_tokens);
  }
  pair.truncated = kept_to - pair.kept_from < pair.tokens;
  pair.ids_begin = arena.ids.size();
  arena.ids.insert(arena.ids.end(),
                   arena.text_ids.begin() + static_cast<std::ptrdiff_t>(pair.kept_from),
                   arena.text_ids.begin() + static_cast<std::ptrdiff_t>(kept_to));
  release_if_large(arena.text_ids);
  release_if_large(arena.text_spans);
  return {};
}

Result<void> PairStretch::cut_chunks(std::string_view text, std::uint32_t number,
                                     std::size_t query_tokens, Arena& arena) const {
  const std::vector<text::ByteSpan>& spans = arena.text_spans;
  CR_TRY_ASSIGN(
      const std::vector<text::PairCut> cuts,
      text::chunk_pair(query_tokens, spans.size(), text::sentence_starts(text, spans), rules_));
  CharCounter begins(text);
  CharCounter ends(text);
  for (const text::PairCut& cut : cuts) {
    TextSpan span;
    if (cut.document_tokens != 0) {
      span.begin_byte = spans[cut.document_begin].begin;
      span.end_byte = spans[cut.document_begin + cut.document_tokens - 1].end;
      span.begin_char = begins.before(span.begin_byte);
      span.end_char = ends.before(span.end_byte);
    }
    arena.sequences.push_back({number, cut, span});
  }
  return {};
}

// The error of the first pair that has one, whichever worker met it.
Result<void> PairStretch::first_error() {
  Arena* first = nullptr;
  for (Arena& arena : arenas_) {
    if (arena.error && (first == nullptr || arena.error_index < first->error_index)) {
      first = &arena;
    }
  }
  if (first == nullptr) return {};
  return Error{first->error->code, pair_name(options_, first->error_index) + first->error->message};
}

void PairStretch::write(const Sequence& sequence, std::int32_t* ids, std::int32_t* type_ids) const {
  const Pair& pair = pairs_[sequence.pair];
  const Query& query = queries_[pair.query];
  const std::span<const std::int32_t> document =
      std::span(arenas_[pair.worker].ids).subspan(pair.ids_begin);
  text::PairCut cut = sequence.cut;  // counted in the tokens that were kept
  if (cut.query_tokens != 0) cut.query_begin -= query.kept_from;
  if (cut.document_tokens != 0) cut.document_begin -= pair.kept_from;
  text::write_pair(query.ids, document, cut, tokenizer_.layout(), ids, type_ids);
}

TruncationReport PairStretch::report(const Sequence& sequence) const {
  const Pair& pair = pairs_[sequence.pair];
  const Query& query = queries_[pair.query];
  TruncationReport report;
  report.tokens_total =
      static_cast<std::uint32_t>(query.tokens + pair.tokens + rules_.special_tokens);
  report.tokens_used = static_cast<std::uint32_t>(sequence.cut.length());
  report.chars_cut = pair.chars_cut;
  report.query_truncated = sequence.cut.query_tokens < query.tokens;
  report.document_truncated = pair.truncated;
  return report;
}

std::string pair_name(const ScoreOptions& options, std::size_t index) {
  return "pair " + std::to_string(options.first_index + index) + " (counting from 0): ";
}

}  // namespace crossrank::engine
