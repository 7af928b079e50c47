// Looking things up in the Hugging Face cache.
#include "hub/hub_cache.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>

#include "hub/environment.h"
#include "hub/model_files.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolderPrefix = "models--";
constexpr std::size_t kMaxRefBytes = 256;  // a ref holds 40

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Huggingface_hub's rule for each half of an id: 1 to 96 of these characters, the first and the
// last a word character.
bool is_hub_name(std::string_view name) {
  const auto word = [](char c) { return is_alphanumeric(c) || c == '_'; };
  return !name.empty() && name.size() <= 96 && word(name.front()) && word(name.back()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return word(c) || c == '-' || c == '.'; });
}

// What refs/<revision> holds, or "".
std::string read_ref(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return "";
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxRefBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

// The commits that the refs of a model name, with the names; recursive, for refs/refs/pr/1.
std::map<std::string, std::vector<std::string>> refs_by_commit(const fs::path& refs) {
  std::map<std::string, std::vector<std::string>> out;
  std::error_code error;
  for (fs::recursive_directory_iterator it(refs, error), end; !error && it != end;
       it.increment(error)) {
    if (const std::string commit = read_ref(it->path()); !commit.empty()) {
      out[commit].push_back(it->path().lexically_relative(refs).generic_string());
    }
  }
  for (auto& [commit, names] : out) std::sort(names.begin(), names.end());
  return out;
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code file_error;
    if (!it->is_regular_file(file_error)) continue;
    const std::uintmax_t size = it->file_size(file_error);
    if (!file_error) bytes += size;
  }
  return bytes;
}

}  // namespace

fs::path default_cache_dir() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const std::string value = environment(name); !value.empty()) return expand_path(value);
  }
  return hf_home() / "hub";
}

bool is_revision(std::string_view name) {
  if (name.empty() || name.size() > 200 || name.front() == '/' || name.back() == '/') return false;
  const bool characters = std::all_of(name.begin(), name.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("._-/+@#=,").find(c) != std::string_view::npos;
  });
  // As git has it: no component is empty or begins with a dot, and ".." is nowhere.
  return characters && name.front() != '.' && name.find("..") == name.npos &&
         name.find("//") == name.npos && name.find("/.") == name.npos;
}

bool is_commit(std::string_view name) {
  return name.size() >= 5 && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

bool is_whole_commit(std::string_view name) {
  return (name.size() == 40 || name.size() == 64) && is_commit(name);
}

bool is_digest(std::string_view name) {
  return (name.size() == 40 || name.size() == 64) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

fs::path repo_folder(const fs::path& cache, std::string_view id) {
  std::string name(kFolderPrefix);
  for (const char c : id) {
    if (c == '/') {
      name += "--";
    } else {
      name += c;
    }
  }
  return cache / name;
}

bool is_hub_id(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (name.find("--") != name.npos || name.find("..") != name.npos || name.ends_with(".git")) {
    return false;
  }
  if (slash == name.npos) return is_hub_name(name);
  return is_hub_name(name.substr(0, slash)) && is_hub_name(name.substr(slash + 1));
}

std::optional<IdWithRevision> split_revision(std::string_view name) {
  const std::size_t at = name.find('@');
  if (at == name.npos || !is_hub_id(name.substr(0, at))) return std::nullopt;
  return IdWithRevision{std::string(name.substr(0, at)), std::string(name.substr(at + 1))};
}

std::vector<std::string> spellings(std::string_view id) {
  // The hub renamed this one; caches hold it under the name that was asked for.
  constexpr std::string_view kOld = "cross-encoder/ms-marco-MiniLM-L-6-v2";
  constexpr std::string_view kNew = "cross-encoder/ms-marco-MiniLM-L6-v2";
  std::vector<std::string> out = {std::string(id)};
  if (id == kOld) out.emplace_back(kNew);
  if (id == kNew) out.emplace_back(kOld);
  return out;
}

std::optional<fs::path> find_snapshot(const fs::path& cache, std::string_view id,
                                      std::string_view revision) {
  const std::string wanted(revision.empty() ? "main" : revision);
  if (!is_hub_id(id) || !is_revision(wanted)) return std::nullopt;
  const fs::path repo = repo_folder(cache, id);
  std::string commit = read_ref(repo / "refs" / wanted);
  if (commit.empty()) commit = wanted;  // a commit itself has no ref
  if (!is_revision(commit) || commit.find('/') != commit.npos) return std::nullopt;
  fs::path snapshot = repo / "snapshots" / commit;
  std::error_code error;
  if (!fs::is_directory(snapshot, error)) return std::nullopt;
  return snapshot;
}

std::vector<CachedModel> list_cached(const fs::path& cache) {
  std::vector<CachedModel> out;
  std::error_code error;
  for (fs::directory_iterator repo(cache, error), end; !error && repo != end;
       repo.increment(error)) {
    std::string id = repo->path().filename().string();
    if (!id.starts_with(kFolderPrefix)) continue;
    id.erase(0, kFolderPrefix.size());
    if (const std::size_t dashes = id.find("--"); dashes != id.npos) id.replace(dashes, 2, "/");
    if (!is_hub_id(id)) continue;
    auto refs = refs_by_commit(repo->path() / "refs");
    std::error_code snapshot_error;
    for (fs::directory_iterator it(repo->path() / "snapshots", snapshot_error);
         !snapshot_error && it != end; it.increment(snapshot_error)) {
      std::error_code type_error;
      if (!it->is_directory(type_error)) continue;
      CachedModel model;
      model.id = id;
      model.revision = it->path().filename().string();
      model.refs = std::move(refs[model.revision]);
      model.snapshot = it->path();
      model.bytes = bytes_in(model.snapshot);
      model.why_not = missing_from(model.snapshot, false);
      model.usable = model.why_not.empty();
      out.push_back(std::move(model));
    }
  }
  std::sort(out.begin(), out.end(), [](const CachedModel& a, const CachedModel& b) {
    return std::pair(a.id, a.revision) < std::pair(b.id, b.revision);
  });
  return out;
}

}  // namespace crossrank::hub
