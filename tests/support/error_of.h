// error_of(): the error of a result that should be one. For tests.
#pragma once

#include "crossrank/result.h"

namespace crossrank {

// kInternal, "no error" where there is a value.
template <typename T>
Error error_of(const Result<T>& result) {
  return result.ok() ? Error{ErrorCode::kInternal, "no error"} : result.error();
}

}  // namespace crossrank
