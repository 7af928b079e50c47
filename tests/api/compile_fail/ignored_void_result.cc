// Success without a value cannot be ignored either.
// expect: (nodiscard|ignoring return)
#include "crossrank/result.h"

crossrank::Result<void> save();

bool saved() {
#ifdef MUST_FAIL
  save();
  return true;
#else
  return save().ok();
#endif
}
