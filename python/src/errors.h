// crossrank::Error as a Python exception: the third face of ErrorCode, beside exit codes and HTTP.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <utility>

#include "crossrank/result.h"

namespace crossrank::python {

// A message with the library's options under their names in Python.
std::string in_python(std::string message);

// Throws nanobind::python_error with the class of crossrank.errors that the code has. Needs the
// GIL.
[[noreturn]] void raise(const Error& error);

// Throws crossrank.errors.InputTypeError. Needs the GIL.
[[noreturn]] void raise_input_type(const std::string& message);

// The value, or the exception. Needs the GIL.
template <typename T>
T value_or_raise(Result<T> result) {
  if (!result.ok()) raise(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace crossrank::python
