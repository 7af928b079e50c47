// Exit codes: the one place where an ErrorCode becomes a number. Prints nothing.
#pragma once

#include "crossrank/result.h"

namespace crossrank::cli {

enum ExitCode : int {
  kDone = 0,
  kInternalError = 1,
  kUsage = 2,
  kResource = 3,  // a model, file or network that is missing, unusable or refused
  kBadData = 4,   // the data to be scored
  kDegraded = 5,  // results are there, but the judge degraded and --strict was given
  kInterrupted = 130,
};

ExitCode exit_code(ErrorCode code);

}  // namespace crossrank::cli
