// Fetching a model from a hub into the cache: resume, digest check, atomic rename.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank::hub {

struct PullOptions {
  std::string revision;   // "" = main
  std::string cache_dir;  // "" = the environment's
  std::string token;      // "" = HF_TOKEN, HF_TOKEN_PATH or HF_HOME/token
  bool tokenizer_only = false;
  const std::atomic<bool>* cancel = nullptr;
  Progress progress;  // bytes over all files
  // Of the network; tests shorten them.
  std::chrono::seconds stall{30};              // a transfer below 1 KB/s for so long has failed
  std::chrono::milliseconds retry_delay{500};  // before the second attempt; doubles each time
};

// Downloads what is needed of `id` and returns its snapshot folder; what the cache has already is
// not fetched again, unless it is damaged. HF_ENDPOINT is honoured; with HF_HUB_OFFLINE=1 a model
// that the cache has whole is returned unchecked, and another is kNetwork at once. Interrupted
// files stay as *.incomplete and are resumed. The snapshot and its ref appear when all is there. A
// hub that answers for another commit than was asked for is kNetwork.
// Errors: kInvalidArgument (not a hub id or revision), kModelNotFound (404), kNetwork (unreachable,
// 401/403 with what to do, libcurl missing), kDigestMismatch, kIoError, kUnsupportedModel (no
// safetensors or no tokenizer there), kBadSafetensors (a malformed index of shards), kCancelled.
Result<std::filesystem::path> pull(std::string_view id, const PullOptions& options);

}  // namespace crossrank::hub
