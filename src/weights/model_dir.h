// ModelDir: the files of a model, from a folder or linked in, and their tensors. Reads no numbers.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/blob.h"
#include "crossrank/result.h"
#include "weights/safetensors.h"
#include "weights/tensor.h"

namespace crossrank::weights {

// Absent files are empty Blobs.
struct ModelDir {
  std::string where;  // for messages: the folder, or "builtin"
  base::Blob config_json;
  base::Blob tokenizer_json;
  base::Blob vocab_txt;
  base::Blob tokenizer_config_json;
  base::Blob special_tokens_map_json;
  base::Blob added_tokens_json;
  base::Blob modules_json;
  base::Blob sentence_transformers_json;  // config_sentence_transformers.json
  base::Blob sentence_bert_json;          // sentence_bert_config.json
  base::Blob calibration_json;            // crossrank_calibration.json
  std::vector<base::Blob> weights;        // one file, or the shards in file name order
  // What the index of sharded weights promises: a tensor's name and its shard's place in `weights`.
  std::vector<std::pair<std::string, std::size_t>> indexed;
};

// Which files a caller needs; a missing one is then an error. kTokenizer leaves `weights` empty.
enum class Need { kTokenizer, kModel };

// Errors: kFileNotFound with what was looked for; kIoError when the folder is a file or something
// in it cannot be read; kUnsupportedModel when there is only pytorch_model.bin (pickle), with the
// sentence that says how to convert it; kBadSafetensors for a model.safetensors.index.json that
// parse_shard_index() refuses.
Result<ModelDir> open_model_dir(const std::filesystem::path& folder, Need need);

// The same from files linked into the executable.
Result<ModelDir> model_dir_from_bytes(std::span<const base::NamedBytes> files, Need need);

// All tensors of all weight files. A name in two shards, and one that the index promises in a shard
// that lacks it, are kBadSafetensors.
Result<TensorMap> load_tensors(const ModelDir& dir);

// SHA-256 of the weights: of the one file's bytes, or of the shards' hex digests joined by
// newlines. Error: kIoError when a file has been written to since it was opened.
Result<std::string> weights_sha256(const ModelDir& dir);

}  // namespace crossrank::weights
