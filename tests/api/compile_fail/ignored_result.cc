// A Result that nobody looks at does not compile.
// expect: (nodiscard|ignoring return)
#include "crossrank/crossrank.h"

void warm_up() {
#ifdef MUST_FAIL
  crossrank::CrossEncoder::load("builtin");
#else
  static_cast<void>(crossrank::CrossEncoder::load("builtin"));
#endif
}
