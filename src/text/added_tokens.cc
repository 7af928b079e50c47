// AddedTokens: the search, and the characters around a match.
#include "text/added_tokens.h"

#include <cstring>
#include <utility>

#include "base/utf8.h"

namespace crossrank::text {
namespace {

std::uint16_t flags_at(std::string_view text, std::size_t pos) {
  return code_point(base::decode_utf8(text, pos)).flags;
}

// Where the code point that ends at `end` (not 0) begins.
std::size_t previous(std::string_view text, std::size_t end) {
  do {
    --end;
  } while (end > 0 && base::is_continuation(text[end]));
  return end;
}

}  // namespace

bool AddedTokens::build(std::vector<AddedToken> tokens) {
  tokens_ = std::move(tokens);
  std::vector<DoubleArray::Key> keys;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& pattern = tokens_[i].pattern;
    keys.push_back({pattern, static_cast<std::int32_t>(i)});
    const auto byte = static_cast<unsigned char>(pattern[0]);
    first_bytes_[byte] = true;
    only_first_byte_ = i == 0 || only_first_byte_ == byte ? byte : -1;
  }
  return patterns_.build(std::move(keys));
}

AddedTokens::Found AddedTokens::next(std::string_view text, std::size_t pos) const {
  for (; pos < text.size(); ++pos) {
    if (only_first_byte_ >= 0) {
      const void* found = std::memchr(text.data() + pos, only_first_byte_, text.size() - pos);
      if (found == nullptr) return {};
      pos = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    } else if (!first_bytes_[static_cast<unsigned char>(text[pos])]) {
      continue;
    }
    const DoubleArray::Match match = patterns_.longest(DoubleArray::kRoot, text.substr(pos));
    if (match.length != 0) {
      return {pos, pos + match.length, &tokens_[static_cast<std::size_t>(match.value)]};
    }
  }
  return {};
}

bool AddedTokens::stands_alone(std::string_view text, const Found& found) {
  if (found.begin > 0 && (flags_at(text, previous(text, found.begin)) & kWord)) return false;
  return found.end == text.size() || !(flags_at(text, found.end) & kWord);
}

std::size_t trim_end(std::string_view text, std::size_t from) {
  std::size_t end = text.size();
  while (end > from) {
    const std::size_t begin = previous(text, end);
    if (!(flags_at(text, begin) & kSpace)) break;
    end = begin;
  }
  return end;
}

std::size_t skip_space(std::string_view text, std::size_t pos) {
  while (pos < text.size()) {
    std::size_t next = pos;
    if (!(code_point(base::decode_utf8(text, next)).flags & kSpace)) break;
    pos = next;
  }
  return pos;
}

}  // namespace crossrank::text
