// PreTokenizer: where words begin and end, as BertPreTokenizer does it. WordScanner: the same fused
// with the normalizer, one pass over the text. Neither knows the vocabulary.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/utf8.h"
#include "text/normalizer.h"
#include "text/word_buffer.h"

namespace crossrank::text {

enum class PreTokenizer : std::uint8_t {
  kNone,  // the whole text is one word
  kBert,  // split at white space, which is dropped, and around punctuation
};

enum class CharRole : std::uint8_t { kWord, kSpace, kPunctuation };

inline CharRole char_role(char32_t c, PreTokenizer pre_tokenizer) {
  if (pre_tokenizer == PreTokenizer::kNone) return CharRole::kWord;
  const std::uint16_t flags = code_point(c).flags;
  if (flags & kSpace) return CharRole::kSpace;
  return flags & kPunctuation ? CharRole::kPunctuation : CharRole::kWord;
}

// Normalizes and splits in one pass. Code points below 0x800 (one or two bytes in UTF-8) are read
// off a table made for the options; the others, and the few that become several, are computed.
class WordScanner {
 public:
  WordScanner(const NormalizerOptions& normalizer, PreTokenizer pre_tokenizer);

  // Calls on_word(std::string_view) for each word of `text`, in order, none empty.
  template <typename OnWord>
  void scan(std::string_view text, OnWord&& on_word) const;

 private:
  static constexpr char32_t kTableSize = 0x800;
  // What becomes of a code point by itself: a role and a code point, or one of the other two.
  enum class Action : std::uint8_t { kWord, kSpace, kPunctuation, kDrop, kCompute };
  struct Entry {
    char16_t c = 0;
    Action action = Action::kCompute;
  };

  Entry make_entry(char32_t c) const;

  NormalizerOptions normalizer_;
  PreTokenizer pre_tokenizer_;
  std::array<Entry, kTableSize> table_;
  // The lowercase (or same) ASCII character that an ASCII character adds to a word; 0 for others.
  std::array<char, 256> ascii_word_ = {};
};

template <typename OnWord>
void WordScanner::scan(std::string_view text, OnWord&& on_word) const {
  WordBuffer word;
  const auto end_word = [&] {
    if (word.empty()) return;
    on_word(word.view());
    word.clear();
  };
  const auto place = [&](char32_t c, CharRole role) {
    if (role == CharRole::kWord) return word.push(c);
    end_word();
    if (role == CharRole::kSpace) return;
    word.push(c);
    end_word();
  };
  NormalizerStream stream(normalizer_);
  const auto sink = [&](char32_t c) { place(c, char_role(c, pre_tokenizer_)); };

  const char* p = text.data();
  const char* const end = p + text.size();
  std::size_t pos = 0;
  for (;;) {
    p = text.data() + pos;
    const char* const run = p;
    while (p != end && ascii_word_[static_cast<unsigned char>(*p)] != 0) ++p;
    word.push_mapped({run, static_cast<std::size_t>(p - run)}, ascii_word_);
    if (p == end) break;
    pos = static_cast<std::size_t>(p - text.data());
    const char32_t c = base::decode_utf8(text, pos);
    const Entry entry = c < kTableSize ? table_[c] : Entry{};
    switch (entry.action) {
      case Action::kWord: word.push(entry.c); break;
      case Action::kSpace: end_word(); break;
      case Action::kPunctuation: place(entry.c, CharRole::kPunctuation); break;
      case Action::kDrop: break;
      case Action::kCompute:
        stream.push(c, sink);
        while (stream.waiting() && pos < text.size()) {
          stream.push(base::decode_utf8(text, pos), sink);
        }
        break;
    }
  }
  stream.finish(sink);
  end_word();
}

}  // namespace crossrank::text
