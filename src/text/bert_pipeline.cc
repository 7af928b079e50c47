// Pipeline of BERT's tokenizers: added tokens, normalizer, words and WordPiece in the reference's
// order.
#include <string>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "text/normalizer.h"
#include "text/pipeline.h"
#include "text/pre_tokenizer.h"
#include "text/wordpiece.h"

namespace crossrank::text {
namespace {

class BertPipeline final : public Pipeline {
 public:
  BertPipeline(const TokenizerSpec& spec, WordPiece wordpiece, AddedTokenSets added)
      : normalizer_(spec.normalizer),
        pre_tokenizer_(spec.pre_tokenizer),
        scanner_(spec.normalizer, spec.pre_tokenizer),
        normalized_scanner_({}, spec.pre_tokenizer),
        wordpiece_(std::move(wordpiece)),
        added_(std::move(added)) {}

  void encode(std::string_view text, std::vector<std::int32_t>& ids) const override {
    added_.raw.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id >= 0) return ids.push_back(id);
      encode_piece(text.substr(begin, end - begin), ids);
    });
  }

  void encode_aligned(std::string_view text, std::vector<std::int32_t>& ids,
                      std::vector<ByteSpan>& spans) const override {
    added_.raw.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id < 0) return encode_aligned_section(text.substr(0, end), begin, ids, spans);
      ids.push_back(id);
      spans.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    });
  }

 private:
  void encode_piece(std::string_view piece, std::vector<std::int32_t>& ids) const {
    const auto on_word = [&](std::string_view word) { wordpiece_.encode(word, ids); };
    if (added_.normalized.empty()) return scanner_.scan(piece, on_word);
    const std::string text = normalize(piece, normalizer_);
    added_.normalized.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id >= 0) return ids.push_back(id);
      normalized_scanner_.scan(std::string_view(text).substr(begin, end - begin), on_word);
    });
  }

  // Text from `begin` on, in parts that end in a space where that changes nothing: the aligned form
  // takes some 40 bytes a character.
  void encode_aligned_section(std::string_view text, std::size_t begin,
                              std::vector<std::int32_t>& ids, std::vector<ByteSpan>& spans) const {
    constexpr std::size_t kPartBytes = 1 << 14;
    const bool divisible = added_.normalized.empty() && pre_tokenizer_ == PreTokenizer::kBert;
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
    const AlignedText aligned(normalize_aligned(piece, normalizer_));
    const auto split = [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id < 0) return encode_aligned_words(aligned, begin, end, offset, ids, spans);
      ids.push_back(id);
      spans.push_back(aligned.span(begin, end, offset));
    };
    added_.normalized.split(aligned.text, split);
  }

  void encode_aligned_words(const AlignedText& aligned, std::size_t begin, std::size_t end,
                            std::size_t offset, std::vector<std::int32_t>& ids,
                            std::vector<ByteSpan>& spans) const {
    const std::string_view text = std::string_view(aligned.text).substr(0, end);
    std::vector<std::size_t> ends;
    const auto encode_word = [&](std::size_t from, std::size_t to) {
      if (from == to) return;
      wordpiece_.encode(text.substr(from, to - from), ids, &ends);
      std::size_t last = 0;
      for (const std::size_t stop : ends) {
        spans.push_back(aligned.span(from + last, from + stop, offset));
        last = stop;
      }
    };
    std::size_t word = begin;
    for (std::size_t pos = begin; pos < end;) {
      const std::size_t here = pos;
      const CharRole role = char_role(base::decode_utf8(text, pos), pre_tokenizer_);
      if (role == CharRole::kWord) continue;
      encode_word(word, here);
      if (role == CharRole::kPunctuation) encode_word(here, pos);
      word = pos;
    }
    encode_word(word, end);
  }

  NormalizerOptions normalizer_;
  PreTokenizer pre_tokenizer_;
  WordScanner scanner_;             // of source text
  WordScanner normalized_scanner_;  // of text that is normalized already
  WordPiece wordpiece_;
  AddedTokenSets added_;
};

}  // namespace

Result<std::unique_ptr<const Pipeline>> make_bert_pipeline(const TokenizerSpec& spec) {
  CR_TRY_ASSIGN(WordPiece wordpiece, WordPiece::make(spec.vocab, spec.wordpiece));
  CR_TRY_ASSIGN(AddedTokenSets added, build_added_tokens(spec.added_tokens));
  return std::unique_ptr<const Pipeline>(
      std::make_unique<BertPipeline>(spec, std::move(wordpiece), std::move(added)));
}

}  // namespace crossrank::text
