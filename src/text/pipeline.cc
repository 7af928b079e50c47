// Pipeline: what both families share.
#include "text/pipeline.h"

#include <utility>

#include "base/utf8.h"

namespace crossrank::text {

Result<AddedTokenSets> build_added_tokens(const std::vector<AddedToken>& tokens) {
  std::vector<AddedToken> raw, normalized;
  for (const AddedToken& token : tokens) (token.normalized ? normalized : raw).push_back(token);
  AddedTokenSets sets;
  if (!sets.raw.build(std::move(raw)) || !sets.normalized.build(std::move(normalized))) {
    return Error{ErrorCode::kBadTokenizer, "there are too many added tokens"};
  }
  return sets;
}

AlignedText::AlignedText(std::vector<AlignedChar> normalized) : chars(std::move(normalized)) {
  for (std::size_t i = 0; i < chars.size(); ++i) {
    base::append_utf8(text, chars[i].c);
    of_byte.resize(text.size(), static_cast<std::uint32_t>(i));
  }
}

ByteSpan AlignedText::span(std::size_t begin, std::size_t end, std::size_t offset) const {
  const auto shift = static_cast<std::uint32_t>(offset);
  return {chars[of_byte[begin]].begin + shift, chars[of_byte[end - 1]].end + shift};
}

}  // namespace crossrank::text
