// A Result is tested, not counted with: its bool is explicit.
// expect: (cannot convert|no viable conversion)
#include "crossrank/result.h"

int count(const crossrank::Result<int>& result) {
#ifdef MUST_FAIL
  return result;
#else
  return result ? *result : 0;
#endif
}
