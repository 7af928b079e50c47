// Model names to files: builtin, folders, the Hugging Face cache. Downloads only when told to.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/blob.h"
#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank::hub {

// Where a model's files are.
struct ResolvedModel {
  std::string name;    // a hub id as the user knows it, a folder's path, or "builtin"
  std::string source;  // the folder, or "embedded"
  std::variant<std::filesystem::path, std::span<const base::NamedBytes>> files;
  std::string
      weights_sha256;  // when known without hashing (embedded; a cache blob's name); else ""
  std::string note;    // one line for the user (default chain fell back to builtin); else ""
};

// The part of LoadOptions that matters here.
struct ResolveOptions {
  std::string revision;   // "" = main
  std::string cache_dir;  // "" = the environment's
  std::string token;      // "" = HF_TOKEN
  bool local_files_only = false;
  bool tokenizer_only = false;  // weights need not be there, and are not fetched
  const std::atomic<bool>* cancel = nullptr;
  Progress progress;
  std::function<void()> before_download;  // called once, when a download is about to start
};

// "builtin" is the folder CROSSRANK_BUILTIN, else the embedded model, else the installed folder.
// "" = the default chain (CROSSRANK_MODEL, MiniLM where cached, builtin), which never downloads.
// A folder that exists wins over a hub id of the same spelling. "ORG/NAME@REVISION" is a hub id
// with its revision. Errors: kModelNotFound (no such folder or hub model; one that is not cached
// names `crossrank pull` and `builtin`), those of pull() when a download was tried,
// kInvalidArgument (a revision of something that has none, or two of them).
Result<ResolvedModel> resolve_model(std::string_view name, const ResolveOptions& options);

}  // namespace crossrank::hub
