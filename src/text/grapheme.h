// Graphemes: where the user-perceived character that begins at a place ends. Its tables are in
// unicode_tables.h.
#pragma once

#include <cstddef>
#include <string_view>

namespace crossrank::text {

// The end of the extended grapheme cluster that begins at `pos`, which lies before the end of
// `text` (valid UTF-8). Exact for clusters of less than 6 bytes, for which alone the reference
// asks; of the longer ones two flags (pairs of regional indicators) are taken apart.
std::size_t grapheme_end(std::string_view text, std::size_t pos);

}  // namespace crossrank::text
