// Which exception class of crossrank/errors.py each ErrorCode becomes.
#include "errors.h"

#include <nanobind/stl/string.h>

#include <string>
#include <string_view>

#include "texts.h"

namespace crossrank::python {
namespace nb = nanobind;
namespace {

const char* class_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kBadInput:
    case ErrorCode::kTooLong: return "InvalidArgumentError";
    case ErrorCode::kFileNotFound:
    case ErrorCode::kModelNotFound: return "ModelNotFoundError";
    case ErrorCode::kBadConfig:
    case ErrorCode::kBadTokenizer:
    case ErrorCode::kBadSafetensors:
    case ErrorCode::kBadWeights:
    case ErrorCode::kUnsupportedModel:
    case ErrorCode::kUnsupportedIsa:
    case ErrorCode::kUnsupportedPrecision: return "ModelError";
    case ErrorCode::kIoError: return "FileError";
    case ErrorCode::kNetwork:
    case ErrorCode::kDigestMismatch: return "NetworkError";
    case ErrorCode::kJudgeFailed: return "JudgeFailedError";
    case ErrorCode::kCancelled: return "CancelledError";
    case ErrorCode::kOutOfMemory: return "OutOfMemoryError";
    case ErrorCode::kOverloaded:
    case ErrorCode::kInternal: return "EngineError";
  }
  return "EngineError";
}

[[noreturn]] void raise_class(const char* name, const Error& error) {
  const nb::object type = nb::module_::import_("crossrank.errors").attr(name);
  const nb::object exception =
      type(to_text(in_python(error.message)), std::string(to_string(error.code)));
  PyErr_SetObject(type.ptr(), exception.ptr());
  throw nb::python_error();
}

}  // namespace

std::string in_python(std::string message) {
  constexpr std::string_view kJudge = "JudgeOptions::";
  for (std::size_t at = message.find(kJudge); at != message.npos; at = message.find(kJudge, at)) {
    message.erase(at, kJudge.size());
  }
  return message;
}

void raise(const Error& error) { raise_class(class_of(error.code), error); }

void raise_input_type(const std::string& message) {
  raise_class("InputTypeError", {ErrorCode::kInvalidArgument, message});
}

}  // namespace crossrank::python
