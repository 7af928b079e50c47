// Tokenizer: added tokens, normalizer, words and WordPiece in the reference's order.
#include "text/tokenizer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_loader.h"
#include "text/wordpiece.h"

namespace crossrank::text {
namespace {

// The tokens' strings by id, in one block of memory.
class TokenNames {
 public:
  explicit TokenNames(const TokenizerSpec& spec) {
    std::int32_t last = std::max(spec.cls_id, spec.sep_id);
    for (const VocabEntry& entry : spec.vocab) last = std::max(last, entry.id);
    for (const AddedToken& token : spec.added_tokens) last = std::max(last, token.id);
    by_id_.resize(static_cast<std::size_t>(last) + 1);
    for (const VocabEntry& entry : spec.vocab) set(entry.id, entry.token);
    for (const AddedToken& token : spec.added_tokens) set(token.id, token.content);
  }

  std::size_t size() const { return by_id_.size(); }
  std::string_view operator[](std::int32_t id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= by_id_.size()) return {};
    const auto& [begin, length] = by_id_[static_cast<std::size_t>(id)];
    return std::string_view(bytes_).substr(begin, length);
  }

 private:
  void set(std::int32_t id, std::string_view token) {
    by_id_[static_cast<std::size_t>(id)] = {bytes_.size(), token.size()};
    bytes_ += token;
  }

  std::string bytes_;
  std::vector<std::pair<std::size_t, std::size_t>> by_id_;  // begin and length in bytes_
};

// A piece of a text, normalized, with the way back: bytes [i] of `text` come from
// chars[of_byte[i]].
struct AlignedText {
  explicit AlignedText(std::vector<AlignedChar> normalized) : chars(std::move(normalized)) {
    for (std::size_t i = 0; i < chars.size(); ++i) {
      base::append_utf8(text, chars[i].c);
      of_byte.resize(text.size(), static_cast<std::uint32_t>(i));
    }
  }

  // The source of bytes [begin, end) of `text`, begin < end, where the piece begins at `offset`.
  ByteSpan span(std::size_t begin, std::size_t end, std::size_t offset) const {
    const auto shift = static_cast<std::uint32_t>(offset);
    return {chars[of_byte[begin]].begin + shift, chars[of_byte[end - 1]].end + shift};
  }

  std::vector<AlignedChar> chars;
  std::string text;
  std::vector<std::uint32_t> of_byte;
};

}  // namespace

struct Tokenizer::Impl {
  Impl(const TokenizerSpec& spec, WordPiece pieces)
      : normalizer(spec.normalizer),
        pre_tokenizer(spec.pre_tokenizer),
        scanner(spec.normalizer, spec.pre_tokenizer),
        normalized_scanner({}, spec.pre_tokenizer),
        wordpiece(std::move(pieces)),
        names(spec),
        cls_id(spec.cls_id),
        sep_id(spec.sep_id),
        model_max_length(spec.model_max_length),
        truncate_left(spec.truncate_left) {}

  void encode(std::string_view text, std::vector<std::int32_t>& ids) const {
    added_raw.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id >= 0) return ids.push_back(id);
      encode_piece(text.substr(begin, end - begin), ids);
    });
  }

  void encode_piece(std::string_view piece, std::vector<std::int32_t>& ids) const {
    const auto on_word = [&](std::string_view word) { wordpiece.encode(word, ids); };
    if (added_normalized.empty()) return scanner.scan(piece, on_word);
    const std::string text = normalize(piece, normalizer);
    added_normalized.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id >= 0) return ids.push_back(id);
      normalized_scanner.scan(std::string_view(text).substr(begin, end - begin), on_word);
    });
  }

  void encode_aligned(std::string_view text, std::vector<std::int32_t>& ids,
                      std::vector<ByteSpan>& spans) const {
    added_raw.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id < 0) return encode_aligned_section(text.substr(0, end), begin, ids, spans);
      ids.push_back(id);
      spans.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    });
  }

  // Text from `begin` on, in parts that end in a space where that changes nothing: the aligned form
  // takes some 40 bytes a character.
  void encode_aligned_section(std::string_view text, std::size_t begin,
                              std::vector<std::int32_t>& ids, std::vector<ByteSpan>& spans) const {
    constexpr std::size_t kPartBytes = 1 << 14;
    const bool divisible = added_normalized.empty() && pre_tokenizer == PreTokenizer::kBert;
    while (begin < text.size()) {
      std::size_t end = text.size();
      if (divisible && end - begin > kPartBytes) {
        if (const std::size_t space = text.find(' ', begin + kPartBytes); space != text.npos) {
          end = space + 1;
        }
      }
      encode_aligned_piece(text.substr(begin, end - begin), begin, ids, spans);
      begin = end;
    }
  }

  void encode_aligned_piece(std::string_view piece, std::size_t offset,
                            std::vector<std::int32_t>& ids, std::vector<ByteSpan>& spans) const {
    const AlignedText aligned(normalize_aligned(piece, normalizer));
    const auto split = [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id < 0) return encode_aligned_words(aligned, begin, end, offset, ids, spans);
      ids.push_back(id);
      spans.push_back(aligned.span(begin, end, offset));
    };
    added_normalized.split(aligned.text, split);
  }

  void encode_aligned_words(const AlignedText& aligned, std::size_t begin, std::size_t end,
                            std::size_t offset, std::vector<std::int32_t>& ids,
                            std::vector<ByteSpan>& spans) const {
    const std::string_view text = std::string_view(aligned.text).substr(0, end);
    std::vector<std::size_t> ends;
    const auto encode_word = [&](std::size_t from, std::size_t to) {
      if (from == to) return;
      wordpiece.encode(text.substr(from, to - from), ids, &ends);
      std::size_t last = 0;
      for (const std::size_t stop : ends) {
        spans.push_back(aligned.span(from + last, from + stop, offset));
        last = stop;
      }
    };
    std::size_t word = begin;
    for (std::size_t pos = begin; pos < end;) {
      const std::size_t here = pos;
      const CharRole role = char_role(base::decode_utf8(text, pos), pre_tokenizer);
      if (role == CharRole::kWord) continue;
      encode_word(word, here);
      if (role == CharRole::kPunctuation) encode_word(here, pos);
      word = pos;
    }
    encode_word(word, end);
  }

  NormalizerOptions normalizer;
  PreTokenizer pre_tokenizer;
  WordScanner scanner;             // of source text
  WordScanner normalized_scanner;  // of text that is normalized already
  AddedTokens added_raw, added_normalized;
  WordPiece wordpiece;
  TokenNames names;
  std::int32_t cls_id, sep_id;
  std::size_t model_max_length;
  bool truncate_left;
};

Result<Tokenizer> Tokenizer::load(const base::Blob& tokenizer_json, const base::Blob& vocab_txt,
                                  const base::Blob& tokenizer_config, const LegacyFiles& legacy) {
  CR_TRY_ASSIGN(const TokenizerSpec spec,
                load_tokenizer_spec(tokenizer_json, vocab_txt, tokenizer_config, legacy));
  const std::string& file = (tokenizer_json ? tokenizer_json : vocab_txt).name();
  auto wordpiece = WordPiece::make(spec.vocab, spec.wordpiece);
  if (!wordpiece.ok()) {
    return Error{wordpiece.error().code, file + ": " + wordpiece.error().message + "."};
  }
  auto impl = std::make_unique<Impl>(spec, std::move(*wordpiece));
  std::vector<AddedToken> raw, normalized;
  for (const AddedToken& token : spec.added_tokens) {
    (token.normalized ? normalized : raw).push_back(token);
  }
  if (!impl->added_raw.build(std::move(raw)) ||
      !impl->added_normalized.build(std::move(normalized))) {
    return Error{ErrorCode::kBadTokenizer, file + ": there are too many added tokens."};
  }
  return Tokenizer(std::move(impl));
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

void Tokenizer::encode(std::string_view text, std::vector<std::int32_t>& ids,
                       std::vector<ByteSpan>* spans) const {
  if (spans == nullptr) return impl_->encode(text, ids);
  impl_->encode_aligned(text, ids, *spans);
}

std::size_t Tokenizer::vocab_size() const { return impl_->names.size(); }
std::string_view Tokenizer::token(std::int32_t id) const { return impl_->names[id]; }
std::int32_t Tokenizer::cls_id() const { return impl_->cls_id; }
std::int32_t Tokenizer::sep_id() const { return impl_->sep_id; }
std::size_t Tokenizer::model_max_length() const { return impl_->model_max_length; }
bool Tokenizer::truncate_left() const { return impl_->truncate_left; }

}  // namespace crossrank::text
