// AddedTokens: tokens that are found in the text itself, before it is split into words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/double_array.h"
#include "text/unicode_tables.h"

namespace crossrank::text {

struct AddedToken {
  std::string content;
  std::string pattern;  // what is looked for: the content, normalized if the flag says so
  std::int32_t id = 0;
  bool single_word = false;  // not beside a word character
  bool lstrip = false;       // takes the white space in front of it along
  bool rstrip = false;       // and behind it
  bool normalized = false;   // looked for in the normalized text
};

// Finds a set of patterns in a text: at each place from the left the longest, as the reference's
// Aho-Corasick automaton does. A match that single_word forbids still uses up its bytes.
class AddedTokens {
 public:
  AddedTokens() = default;
  // No pattern is empty. False when they are too many.
  bool build(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }

  // Cuts `text` into pieces, none empty, in order: on_piece(begin, end, id) with id -1 for what
  // lies between the matches. Pieces can overlap when a pattern begins with white space.
  template <typename OnPiece>
  void split(std::string_view text, OnPiece&& on_piece) const;

 private:
  struct Found {
    std::size_t begin = 0, end = 0;     // of the pattern
    const AddedToken* token = nullptr;  // nullptr: nothing more in the text
  };
  Found next(std::string_view text, std::size_t pos) const;
  static bool stands_alone(std::string_view text, const Found& found);

  std::vector<AddedToken> tokens_;
  DoubleArray patterns_;                    // to the index of the token
  std::array<bool, 256> first_bytes_ = {};  // of the patterns
  int only_first_byte_ = -1;                // if they all begin with one byte
};

// Length of the text without the white space at its end, looking back no further than `from`.
std::size_t trim_end(std::string_view text, std::size_t from);
// Offset of the first character at or behind `pos` that is not white space.
std::size_t skip_space(std::string_view text, std::size_t pos);

template <typename OnPiece>
void AddedTokens::split(std::string_view text, OnPiece&& on_piece) const {
  std::size_t done = 0;        // the end of the last match with its white space
  std::size_t space_from = 0;  // what skip_space last found, so that no white space is read twice
  std::size_t space_to = 0;
  std::size_t pos = 0;
  if (!tokens_.empty()) {
    for (Found found = next(text, pos); found.token != nullptr; found = next(text, pos)) {
      pos = found.end;
      const AddedToken& token = *found.token;
      if (token.single_word && !stands_alone(text, found)) continue;
      std::size_t begin = found.begin;
      std::size_t end = found.end;
      if (token.lstrip) begin = done < begin ? trim_end(text.substr(0, begin), done) : done;
      if (token.rstrip) {
        if (end < space_from || end > space_to) {
          space_from = end;
          space_to = skip_space(text, end);
        }
        end = space_to;
      }
      if (done < begin) on_piece(done, begin, -1);
      // An earlier match can have taken all of this one (the reference then fails).
      if (begin < end) on_piece(begin, end, token.id);
      done = end;
    }
  }
  if (done < text.size()) on_piece(done, text.size(), -1);
}

}  // namespace crossrank::text
