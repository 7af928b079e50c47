// The Hugging Face cache on disk: models--org--name/{refs,snapshots,blobs}. No network.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crossrank::hub {

// HF_HUB_CACHE (or its old name HUGGINGFACE_HUB_CACHE), else HF_HOME/hub, else
// XDG_CACHE_HOME/huggingface/hub, else
// ~/.cache/huggingface/hub.
std::filesystem::path default_cache_dir();

// True for a name that can be a folder inside refs/ or snapshots/: a branch, a tag, "refs/pr/1".
bool is_revision(std::string_view name);

// True for 5 to 64 hex digits: a commit, whole or abbreviated.
bool is_commit(std::string_view name);

// True for a whole one: 40 hex digits, or 64.
bool is_whole_commit(std::string_view name);

// True for what a blob is named by: 40 lower-case hex digits (a git blob) or 64 (SHA-256).
bool is_digest(std::string_view name);

// cache/models--org--name
std::filesystem::path repo_folder(const std::filesystem::path& cache, std::string_view id);

// True for "name" or "org/name" of the characters the hub allows (and no "..", "--").
bool is_hub_id(std::string_view name);

// "org/name@revision" in its parts; no value without an "@" behind a hub id.
struct IdWithRevision {
  std::string id;
  std::string revision;
};
std::optional<IdWithRevision> split_revision(std::string_view name);

// Other spellings under which the same model may be cached, `id` first:
// cross-encoder/ms-marco-MiniLM-L-6-v2 and cross-encoder/ms-marco-MiniLM-L6-v2.
std::vector<std::string> spellings(std::string_view id);

// The snapshot folder of `id` at `revision` ("" = main; a branch, tag or commit), if it is there.
std::optional<std::filesystem::path> find_snapshot(const std::filesystem::path& cache,
                                                   std::string_view id, std::string_view revision);

struct CachedModel {
  std::string id;
  std::string revision;  // commit
  std::vector<std::string> refs;
  std::filesystem::path snapshot;
  std::uint64_t bytes = 0;
  bool usable = false;  // has a config, a tokenizer and safetensors weights
  std::string why_not;  // "" when usable
};

// Every model in the cache, by id, for `crossrank models`.
std::vector<CachedModel> list_cached(const std::filesystem::path& cache);

}  // namespace crossrank::hub
