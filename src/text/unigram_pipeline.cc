// Pipeline of SentencePiece's Unigram tokenizers: added tokens, normalizer, words and pieces in the
// reference's order.
#include <algorithm>
#include <string>
#include <utility>

#include "base/try.h"
#include "text/metaspace.h"
#include "text/pipeline.h"
#include "text/sentencepiece_normalizer.h"
#include "text/unigram.h"

namespace crossrank::text {
namespace {

bool is_plain(char c) { return c > ' ' && c < 0x7F; }

// Whether a text may be cut in front of a space between plain characters, and the parts handled one
// by one, with the same words and spans as the whole.
bool cuts_change_nothing(const UnigramSpec& spec) {
  if (spec.words.prepend == MetaspaceOptions::Prepend::kFirst) return false;
  if (!spec.words.whitespace_split && !(spec.words.metaspace && spec.words.split)) return false;
  return std::all_of(spec.normalizer.begin(), spec.normalizer.end(),
                     [](const SentencePieceStage& s) {
                       switch (s.kind) {
                         case SentencePieceStage::Kind::kCharsmap: return !s.charsmap->find(" ");
                         case SentencePieceStage::Kind::kReplaceSpaces: return true;
                         case SentencePieceStage::Kind::kStrip:
                         case SentencePieceStage::Kind::kReplace: return false;
                       }
                       return false;
                     });
}

class UnigramPipeline final : public Pipeline {
 public:
  UnigramPipeline(const TokenizerSpec& spec, Unigram unigram, AddedTokenSets added)
      : normalizer_(spec.unigram->normalizer),
        words_(spec.unigram->words),
        unigram_(std::move(unigram)),
        added_(std::move(added)),
        divisible_(added_.normalized.empty() && cuts_change_nothing(*spec.unigram)) {}

  void encode(std::string_view text, std::vector<std::int32_t>& ids) const override {
    Work work;
    added_.raw.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id >= 0) return ids.push_back(id);
      encode_piece(text.substr(begin, end - begin), begin, work, ids);
    });
  }

  void encode_aligned(std::string_view text, std::vector<std::int32_t>& ids,
                      std::vector<ByteSpan>& spans) const override {
    Work work;
    added_.raw.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id < 0) return encode_aligned_section(text.substr(0, end), begin, work, ids, spans);
      ids.push_back(id);
      spans.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    });
  }

 private:
  // Buffers of one call, kept from word to word.
  struct Work {
    Unigram::Scratch scratch;
    std::string word;
    std::vector<ByteSpan> spans;
  };

  void encode_piece(std::string_view piece, std::size_t offset, Work& work,
                    std::vector<std::int32_t>& ids) const {
    // Which words come from the first character of the source, only their spans tell.
    if (offset == 0 && words_.options().prepend == MetaspaceOptions::Prepend::kFirst) {
      std::vector<ByteSpan> spans;
      return encode_aligned_piece(piece, offset, work, ids, spans);
    }
    const std::string text = normalizer_.normalize(piece);
    added_.normalized.split(text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id >= 0) return ids.push_back(id);
      words_.scan(std::string_view(text).substr(begin, end - begin), work.word,
                  [&](std::string_view word) { unigram_.encode(word, work.scratch, ids); });
    });
  }

  // Text from `begin` on, in parts that begin with a space where that changes nothing: the aligned
  // form takes some 40 bytes a character.
  void encode_aligned_section(std::string_view text, std::size_t begin, Work& work,
                              std::vector<std::int32_t>& ids, std::vector<ByteSpan>& spans) const {
    constexpr std::size_t kPartBytes = 1 << 14;
    while (begin < text.size()) {
      std::size_t end = text.size();
      if (divisible_ && end - begin > kPartBytes) end = next_cut(text, begin + kPartBytes);
      encode_aligned_piece(text.substr(begin, end - begin), begin, work, ids, spans);
      begin = end;
    }
  }

  static std::size_t next_cut(std::string_view text, std::size_t pos) {
    for (; (pos = text.find(' ', pos)) != text.npos; ++pos) {
      if (pos + 1 < text.size() && is_plain(text[pos - 1]) && is_plain(text[pos + 1])) return pos;
    }
    return text.size();
  }

  void encode_aligned_piece(std::string_view piece, std::size_t offset, Work& work,
                            std::vector<std::int32_t>& ids, std::vector<ByteSpan>& spans) const {
    const AlignedText aligned(normalizer_.normalize_aligned(piece));
    added_.normalized.split(aligned.text, [&](std::size_t begin, std::size_t end, std::int32_t id) {
      if (id < 0) return encode_aligned_words(aligned, begin, end, offset, work, ids, spans);
      ids.push_back(id);
      spans.push_back(aligned.span(begin, end, offset));
    });
  }

  void encode_aligned_words(const AlignedText& aligned, std::size_t begin, std::size_t end,
                            std::size_t offset, Work& work, std::vector<std::int32_t>& ids,
                            std::vector<ByteSpan>& spans) const {
    const auto first = aligned.chars.begin() + aligned.of_byte[begin];
    const auto last = aligned.chars.begin() + aligned.of_byte[end - 1] + 1;
    for (std::vector<AlignedChar>& chars : words_.words({first, last}, offset)) {
      const AlignedText word(std::move(chars));
      unigram_.encode(word.text, work.scratch, ids, &work.spans);
      for (const ByteSpan& s : work.spans) spans.push_back(word.span(s.begin, s.end, offset));
    }
  }

  SentencePieceNormalizer normalizer_;
  Metaspace words_;
  Unigram unigram_;
  AddedTokenSets added_;
  bool divisible_;
};

}  // namespace

Result<std::unique_ptr<const Pipeline>> make_unigram_pipeline(const TokenizerSpec& spec) {
  CR_TRY_ASSIGN(Unigram unigram, Unigram::make(spec.vocab, spec.unigram->options));
  CR_TRY_ASSIGN(AddedTokenSets added, build_added_tokens(spec.added_tokens));
  return std::unique_ptr<const Pipeline>(
      std::make_unique<UnigramPipeline>(spec, std::move(unigram), std::move(added)));
}

}  // namespace crossrank::text
