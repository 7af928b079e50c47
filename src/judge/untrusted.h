// Foreign text made fit to stand in a prompt: no line of it can pass for one of ours, and nothing
// in it is a model's control token. Counts tokens by a careful estimate. Knows nothing of prompts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace crossrank::judge {

// How many tokens a text may take in a model whose tokenizer is not known.
enum class TokenCount {
  kEstimate,   // above what byte-level BPE vocabularies give for natural text
  kWorstCase,  // one a byte: no tokenizer of bytes gives more
};

std::size_t count_tokens(std::string_view text, TokenCount how);

// What quote() made of a text.
struct Quoted {
  std::string text;           // lines that begin with "| " and end in "\n"; "" for an empty text
  std::size_t tokens = 0;     // of `text`
  std::size_t chars_cut = 0;  // code points of the source that are not in it
};

// The beginning of `source` (any bytes), as far as `max_tokens` go, line by line:
// - a line break (also CR, VT, FF, NEL, U+2028, U+2029) begins a new line with "| ";
// - a tab is a space; other control characters and what shows nothing (all of Unicode's
//   Default_Ignorable_Code_Point: bidirectional marks, zero-width, tag and variation characters and
//   so on) are left out; bytes that are not UTF-8 are U+FFFD;
// - "<" before a letter, "/", "|" or U+FF5C, "[" before a letter, "/", "_" or "|", and "]" before
//   "~" get a space behind them, so that no role tag or control token of a chat template survives.
//   "[see below]" reads "[ see below]".
Quoted quote_lines(std::string_view source, std::size_t max_tokens, TokenCount how);

// The same treatment without line marks, as one line: for metadata. Line breaks are spaces.
std::string clean_line(std::string_view source);

}  // namespace crossrank::judge
