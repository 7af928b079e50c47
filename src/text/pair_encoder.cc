// Pair encoding: the arithmetic of truncation and chunks, and the layout of a pair.
#include "text/pair_encoder.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/try.h"

namespace crossrank::text {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

std::string lengths(std::size_t query, std::size_t document, const CutRules& rules) {
  return "query of " + std::to_string(query) + " tokens, document of " + std::to_string(document) +
         ", " + std::to_string(rules.special_tokens) + " special tokens, max_length " +
         std::to_string(rules.max_length);
}

Error no_room(std::size_t query, std::size_t document, const CutRules& rules) {
  return invalid("The query leaves no room for the document (" + lengths(query, document, rules) +
                 "). Shorten the query, raise max_length, or use longest_first truncation.");
}

// A number cast to the enum may be none of its values.
bool is_policy(Truncation policy) {
  switch (policy) {
    case Truncation::kLongestFirst:
    case Truncation::kDocumentOnly:
    case Truncation::kError:
    case Truncation::kChunkMax:
    case Truncation::kChunkTop2:
    case Truncation::kFirst: return true;
  }
  return false;
}

// The tokens that each side of an over-long pair keeps, as `tokenizers` counts them: half of `room`
// each, the odd one to the longer side (the document when equal); a side that needs less than its
// half is kept whole and the other gets the rest.
std::pair<std::size_t, std::size_t> longest_first(std::size_t query, std::size_t document,
                                                  std::size_t room) {
  const bool query_is_longer = query > document;
  const std::size_t half = room / 2;
  std::size_t shorter = std::min(query, document);
  std::size_t longer = room - std::min(shorter, room);
  if (shorter > half) {
    shorter = half;
    longer = room - half;
  }
  return query_is_longer ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

// Of a document of so many tokens, those that max_document_tokens leaves.
std::size_t bounded(std::size_t document, const CutRules& rules) {
  return rules.max_document_tokens == 0 ? document : std::min(document, rules.max_document_tokens);
}

// Document tokens a chunk, at least 1.
Result<std::size_t> chunk_tokens(std::size_t query, std::size_t document, const CutRules& rules) {
  const std::size_t taken = query + rules.special_tokens;
  if (taken >= rules.max_length) return no_room(query, document, rules);
  return std::min(rules.chunk.tokens, rules.max_length - taken);
}

// The first of the sentences that begin in [from, to], and the last.
std::optional<std::size_t> first_in(std::span<const std::uint32_t> sentences, std::size_t from,
                                    std::size_t to) {
  const auto found = std::lower_bound(sentences.begin(), sentences.end(), from);
  if (found == sentences.end() || *found > to) return std::nullopt;
  return *found;
}

std::optional<std::size_t> last_in(std::span<const std::uint32_t> sentences, std::size_t from,
                                   std::size_t to) {
  const auto behind = std::upper_bound(sentences.begin(), sentences.end(), to);
  if (behind == sentences.begin() || *(behind - 1) < from) return std::nullopt;
  return *(behind - 1);
}

// Token counts of a pair's sides under `rules`, which is one without chunks.
Result<PairCut> kept_tokens(std::size_t query, std::size_t document, const CutRules& rules) {
  PairCut cut{
      .query_tokens = query, .document_tokens = document, .special_tokens = rules.special_tokens};
  const std::size_t room = rules.max_length - rules.special_tokens;
  if (query + document <= room) return cut;
  switch (rules.policy) {
    case Truncation::kLongestFirst:
      std::tie(cut.query_tokens, cut.document_tokens) = longest_first(query, document, room);
      break;
    case Truncation::kDocumentOnly:
      if (query >= room) return no_room(query, document, rules);
      cut.document_tokens = room - query;
      break;
    case Truncation::kError:
      return Error{ErrorCode::kTooLong,
                   "The pair is " + std::to_string(cut.length()) + " tokens long (" +
                       lengths(query, document, rules) +
                       "). Shorten it, raise max_length, or choose a truncation policy that cuts."};
    case Truncation::kChunkMax:
    case Truncation::kChunkTop2:
    case Truncation::kFirst: break;
  }
  return cut;
}

}  // namespace

Result<void> check_rules(const CutRules& rules) {
  if (rules.max_length < rules.special_tokens) {
    return invalid("max_length is " + std::to_string(rules.max_length) +
                   "; a pair needs at least " + std::to_string(rules.special_tokens) +
                   " for its special tokens.");
  }
  if (!is_policy(rules.policy)) {
    return invalid("truncation is " + std::to_string(static_cast<int>(rules.policy)) +
                   ", which is no value of Truncation.");
  }
  if (!uses_chunks(rules.policy)) return {};
  const ChunkOptions& chunk = rules.chunk;
  if (chunk.tokens == 0 || chunk.tokens <= chunk.overlap) {
    return invalid("A chunk of " + std::to_string(chunk.tokens) + " tokens with an overlap of " +
                   std::to_string(chunk.overlap) +
                   " does not advance; chunk tokens must be above the overlap.");
  }
  if (chunk.max_chunks == 0) return invalid("max_chunks is 0; at least 1 chunk must be scored.");
  return {};
}

Result<PairCut> cut_pair(std::size_t query, std::size_t document, const CutRules& rules) {
  CR_TRY(check_rules(rules));
  CR_TRY_ASSIGN(PairCut cut, kept_tokens(query, bounded(document, rules), rules));
  if (rules.truncate_left) {
    if (cut.query_tokens != 0) cut.query_begin = query - cut.query_tokens;
    if (cut.document_tokens != 0) cut.document_begin = document - cut.document_tokens;
  }
  return cut;
}

Result<std::vector<PairCut>> chunk_pair(std::size_t query, std::size_t document,
                                        std::span<const std::uint32_t> sentences,
                                        const CutRules& rules) {
  CR_TRY(check_rules(rules));
  document = bounded(document, rules);
  std::vector<PairCut> chunks;
  if (document == 0 && query + rules.special_tokens <= rules.max_length) {
    chunks.push_back({.query_tokens = query, .special_tokens = rules.special_tokens});
    return chunks;
  }
  CR_TRY_ASSIGN(const std::size_t size, chunk_tokens(query, document, rules));
  // A long query can leave less room than the overlap asks for; half of each chunk is then new.
  const std::size_t overlap = rules.chunk.overlap < size ? rules.chunk.overlap : size / 2;
  const std::size_t most = rules.policy == Truncation::kFirst ? 1 : rules.chunk.max_chunks;
  // A chunk that ends with a sentence has at least half of what it would have added otherwise, so
  // that sentences make no more than twice as many chunks.
  const std::size_t least = overlap + (size - overlap + 1) / 2;
  std::size_t begin = 0;
  while (chunks.size() < most) {
    std::size_t end = document;
    if (document - begin > size) {
      end = last_in(sentences, begin + least, begin + size).value_or(begin + size);
    } else if (!chunks.empty()) {
      // The last one would be a crumb; with what stands before it, it has its context: whole
      // sentences where they fill half of it at least.
      const auto back = first_in(sentences, document - size, begin);
      begin = back && document - *back >= size / 2 ? *back : document - size;
    }
    chunks.push_back({.query_tokens = query,
                      .document_begin = begin,
                      .document_tokens = end - begin,
                      .special_tokens = rules.special_tokens});
    if (end == document) break;
    begin = first_in(sentences, end - overlap, end).value_or(end - overlap);
  }
  return chunks;
}

void write_pair(std::span<const std::int32_t> query, std::span<const std::int32_t> document,
                const PairCut& cut, const PairLayout& layout, std::int32_t* ids,
                std::int32_t* type_ids) {
  const auto q = query.subspan(cut.query_begin, cut.query_tokens);
  const auto d = document.subspan(cut.document_begin, cut.document_tokens);
  *ids++ = layout.cls_id;
  ids = std::copy(q.begin(), q.end(), ids);
  *ids++ = layout.sep_id;
  if (layout.roberta) *ids++ = layout.sep_id;
  ids = std::copy(d.begin(), d.end(), ids);
  *ids = layout.sep_id;
  if (layout.roberta) {
    std::fill_n(type_ids, cut.length(), 0);
    return;
  }
  type_ids = std::fill_n(type_ids, q.size() + 2, 0);
  std::fill_n(type_ids, d.size() + 1, 1);
}

}  // namespace crossrank::text
