// Names of error codes.
#include "crossrank/result.h"

namespace crossrank {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {  // no default: a new code must be named here
    case ErrorCode::kInvalidArgument: return "InvalidArgument";
    case ErrorCode::kBadInput: return "BadInput";
    case ErrorCode::kTooLong: return "TooLong";
    case ErrorCode::kFileNotFound: return "FileNotFound";
    case ErrorCode::kIoError: return "IoError";
    case ErrorCode::kModelNotFound: return "ModelNotFound";
    case ErrorCode::kBadConfig: return "BadConfig";
    case ErrorCode::kBadTokenizer: return "BadTokenizer";
    case ErrorCode::kBadSafetensors: return "BadSafetensors";
    case ErrorCode::kBadWeights: return "BadWeights";
    case ErrorCode::kUnsupportedModel: return "UnsupportedModel";
    case ErrorCode::kUnsupportedIsa: return "UnsupportedIsa";
    case ErrorCode::kUnsupportedPrecision: return "UnsupportedPrecision";
    case ErrorCode::kNetwork: return "Network";
    case ErrorCode::kJudgeFailed: return "JudgeFailed";
    case ErrorCode::kDigestMismatch: return "DigestMismatch";
    case ErrorCode::kCancelled: return "Cancelled";
    case ErrorCode::kOverloaded: return "Overloaded";
    case ErrorCode::kOutOfMemory: return "OutOfMemory";
    case ErrorCode::kInternal: return "Internal";
  }
  return "Internal";
}

}  // namespace crossrank
