// Metaspace: where the words of a SentencePiece model begin, which carry the space in front of them
// as a visible character. BERT's words are in pre_tokenizer.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"

namespace crossrank::text {

struct MetaspaceOptions {
  enum class Prepend : std::uint8_t {
    kAlways,
    kFirst,  // where the text begins
    kNever
  };
  bool whitespace_split = false;       // "WhitespaceSplit" in front: white space goes, words stay
  bool metaspace = false;              // else the following do not count
  std::string mark = "\u2581";         // stands for a space; one character
  Prepend prepend = Prepend::kAlways;  // a mark in front of what does not begin with one
  bool split = true;                   // in front of each mark
};

// Immutable.
class Metaspace {
 public:
  explicit Metaspace(MetaspaceOptions options);

  const MetaspaceOptions& options() const { return options_; }

  // Calls on_word(std::string_view) for each word of a normalized text that does not begin the
  // source (kFirst does nothing), none empty. `buffer` is overwritten.
  template <typename OnWord>
  void scan(std::string_view text, std::string& buffer, OnWord&& on_word) const;

  // The words of characters with their spans, `offset` being where the source begins.
  std::vector<std::vector<AlignedChar>> words(const std::vector<AlignedChar>& chars,
                                              std::size_t offset) const;

 private:
  // `part` with marks, into `buffer`.
  void mark(std::string_view part, std::string& buffer) const;
  std::vector<AlignedChar> mark(const std::vector<AlignedChar>& part, std::size_t offset) const;

  MetaspaceOptions options_;
  char32_t mark_char_;
};

// The offset of the first white space at or behind `pos`, else text.size().
std::size_t skip_nonspace(std::string_view text, std::size_t pos);

template <typename OnWord>
void Metaspace::scan(std::string_view text, std::string& buffer, OnWord&& on_word) const {
  const auto on_part = [&](std::string_view part) {
    if (!options_.metaspace) return on_word(part);
    mark(part, buffer);
    const std::string_view marked = buffer;
    if (!options_.split) return on_word(marked);
    for (std::size_t begin = 0; begin < marked.size();) {
      const std::size_t end = std::min(marked.find(options_.mark, begin + 1), marked.size());
      on_word(marked.substr(begin, end - begin));
      begin = end;
    }
  };
  if (!options_.whitespace_split) {
    if (!text.empty()) on_part(text);
    return;
  }
  for (std::size_t pos = skip_space(text, 0); pos < text.size();) {
    const std::size_t end = skip_nonspace(text, pos);
    on_part(text.substr(pos, end - pos));
    pos = skip_space(text, end);
  }
}

}  // namespace crossrank::text
