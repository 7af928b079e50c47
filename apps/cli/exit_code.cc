// Exit codes: an exhaustive switch, so that a new ErrorCode does not compile without its number.
#include "exit_code.h"

namespace crossrank::cli {

ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupportedIsa:        // the value of --isa
    case ErrorCode::kUnsupportedPrecision:  // the value of --precision
      return kUsage;
    case ErrorCode::kBadInput:
    case ErrorCode::kTooLong: return kBadData;
    case ErrorCode::kFileNotFound:
    case ErrorCode::kIoError:
    case ErrorCode::kModelNotFound:
    case ErrorCode::kBadConfig:
    case ErrorCode::kBadTokenizer:
    case ErrorCode::kBadSafetensors:
    case ErrorCode::kBadWeights:
    case ErrorCode::kUnsupportedModel:
    case ErrorCode::kNetwork:
    case ErrorCode::kDigestMismatch: return kResource;
    case ErrorCode::kJudgeFailed: return kDegraded;
    case ErrorCode::kCancelled: return kInterrupted;
    case ErrorCode::kOverloaded:
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kInternal: return kInternalError;
  }
  return kInternalError;  // not reached: the switch is exhaustive
}

}  // namespace crossrank::cli
