// Finds a model's files in a folder or among linked-in ones, shards included.
#include "weights/model_dir.h"

#include <functional>
#include <system_error>

#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "json/json.h"
#include "json/shard_index.h"

namespace crossrank::weights {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

// Where files come from: the one named, an absent Blob when there is none, or an error.
using Source = std::function<Result<base::Blob>(const std::string& name)>;

Result<base::Blob> read_file(const fs::path& path) {
  std::error_code ignored;  // "not found" is a status here, and map_file reports the rest
  const fs::file_status link = fs::symlink_status(path, ignored);
  if (link.type() == fs::file_type::not_found) return base::Blob();
  Result<base::Blob> blob = base::map_file(path);
  if (!blob.ok() && blob.error().code == ErrorCode::kFileNotFound && fs::is_symlink(link)) {
    return Error{ErrorCode::kFileNotFound, path.string() + ": a symbolic link to " +
                                               fs::read_symlink(path, ignored).string() +
                                               ", which does not exist. Download the model again."};
  }
  return blob;
}

Result<void> add_shards(const base::Blob& index, const Source& source, ModelDir& dir) {
  CR_TRY_ASSIGN(json::ShardIndex shards, json::parse_shard_index(index));
  for (const std::string& file : shards.files) {
    CR_TRY_ASSIGN(base::Blob shard, source(file));
    if (!shard) {
      return Error{ErrorCode::kFileNotFound,
                   dir.where + ": no " + json::quote(file) + ", which " + kIndexFile +
                       " names. Download the model again, all of its files."};
    }
    dir.weights.push_back(std::move(shard));
  }
  dir.indexed = std::move(shards.tensors);
  return {};
}

// In transformers' order: the single file, then the index. A pickle is never opened.
Result<void> add_weights(const Source& source, ModelDir& dir) {
  CR_TRY_ASSIGN(base::Blob single, source(kSingleFile));
  if (single) {
    dir.weights.push_back(std::move(single));
    return {};
  }
  CR_TRY_ASSIGN(const base::Blob index, source(kIndexFile));
  if (index) return add_shards(index, source, dir);
  for (const char* pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    CR_TRY_ASSIGN(const base::Blob found, source(pickle));
    if (!found) continue;
    return Error{
        ErrorCode::kUnsupportedModel,
        dir.where + ": the weights are there only as " + pickle +
            ", a Python pickle, which can run code and is not read. Convert them once: "
            "python -c \"from transformers import AutoModelForSequenceClassification as M; "
            "M.from_pretrained('IN').save_pretrained('OUT', safe_serialization=True)\"."};
  }
  return Error{ErrorCode::kFileNotFound,
               dir.where + ": no " + kSingleFile + " and no " + kIndexFile +
                   ". A model folder holds config.json, tokenizer.json or vocab.txt, and the "
                   "weights as safetensors."};
}

Result<ModelDir> assemble(std::string where, const Source& source, Need need) {
  ModelDir dir;
  dir.where = std::move(where);
  CR_TRY_ASSIGN(dir.config_json, source("config.json"));
  CR_TRY_ASSIGN(dir.tokenizer_json, source("tokenizer.json"));
  CR_TRY_ASSIGN(dir.vocab_txt, source("vocab.txt"));
  CR_TRY_ASSIGN(dir.tokenizer_config_json, source("tokenizer_config.json"));
  CR_TRY_ASSIGN(dir.special_tokens_map_json, source("special_tokens_map.json"));
  CR_TRY_ASSIGN(dir.added_tokens_json, source("added_tokens.json"));
  CR_TRY_ASSIGN(dir.modules_json, source("modules.json"));
  CR_TRY_ASSIGN(dir.sentence_transformers_json, source("config_sentence_transformers.json"));
  CR_TRY_ASSIGN(dir.sentence_bert_json, source("sentence_bert_config.json"));
  CR_TRY_ASSIGN(dir.calibration_json, source("crossrank_calibration.json"));
  if (need == Need::kModel && !dir.config_json) {
    return Error{ErrorCode::kFileNotFound,
                 dir.where +
                     ": no config.json. A model folder holds config.json, tokenizer.json "
                     "or vocab.txt, and model.safetensors."};
  }
  if (!dir.tokenizer_json && !dir.vocab_txt) {
    for (const char* name : {"sentencepiece.bpe.model", "spiece.model"}) {
      CR_TRY_ASSIGN(const base::Blob found, source(name));
      if (!found) continue;
      return Error{
          ErrorCode::kUnsupportedModel,
          dir.where + ": the tokenizer is there only as " + name +
              ", which is not read; tokenizer.json is needed. Convert it once: python -c \"from "
              "transformers import AutoTokenizer as T; T.from_pretrained('IN')"
              ".save_pretrained('OUT')\", and copy tokenizer.json from OUT."};
    }
    return Error{ErrorCode::kFileNotFound,
                 dir.where + ": no tokenizer.json and no vocab.txt; one of them is needed."};
  }
  if (need == Need::kModel) CR_TRY(add_weights(source, dir));
  return dir;
}

}  // namespace

Result<ModelDir> open_model_dir(const fs::path& folder, Need need) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::not_found) {
    return Error{ErrorCode::kFileNotFound, folder.string() + ": no such folder."};
  }
  if (!fs::status_known(status)) {
    return Error{ErrorCode::kIoError, folder.string() + ": " + error.message() + "."};
  }
  if (!fs::is_directory(status)) {
    return Error{ErrorCode::kIoError,
                 folder.string() +
                     ": not a folder. A model is a folder that holds config.json, tokenizer.json "
                     "or vocab.txt, and model.safetensors."};
  }
  return assemble(
      folder.string(), [&](const std::string& name) { return read_file(folder / name); }, need);
}

Result<ModelDir> model_dir_from_bytes(std::span<const base::NamedBytes> files, Need need) {
  const auto find = [&](const std::string& name) -> Result<base::Blob> {
    for (const base::NamedBytes& file : files) {
      if (file.name == name) return base::Blob("builtin/" + name, file.bytes);
    }
    return base::Blob();
  };
  return assemble("builtin", find, need);
}

Result<TensorMap> load_tensors(const ModelDir& dir) {
  std::vector<TensorMap> shards;
  for (const base::Blob& file : dir.weights) {
    CR_TRY_ASSIGN(TensorMap tensors, parse_safetensors(file));
    shards.push_back(std::move(tensors));
  }
  for (const auto& [name, shard] : dir.indexed) {
    if (shards[shard].contains(name)) continue;
    return Error{ErrorCode::kBadSafetensors,
                 dir.weights[shard].name() + ": no tensor " + json::quote(name) + ", which " +
                     kIndexFile + " promises there. Download the model again, all of its files."};
  }
  TensorMap all;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    all.merge(shards[i]);
    if (shards[i].empty()) continue;
    const std::string& name = shards[i].begin()->first;  // what merge() left behind is in `all`
    return Error{ErrorCode::kBadSafetensors,
                 dir.weights[i].name() + ": tensor " + json::quote(name) +
                     " is in another file of the model too. Download or convert it again."};
  }
  return all;
}

Result<std::string> weights_sha256(const ModelDir& dir) {
  for (const base::Blob& file : dir.weights) CR_TRY(base::check_unchanged(file));
  if (dir.weights.size() == 1) return base::sha256_hex(dir.weights[0].bytes());
  std::string digests;
  for (const base::Blob& file : dir.weights) {
    if (!digests.empty()) digests += '\n';
    digests += base::sha256_hex(file.bytes());
  }
  return base::sha256_hex(digests);
}

}  // namespace crossrank::weights
