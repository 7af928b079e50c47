// Options whose value is one of a few names. For the files that name CLI11 anyway.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace crossrank::cli {

template <typename T>
struct Name {
  const char* name;
  T value;
};

// An option whose value is one of `names`.
template <typename T, typename Names>
CLI::Option* add_choice(CLI::App& app, const std::string& flag, T& value, const Names& names,
                        const std::string& help) {
  std::string all;
  for (const auto& n : names) all += (all.empty() ? "" : "|") + std::string(n.name);
  const std::vector<Name<T>> known(names.begin(), names.end());
  return app
      .add_option_function<std::string>(
          flag,
          [flag, known, all, &value](const std::string& text) {
            for (const auto& n : known) {
              if (text == n.name) {
                value = n.value;
                return;
              }
            }
            throw CLI::ValidationError(flag, "'" + text + "' is none of " + all);
          },
          help)
      ->type_name(all);
}

}  // namespace crossrank::cli
