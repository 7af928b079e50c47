// The files of a model, and how a folder may fall short of them.
#include "hub/model_files.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "base/mapped_file.h"
#include "json/json.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxShards = 1000;

bool has_file(const fs::path& folder, std::string_view name) {
  std::error_code error;
  return fs::is_regular_file(folder / name, error);  // follows links
}

bool is_shard_name(std::string_view name) {
  return name.size() <= 200 && name.ends_with(".safetensors") && !name.starts_with('.') &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '/' && c != '\\'; });
}

std::string missing_weights(const fs::path& folder) {
  if (has_file(folder, kWeightsFile)) return "";
  if (!has_file(folder, kIndexFile)) {
    return has_file(folder, "pytorch_model.bin")
               ? "its only weights are pytorch_model.bin, a pickle, which is not read"
               : "it has no model.safetensors";
  }
  const fs::path index = folder / kIndexFile;
  const auto text = base::map_file(index);
  if (!text.ok()) return text.error().message;
  if (text->bytes().size() > kMaxJsonBytes) return index.string() + " exceeds 16 MB";
  const auto shards = shard_names(text->bytes(), index.string());
  if (!shards.ok()) return shards.error().message;
  for (const std::string& shard : *shards) {
    if (!has_file(folder, shard)) return "it has no " + shard;
  }
  return "";
}

}  // namespace

Result<std::vector<std::string>> shard_names(std::string_view index_json, std::string_view where) {
  const auto bad = [&](const std::string& what) {
    return Error{ErrorCode::kBadSafetensors, std::string(where) + ": " + what};
  };
  const auto index = json::parse(index_json);
  if (!index.ok()) return bad(index.error().message);
  const auto map = index->is_object() ? index->find("weight_map") : index->end();
  if (map == index->end() || !map->is_object() || map->empty()) {
    return bad("there is no \"weight_map\" in it that maps tensors to files.");
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !is_shard_name(file.get_ref<const std::string&>())) {
      return bad("\"weight_map\" names something that is not a .safetensors file beside it.");
    }
    names.insert(file.get_ref<const std::string&>());
    if (names.size() > kMaxShards) return bad("it names more than 1000 files.");
  }
  return std::vector<std::string>(names.begin(), names.end());
}

std::string missing_from(const fs::path& folder, bool tokenizer_only) {
  if (!has_file(folder, kTokenizerFile) && !has_file(folder, kVocabFile)) {
    return "it has neither tokenizer.json nor vocab.txt";
  }
  if (tokenizer_only) return "";
  if (!has_file(folder, kConfigFile)) return "it has no config.json";
  return missing_weights(folder);
}

std::string weights_digest(const fs::path& folder) {
  std::error_code error;
  const fs::path target = fs::read_symlink(folder / kWeightsFile, error);
  const std::string name = target.filename().string();
  const bool is_sha256 = name.size() == 64 && std::all_of(name.begin(), name.end(), [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                         });
  return !error && is_sha256 && target.parent_path().filename() == "blobs" ? name : "";
}

}  // namespace crossrank::hub
