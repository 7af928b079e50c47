// What `crossrank doctor` finds in the files of a model's folder. Changes nothing.
#pragma once

#include <filesystem>
#include <string>

#include "crossrank/result.h"

namespace crossrank::cli {

// The files in a snapshot of a hub's cache whose bytes are not those that the name of their blob
// promises, as in "config.json, model.safetensors"; "" when all are whole. Reads them all.
// Errors: kFileNotFound, kIoError, kCancelled.
Result<std::string> damaged_files(const std::filesystem::path& folder);

// Where tokenizer_config.json and tokenizer.json contradict each other about lower case, accents
// or Chinese characters, one sentence; "" when they do not, or when one of them is not there.
std::string tokenizer_conflict(const std::filesystem::path& folder);

}  // namespace crossrank::cli
