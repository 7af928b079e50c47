// Result<Error> would not know success from failure.
// expect: static.?assert
#include <string>

#include "crossrank/result.h"

#ifdef MUST_FAIL
using Holder = crossrank::Result<crossrank::Error>;
#else
using Holder = crossrank::Result<std::string>;
#endif
const Holder kHolder = Holder(Holder::value_type());
