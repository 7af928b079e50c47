// A model's name to its files, and which reader gets which of them.
#include "engine/model_files.h"

#include <filesystem>
#include <utility>

#include "base/try.h"

namespace crossrank::engine {

Result<ModelFiles> open_model(std::string_view name, const LoadOptions& options,
                              weights::Need need) {
  hub::ResolveOptions where;
  where.revision = options.revision;
  where.cache_dir = options.cache_dir;
  where.token = options.token;
  where.local_files_only = options.local_files_only;
  where.tokenizer_only = need == weights::Need::kTokenizer;
  where.progress = options.progress;
  where.cancel = options.cancel;
  ModelFiles files;
  CR_TRY_ASSIGN(files.resolved, hub::resolve_model(name, where));
  if (const auto* folder = std::get_if<std::filesystem::path>(&files.resolved.files)) {
    CR_TRY_ASSIGN(files.dir, weights::open_model_dir(*folder, need));
  } else {
    const auto& embedded = std::get<std::span<const base::NamedBytes>>(files.resolved.files);
    CR_TRY_ASSIGN(files.dir, weights::model_dir_from_bytes(embedded, need));
  }
  return files;
}

Result<model::SavedSettings> read_saved_settings(const weights::ModelDir& dir) {
  return model::parse_saved_settings(dir.modules_json, dir.sentence_transformers_json,
                                     dir.sentence_bert_json);
}

Result<text::Tokenizer> read_tokenizer(const weights::ModelDir& dir) {
  return text::Tokenizer::load(dir.tokenizer_json, dir.vocab_txt, dir.tokenizer_config_json,
                               {dir.special_tokens_map_json, dir.added_tokens_json});
}

}  // namespace crossrank::engine
