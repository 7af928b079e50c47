// The files of a model, and how a folder may fall short of them.
#include "hub/model_files.h"

#include <algorithm>
#include <system_error>

#include "base/mapped_file.h"
#include "hub/hub_cache.h"
#include "json/shard_index.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

bool has_file(const fs::path& folder, std::string_view name) {
  std::error_code error;
  return fs::is_regular_file(folder / name, error);  // follows links
}

std::string missing_weights(const fs::path& folder) {
  if (has_file(folder, kWeightsFile)) return "";
  if (!has_file(folder, kIndexFile)) {
    return has_file(folder, "pytorch_model.bin")
               ? "its only weights are pytorch_model.bin, a pickle, which is not read"
               : "it has no model.safetensors";
  }
  const auto file = base::map_file(folder / kIndexFile);
  if (!file.ok()) return file.error().message;
  const auto index = json::parse_shard_index(*file);
  if (!index.ok()) return index.error().message;
  for (const std::string& shard : index->files) {
    if (!has_file(folder, shard)) return "it has no " + shard;
  }
  return "";
}

}  // namespace

std::string missing_from(const fs::path& folder, bool tokenizer_only) {
  if (!has_file(folder, kTokenizerFile) && !has_file(folder, kVocabFile)) {
    for (const std::string_view name : kSentencePieceFiles) {
      if (has_file(folder, name)) {
        return "it has no tokenizer.json, which transformers makes of its " + std::string(name);
      }
    }
    return "it has neither tokenizer.json nor vocab.txt";
  }
  if (tokenizer_only) return "";
  if (!has_file(folder, kConfigFile)) return "it has no config.json";
  return missing_weights(folder);
}

std::string blob_name(const fs::path& file) {
  std::error_code error;
  const fs::path target = fs::read_symlink(file, error);
  const std::string name = target.filename().string();
  return !error && is_digest(name) && target.parent_path().filename() == "blobs" ? name : "";
}

std::string weights_digest(const fs::path& folder) {
  const std::string name = blob_name(folder / kWeightsFile);
  return name.size() == 64 ? name : "";  // the id of a git blob is no SHA-256
}

}  // namespace crossrank::hub
