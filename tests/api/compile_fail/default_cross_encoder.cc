// There is no CrossEncoder without a model.
// expect: no matching (function|constructor)
#include <optional>

#include "crossrank/cross_encoder.h"

#ifdef MUST_FAIL
crossrank::CrossEncoder encoder;
#else
std::optional<crossrank::CrossEncoder> encoder;
#endif
