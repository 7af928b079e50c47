// Where the builtin model is: linked in, or a folder beside the library. Chooses nothing.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "base/blob.h"

namespace crossrank::hub {

struct EmbeddedModel {
  std::span<const base::NamedBytes> files;  // valid as long as the process
  std::string_view weights_sha256;
};

// The model that the executable carries; null when it was linked without crossrank_builtin.
const EmbeddedModel* find_embedded();

// The installed folder share/crossrank/models/minilm-l6-crossrank, found by a path relative to the
// file that this code was loaded from (lib/libcrossrank.so, or bin/ for an executable).
std::optional<std::filesystem::path> find_installed_builtin();

// The same from a given lib/ or bin/ folder.
std::optional<std::filesystem::path> find_installed_builtin(const std::filesystem::path& beside);

}  // namespace crossrank::hub

// Defined by the library crossrank_builtin alone. C linkage: the linker joins the two.
extern "C" const crossrank::hub::EmbeddedModel* crossrank_embedded_model();
