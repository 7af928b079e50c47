// Where sentences begin, by punctuation and white space alone: no language model, no abbreviations.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/byte_span.h"

namespace crossrank::text {

// The numbers of the tokens with which sentences begin, rising, that of the text itself left out.
// `text` is valid UTF-8, `spans` [tokens] are those of its tokens.
//
// A sentence ends with a full stop, a question or exclamation mark (those of CJK, Arabic and
// Devanagari too) and the quotes and brackets that close behind it, when white space follows and
// then no small ASCII letter; behind a mark of full width nothing need follow. A blank line ends
// one too. "Dr. Who" is taken for two: a wrong guess costs a chunk some room, and never a token.
std::vector<std::uint32_t> sentence_starts(std::string_view text, std::span<const ByteSpan> spans);

}  // namespace crossrank::text
