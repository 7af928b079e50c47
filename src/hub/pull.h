// Fetching a model from a hub into the cache: resume, digest check, atomic rename.
#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>

#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank::hub {

struct PullOptions {
  std::string revision;   // "" = main
  std::string cache_dir;  // "" = the environment's
  std::string token;      // "" = HF_TOKEN
  bool tokenizer_only = false;
  const std::atomic<bool>* cancel = nullptr;
  Progress progress;  // bytes over all files
};

// Downloads what is needed of `id` and returns its snapshot folder. HF_ENDPOINT is honoured;
// HF_HUB_OFFLINE=1 is kNetwork at once. Interrupted files stay as *.incomplete and are resumed.
// Errors: kModelNotFound (404), kNetwork (unreachable, 401/403 with what to do, libcurl missing),
// kDigestMismatch, kIoError, kUnsupportedModel (no safetensors there), kCancelled.
Result<std::filesystem::path> pull(std::string_view id, const PullOptions& options);

}  // namespace crossrank::hub
