// Unigram: Viterbi over the pieces that begin at each character.
#include "text/unigram.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace crossrank::text {
namespace {

// The work for a text is its bytes times this at most. The longest pieces in use, indentation by
// 32 spaces, have 96 bytes.
constexpr std::size_t kMaxPieceBytes = 1024;
constexpr double kUnkPenalty = 10;

std::size_t length_of_char(std::string_view text, std::size_t pos) {
  std::size_t next = pos;
  base::decode_utf8(text, next);
  return next - pos;
}

std::vector<std::int32_t> find_bytes(const std::vector<VocabEntry>& vocab) {
  std::vector<std::int32_t> ids(256, -1);
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const VocabEntry& entry : vocab) {
    const std::string_view t = entry.token;
    if (t.size() != 6 || !t.starts_with("<0x") || t[5] != '>') continue;
    const std::size_t high = kHex.find(t[3]);
    const std::size_t low = kHex.find(t[4]);
    if (high != kHex.npos && low != kHex.npos) ids[high * 16 + low] = entry.id;
  }
  return ids;
}

}  // namespace

double score_as_read(double exact) {
  // The digits without their point make an integer, which is rounded to a double and then divided
  // (or multiplied) by a power of ten, also a double: up to three roundings. Files have the
  // shortest digits that give a double back, so these can be found again.
  std::array<char, 32> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), exact, std::chars_format::scientific);
  std::uint64_t digits = 0;
  int exponent = 0;
  bool fraction = false;
  const char* p = text.data();
  for (; p != end && *p != 'e'; ++p) {
    if (*p == '.') fraction = true;
    if (*p < '0' || *p > '9') continue;
    digits = digits * 10 + static_cast<std::uint64_t>(*p - '0');
    if (fraction) --exponent;
  }
  int written = 0;
  if (p != end) std::from_chars(p[1] == '+' ? p + 2 : p + 1, end, written);
  exponent += written;
  double value = static_cast<double>(digits);
  for (; exponent < -308; exponent += 308) value /= 1e308;
  std::array<char, 8> power = {'1', 'e'};
  const auto [power_end, ignored] =
      std::to_chars(power.data() + 2, power.data() + power.size(), std::abs(exponent));
  double scale = 1;
  std::from_chars(power.data(), power_end, scale);
  value = exponent < 0 ? value / scale : value * scale;
  return exact < 0 ? -value : value;
}

Result<Unigram> Unigram::make(const std::vector<VocabEntry>& vocab, const UnigramOptions& options) {
  std::vector<DoubleArray::Key> keys;
  keys.reserve(vocab.size());
  // Of equal keys the array keeps the first.
  for (std::size_t i = vocab.size(); i-- > 0;) {
    const VocabEntry& entry = vocab[i];
    if (entry.token.size() > kMaxPieceBytes) {
      return Error{ErrorCode::kBadTokenizer, "the piece with id " + std::to_string(entry.id) +
                                                 " has " + std::to_string(entry.token.size()) +
                                                 " bytes; at most " +
                                                 std::to_string(kMaxPieceBytes) + " are possible"};
    }
    keys.push_back({entry.token, entry.id});
  }
  Unigram result;
  if (!result.pieces_.build(std::move(keys))) {
    return Error{ErrorCode::kBadTokenizer,
                 "a vocabulary of " + std::to_string(vocab.size()) + " pieces is too large"};
  }
  result.scores_ = options.scores;
  result.unk_score_ = *std::min_element(options.scores.begin(), options.scores.end()) - kUnkPenalty;
  result.unk_id_ = options.unk_id;
  if (options.byte_fallback) result.byte_ids_ = find_bytes(vocab);
  return result;
}

std::int32_t Unigram::exactly(std::string_view piece) const {
  const DoubleArray::Match match = pieces_.longest(DoubleArray::kRoot, piece);
  return match.length == piece.size() ? match.value : -1;
}

// Takes the pieces of a word from left to right. Unknown ones that stand together are one.
class Unigram::Output {
 public:
  Output(const Unigram& unigram, std::string_view word, std::vector<std::int32_t>& ids,
         std::vector<ByteSpan>* spans)
      : unigram_(unigram), word_(word), ids_(ids), spans_(spans) {}

  void add(std::int32_t id, std::size_t begin, std::size_t end) {
    if (id == unigram_.unk_id_) {
      if (unknown_begin_ == unknown_end_) unknown_begin_ = begin;
      unknown_end_ = end;
      return;
    }
    finish();
    put(id, begin, end);
  }

  void finish() {
    const std::size_t begin = std::exchange(unknown_begin_, unknown_end_);
    const std::size_t end = unknown_end_;
    if (begin == end) return;
    const std::string_view unknown = word_.substr(begin, end - begin);
    // Unknown characters together can be a piece, if scores are positive.
    if (const std::int32_t id = unigram_.exactly(unknown); id >= 0) return put(id, begin, end);
    if (!all_bytes_known(unknown)) return put(unigram_.unk_id_, begin, end);
    for (const char byte : unknown) {
      put(unigram_.byte_ids_[static_cast<unsigned char>(byte)], begin, end);
    }
  }

 private:
  void put(std::int32_t id, std::size_t begin, std::size_t end) {
    ids_.push_back(id);
    if (spans_ == nullptr) return;
    spans_->push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
  }

  bool all_bytes_known(std::string_view bytes) const {
    const auto& ids = unigram_.byte_ids_;
    return !ids.empty() && std::all_of(bytes.begin(), bytes.end(), [&](char byte) {
      return ids[static_cast<unsigned char>(byte)] >= 0;
    });
  }

  const Unigram& unigram_;
  const std::string_view word_;
  std::vector<std::int32_t>& ids_;
  std::vector<ByteSpan>* const spans_;
  std::size_t unknown_begin_ = 0, unknown_end_ = 0;
};

void Unigram::encode(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& ids,
                     std::vector<ByteSpan>* spans) const {
  if (spans != nullptr) spans->clear();
  Output output(*this, word, ids, spans);
  std::vector<Node>& nodes = scratch.nodes;  // nodes[i]: of byte begin + i
  std::size_t begin = 0;                     // of the stretch that is not yet put out
  std::size_t reach = 0;                     // up to which some piece of it goes
  const auto offer = [&](std::size_t from, std::size_t to, double score, std::int32_t id) {
    if (to > reach) {
      reach = to;
      nodes.resize(to - begin + 1);
    }
    Node& node = nodes[to - begin];
    if (node.length != 0 && score <= node.score) return;
    node = {score, static_cast<std::uint32_t>(to - from), id};
  };
  const auto put_out = [&] {
    scratch.path.clear();
    for (std::size_t end = reach; end > begin; end -= scratch.path.back().length) {
      scratch.path.push_back(nodes[end - begin]);
    }
    for (std::size_t i = scratch.path.size(); i-- > 0;) {
      const Node& node = scratch.path[i];
      output.add(node.id, begin, begin + node.length);
      begin += node.length;
    }
  };

  nodes.assign(1, {});
  for (std::size_t pos = 0; pos < word.size();) {
    if (pos == reach &&
        pos > begin) {  // every way passes here, so the best one up to here is final
      const double score = nodes[pos - begin].score;
      put_out();
      nodes.assign(1, {score, 0, 0});  // not from 0 again: sums round as they do in the reference
    }
    const double score = nodes[pos - begin].score;
    const std::size_t char_length = length_of_char(word, pos);
    bool char_is_piece = false;
    pieces_.for_each_prefix(word.substr(pos), [&](std::int32_t id, std::size_t length) {
      char_is_piece |= length == char_length;
      offer(pos, pos + length, score + scores_[static_cast<std::size_t>(id)], id);
    });
    if (!char_is_piece) offer(pos, pos + char_length, score + unk_score_, unk_id_);
    pos += char_length;
  }
  put_out();
  output.finish();
}

}  // namespace crossrank::text
