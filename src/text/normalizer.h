// Normalizer: what BertNormalizer does to a text before it is split. Knows nothing of words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode_tables.h"

namespace crossrank::text {

// The stages, in the order in which they run. All false: the text stays as it is.
struct NormalizerOptions {
  bool clean_text = false;            // drop control characters, make white space U+0020
  bool handle_chinese_chars = false;  // a space before and behind each ideograph
  bool strip_accents = false;         // NFD, then drop nonspacing marks
  bool lowercase = false;             // character by character: there is no final sigma
};

// A normalized code point and the source bytes [begin, end) it comes from.
struct AlignedChar {
  char32_t c = 0;
  std::uint32_t begin = 0, end = 0;
};

// The code points of `text`, each from where it stands.
std::vector<AlignedChar> decode_aligned(std::string_view text);

// Stage after stage over the whole text, with source spans. NormalizerStream gives the same code
// points without them, faster; tests and a fuzzer compare the two.
std::vector<AlignedChar> normalize_aligned(std::string_view text, const NormalizerOptions& options);

// The normalized text as UTF-8.
std::string normalize(std::string_view text, const NormalizerOptions& options);

// Normalizes one code point after another. The one thing that looks beyond a code point is
// canonical order: those with a combining class wait until a starter comes. Few ever wait, since
// nonspacing marks, nearly all of them, are dropped whatever their order.
class NormalizerStream {
 public:
  explicit NormalizerStream(const NormalizerOptions& options) : options_(options) {}

  // Calls sink(char32_t) for each code point that is now settled.
  template <typename Sink>
  void push(char32_t c, Sink&& sink);
  // The end of the text: the code points that wait are settled.
  template <typename Sink>
  void finish(Sink&& sink);
  bool waiting() const { return !waiting_.empty(); }

 private:
  struct Waiting {
    char32_t c;
    CodePoint properties;
  };

  template <typename Sink>
  void decomposed(char32_t c, CodePoint properties, Sink&& sink);
  template <typename Sink>
  void lowered(char32_t c, CodePoint properties, Sink&& sink) const;
  void sort_waiting();

  NormalizerOptions options_;
  std::vector<Waiting> waiting_;
};

template <typename Sink>
void NormalizerStream::push(char32_t c, Sink&& sink) {
  CodePoint properties = code_point(c);
  if (options_.clean_text) {
    if (properties.flags & kCleanRemoved) return;
    if (properties.flags & kCleanSpace) {
      c = U' ';
      properties = code_point(c);
    }
  }
  const bool ideograph = options_.handle_chinese_chars && (properties.flags & kCjk);
  if (ideograph) decomposed(U' ', code_point(U' '), sink);
  if (options_.strip_accents && (properties.flags & kDecomposes)) {
    char32_t hangul[3];
    for (const char32_t part : decompose(c, hangul)) decomposed(part, code_point(part), sink);
  } else {
    decomposed(c, properties, sink);
  }
  if (ideograph) decomposed(U' ', code_point(U' '), sink);
}

template <typename Sink>
void NormalizerStream::finish(Sink&& sink) {
  if (waiting_.empty()) return;
  sort_waiting();
  for (const Waiting& w : waiting_) lowered(w.c, w.properties, sink);
  waiting_.clear();
}

template <typename Sink>
void NormalizerStream::decomposed(char32_t c, CodePoint properties, Sink&& sink) {
  if (options_.strip_accents) {
    if (properties.combining_class == 0) finish(sink);  // also before a mark that is then dropped
    if (properties.flags & kMark) return;
    if (properties.combining_class != 0) {
      waiting_.push_back({c, properties});
      return;
    }
  }
  lowered(c, properties, sink);
}

template <typename Sink>
void NormalizerStream::lowered(char32_t c, CodePoint properties, Sink&& sink) const {
  if (options_.lowercase && (properties.flags & kLowers)) {
    for (const char32_t l : lower(c)) sink(l);
  } else {
    sink(c);
  }
}

}  // namespace crossrank::text
