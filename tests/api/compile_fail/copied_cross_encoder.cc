// A CrossEncoder owns weights and threads: it moves, and is not copied.
// expect: (deleted|call to implicitly-deleted)
#include <utility>

#include "crossrank/cross_encoder.h"

crossrank::CrossEncoder take(crossrank::CrossEncoder& encoder) {
#ifdef MUST_FAIL
  return encoder;
#else
  return std::move(encoder);
#endif
}
