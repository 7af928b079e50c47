// Letter case of ASCII, whatever the locale; other bytes stay as they are.
#pragma once

#include <string>
#include <string_view>

namespace crossrank::base {

inline std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace crossrank::base
