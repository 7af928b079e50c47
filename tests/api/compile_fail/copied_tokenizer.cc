// A Tokenizer owns its vocabulary: it moves, and is not copied.
// expect: (deleted|call to implicitly-deleted)
#include <utility>

#include "crossrank/tokenizer.h"

crossrank::Tokenizer take(crossrank::Tokenizer& tokenizer) {
#ifdef MUST_FAIL
  return tokenizer;
#else
  return std::move(tokenizer);
#endif
}
