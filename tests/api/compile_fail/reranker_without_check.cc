// A CrossEncoderReRanker exists only with options that were checked: create() or load().
// expect: private
#include <memory>
#include <utility>

#include "crossrank/rerankers.h"

auto make(std::shared_ptr<const crossrank::CrossEncoder> encoder) {
#ifdef MUST_FAIL
  return crossrank::CrossEncoderReRanker(std::move(encoder), {});
#else
  return crossrank::CrossEncoderReRanker::create(std::move(encoder));
#endif
}
