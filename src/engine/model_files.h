// A model's name to its files, opened. Parses none of them.
#pragma once

#include <string_view>

#include "crossrank/options.h"
#include "crossrank/result.h"
#include "hub/resolve.h"
#include "weights/model_dir.h"

namespace crossrank::engine {

struct ModelFiles {
  hub::ResolvedModel resolved;
  weights::ModelDir dir;  // its Blobs keep the bytes alive
};

// Errors: those of hub::resolve_model and weights::open_model_dir.
Result<ModelFiles> open_model(std::string_view name, const LoadOptions& options,
                              weights::Need need);

}  // namespace crossrank::engine
