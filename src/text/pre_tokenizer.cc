// WordScanner: its table, made by asking the normalizer about each code point.
#include "text/pre_tokenizer.h"

#include <vector>

namespace crossrank::text {

WordScanner::WordScanner(const NormalizerOptions& normalizer, PreTokenizer pre_tokenizer)
    : normalizer_(normalizer), pre_tokenizer_(pre_tokenizer) {
  for (char32_t c = 0; c < kTableSize; ++c) table_[c] = make_entry(c);
  for (char32_t c = 0; c < 0x80; ++c) {
    if (table_[c].action == Action::kWord && table_[c].c < 0x80) {
      ascii_word_[c] = static_cast<char>(table_[c].c);
    }
  }
}

WordScanner::Entry WordScanner::make_entry(char32_t c) const {
  std::vector<char32_t> out;
  NormalizerStream stream(normalizer_);
  stream.push(c, [&](char32_t o) { out.push_back(o); });
  if (stream.waiting()) return {};
  if (out.empty()) return {.action = Action::kDrop};
  if (out.size() > 1 || out[0] > 0xFFFF) return {};
  Entry entry{.c = static_cast<char16_t>(out[0])};
  switch (char_role(out[0], pre_tokenizer_)) {
    case CharRole::kWord: entry.action = Action::kWord; break;
    case CharRole::kSpace: entry.action = Action::kSpace; break;
    case CharRole::kPunctuation: entry.action = Action::kPunctuation; break;
  }
  return entry;
}

}  // namespace crossrank::text
