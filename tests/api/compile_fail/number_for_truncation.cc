// Enumerations take their own names, not numbers.
// expect: (cannot convert|could not convert|cannot initialize)
#include "crossrank/options.h"

crossrank::ScoreOptions options() {
#ifdef MUST_FAIL
  return {.truncation = 1};
#else
  return {.truncation = crossrank::Truncation::kDocumentOnly};
#endif
}
