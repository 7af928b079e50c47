// rank() takes views: strings are not turned into views behind the caller's back.
// expect: (cannot convert|could not convert|no viable conversion)
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/cross_encoder.h"

bool rank(const crossrank::CrossEncoder& encoder, const std::vector<std::string>& documents) {
#ifdef MUST_FAIL
  return encoder.rank("query", documents).ok();
#else
  const std::vector<std::string_view> views(documents.begin(), documents.end());
  return encoder.rank("query", views).ok();
#endif
}
