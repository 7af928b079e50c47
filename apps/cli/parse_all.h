// parse_all: a flag's text as a number, all of it or not at all.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <system_error>

namespace crossrank::cli {

template <typename T>
std::optional<T> parse_all(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [p, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || p != end) return std::nullopt;
  return value;
}

}  // namespace crossrank::cli
