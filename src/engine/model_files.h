// A model's name to its files, opened, and what is read from several of them together.
#pragma once

#include <string_view>

#include "crossrank/options.h"
#include "crossrank/result.h"
#include "hub/resolve.h"
#include "model/saved_settings.h"
#include "text/tokenizer.h"
#include "weights/model_dir.h"

namespace crossrank::engine {

struct ModelFiles {
  hub::ResolvedModel resolved;
  weights::ModelDir dir;  // its Blobs keep the bytes alive
};

// Errors: those of hub::resolve_model and weights::open_model_dir.
Result<ModelFiles> open_model(std::string_view name, const LoadOptions& options,
                              weights::Need need);

// Errors: those of model::parse_saved_settings.
Result<model::SavedSettings> read_saved_settings(const weights::ModelDir& dir);
// Errors: those of text::Tokenizer::load.
Result<text::Tokenizer> read_tokenizer(const weights::ModelDir& dir);

}  // namespace crossrank::engine
