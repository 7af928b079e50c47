// Reads the files of sentence-transformers 6.2.
#include "model/saved_settings.h"

#include "base/try.h"
#include "json/reader.h"

namespace crossrank::model {
namespace {

// A classifier is saved as one module, the Transformer in the model's own folder.
Result<void> check_modules(const base::Blob& file) {
  const Result<json::Value> root = json::parse(file.bytes());
  if (!root.ok()) return Error{ErrorCode::kBadConfig, file.name() + ": " + root.error().message};
  const json::Reader modules(file.name(), *root, ErrorCode::kBadConfig);
  if (!root->is_array() || root->empty()) return modules.bad("must be a list of modules");
  for (std::size_t i = 0; i < root->size(); ++i) {
    CR_TRY_ASSIGN(const std::string type, modules.item(i).member("type").string());
    CR_TRY_ASSIGN(const std::string path, modules.item(i).member("path").string());
    const bool transformer =
        type.starts_with("sentence_transformers.") && type.ends_with(".Transformer");
    if (i == 0 && transformer && path.empty()) continue;
    return modules.unsupported("module " + std::to_string(i) + ", " + json::quote(type) +
                               " in folder " + json::quote(path) +
                               ", is not supported, only one Transformer in the model's own "
                               "folder.");
  }
  return {};
}

Result<void> read_query_prompt(const json::Reader& in, SavedSettings& saved) {
  const json::Reader name = in.member("default_prompt_name");
  if (name.is_null()) return {};
  CR_TRY_ASSIGN(const std::string key, name.string());
  const json::Reader prompts = in.member("prompts");
  if (!prompts.is_null()) CR_TRY(prompts.expect_object());
  const json::Reader prompt = prompts.member(key);
  const json::Value& text = prompt.value();
  if (prompt.is_absent() || !(text.is_null() || text.is_string())) {
    return Error{ErrorCode::kBadConfig, in.file() + ": key `default_prompt_name` is " +
                                            json::quote(key) + ", but `prompts` has no such text."};
  }
  if (text.is_string()) saved.query_prompt = text.get<std::string>();
  return {};
}

Result<void> read_transformer_settings(const json::Reader& in, SavedSettings& saved) {
  if (const json::Reader length = in.member("max_seq_length"); !length.is_null()) {
    CR_TRY_ASSIGN(saved.max_seq_length, length.size());
  }
  if (const json::Reader task = in.member("transformer_task"); !task.is_null()) {
    CR_TRY_ASSIGN(const std::string name, task.string());
    if (name != "sequence-classification") {
      return in.unsupported("transformer_task " + json::quote(name) +
                            " is not supported, only \"sequence-classification\".");
    }
  }
  CR_TRY_ASSIGN(const bool lower_case, in.member("do_lower_case").boolean_or(false));
  if (lower_case) {
    return in.unsupported(
        "do_lower_case is true, which is not supported; let the tokenizer's own "
        "files say so.");
  }
  for (const char* key : {"processing_kwargs", "processor_kwargs", "tokenizer_args"}) {
    if (in.member(key).value().empty()) continue;  // null is empty too
    return in.unsupported("the settings in `" + std::string(key) +
                          "` are not supported; put them into tokenizer_config.json.");
  }
  return {};
}

}  // namespace

Result<SavedSettings> parse_saved_settings(const base::Blob& modules_json,
                                           const base::Blob& sentence_transformers_json,
                                           const base::Blob& sentence_bert_json) {
  SavedSettings saved;
  if (!modules_json || !sentence_transformers_json) return saved;
  CR_TRY_ASSIGN(const json::Value own_root,
                json::parse_object(sentence_transformers_json, ErrorCode::kBadConfig));
  const json::Reader own(sentence_transformers_json.name(), own_root, ErrorCode::kBadConfig);
  // Another kind of model is converted: the reference then goes by config.json alone.
  if (own.member("model_type").value() != "CrossEncoder") return saved;
  saved.present = true;
  CR_TRY(check_modules(modules_json));
  CR_TRY(read_query_prompt(own, saved));
  if (sentence_bert_json) {
    CR_TRY_ASSIGN(const json::Value root,
                  json::parse_object(sentence_bert_json, ErrorCode::kBadConfig));
    CR_TRY(
        read_transformer_settings({sentence_bert_json.name(), root, ErrorCode::kBadConfig}, saved));
  }
  return saved;
}

}  // namespace crossrank::model
