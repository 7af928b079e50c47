// The error vocabulary of crossrank: ErrorCode, Error and Result<T>. Not a logging or exception
// layer.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace crossrank {

/// What went wrong. Each value has one meaning, one name (`to_string`) and one exit code in the
/// CLI.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,  ///< A parameter is out of range or contradicts another one.
  kBadInput,         ///< Data to be scored (a JSON line, a document, a TREC file) is malformed.
  kTooLong,          ///< A text exceeds max_length and the truncation policy forbids cutting it.
  kFileNotFound,     ///< A named file or folder does not exist.
  kIoError,          ///< The operating system refused to read, map, write or rename a file.
  kModelNotFound,    ///< A model name is neither a folder, nor cached, nor could it be fetched.
  kBadConfig,        ///< config.json (or a calibration) is malformed or contradicts the weights.
  kBadTokenizer,     ///< tokenizer.json or vocab.txt is malformed.
  kBadSafetensors,   ///< A safetensors file violates the format.
  kBadWeights,       ///< A tensor is missing, has another shape or dtype, or holds NaN or infinity.
  kUnsupportedModel,      ///< The architecture or a feature of it is not implemented; it is named.
  kUnsupportedIsa,        ///< The instruction set asked for is unknown here or this CPU lacks it.
  kUnsupportedPrecision,  ///< The precision asked for is not available on the chosen ISA.
  kNetwork,               ///< A transfer failed, or libcurl could not be opened.
  kJudgeFailed,           ///< The judge degraded the ranking, and `strict` forbids that.
  kDigestMismatch,        ///< Downloaded bytes do not have the digest that the server announced.
  kCancelled,             ///< The caller asked to stop.
  kOverloaded,            ///< A limit on work in progress was reached; try again later.
  kOutOfMemory,           ///< An allocation failed.
  kInternal,              ///< A defect of crossrank (for example a NaN logit from finite weights).
};

/// The name of a code, for example "BadConfig". Never empty.
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// A code, and a sentence that says what happened and what to do about it.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
};

/// Thrown by `Result<T>::value()`, and by nothing else in this library.
class ResultError : public std::runtime_error {
 public:
  explicit ResultError(const Error& error)
      : std::runtime_error(std::string(to_string(error.code)) + ": " + error.message),
        code_(error.code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// Either a T or an Error. `ok()` and `error()` for those who test, `value()` for those who prefer
/// exceptions. Calling `error()` on a success or `operator*` on a failure is a programmer's error.
template <typename T>
class [[nodiscard]] Result {
  static_assert(!std::is_reference_v<T> && !std::is_same_v<std::remove_cv_t<T>, Error>);

 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const Error& error() const& { return *std::get_if<1>(&state_); }
  [[nodiscard]] Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

  /// The value; throws ResultError when there is none.
  [[nodiscard]] T& value() & { return throw_if_error(), *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return throw_if_error(), *std::get_if<0>(&state_); }
  /// By value, so that `for (auto& x : f().value())` iterates over something that lives.
  [[nodiscard]] T value() && { return throw_if_error(), std::move(*std::get_if<0>(&state_)); }

  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

 private:
  void throw_if_error() const {
    if (const Error* e = std::get_if<1>(&state_)) throw ResultError(*e);
  }

  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] const Error& error() const& { return *error_; }
  [[nodiscard]] Error&& error() && { return std::move(*error_); }
  void value() const {
    if (error_) throw ResultError(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace crossrank
