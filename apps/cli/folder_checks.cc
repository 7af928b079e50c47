// Digests of cached files, and the two files that describe one tokenizer.
#include "folder_checks.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include "base/mapped_file.h"
#include "base/try.h"
#include "hub/blob_store.h"
#include "hub/model_files.h"
#include "interrupt.h"
#include "json/json.h"

namespace crossrank::cli {
namespace {

namespace fs = std::filesystem;

// Null for what is absent or no JSON: loading the model says what is wrong with it.
json::Value read_json(const fs::path& path) {
  const auto bytes = base::map_file(path);
  if (!bytes.ok()) return nullptr;
  auto value = json::parse(bytes->bytes());
  return value.ok() ? *std::move(value) : json::Value();
}

// The BertNormalizer of a tokenizer.json, which may stand in a Sequence; null if there is none.
json::Value find_normalizer(const json::Value& stage) {
  if (!stage.is_object()) return nullptr;
  if (stage.value("type", "") == "BertNormalizer") return stage;
  if (const auto list = stage.find("normalizers"); list != stage.end() && list->is_array()) {
    for (const json::Value& item : *list) {
      if (json::Value found = find_normalizer(item); !found.is_null()) return found;
    }
  }
  return nullptr;
}

}  // namespace

Result<std::string> damaged_files(const fs::path& folder) {
  std::vector<std::string> damaged;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string digest = hub::blob_name(it->path());
    if (digest.empty()) continue;
    CR_TRY_ASSIGN(const std::string found, hub::blob_digest(it->path(), digest, &interrupted()));
    if (found != digest) damaged.push_back(it->path().filename().string());
  }
  std::sort(damaged.begin(), damaged.end());
  std::string names;
  for (const std::string& name : damaged) names += (names.empty() ? "" : ", ") + name;
  return names;
}

std::string tokenizer_conflict(const fs::path& folder) {
  const fs::path config_file = folder / "tokenizer_config.json";
  const json::Value config = read_json(config_file);
  const json::Value tokenizer = read_json(folder / hub::kTokenizerFile);
  if (!config.is_object() || !tokenizer.is_object() || !tokenizer.contains("normalizer")) return "";
  const json::Value normalizer = find_normalizer(tokenizer["normalizer"]);
  if (normalizer.is_null()) return "";
  constexpr struct {
    const char* in_config;
    const char* in_tokenizer;
  } kPairs[] = {{"do_lower_case", "lowercase"},
                {"strip_accents", "strip_accents"},
                {"tokenize_chinese_chars", "handle_chinese_chars"}};
  for (const auto& [in_config, in_tokenizer] : kPairs) {
    const auto stated = config.find(in_config);
    const auto used = normalizer.find(in_tokenizer);
    if (stated == config.end() || used == normalizer.end() || *stated == *used) continue;
    // null leaves the accents to the case: the same as that value written out.
    const auto resolved = [&](const json::Value& value, const json::Value& of, const char* lower) {
      return value.is_null() && of.contains(lower) ? of[lower] : value;
    };
    if (resolved(*stated, config, "do_lower_case") == resolved(*used, normalizer, "lowercase")) {
      continue;
    }
    return config_file.string() + " says \"" + in_config + "\": " + json::dump(*stated) +
           " and tokenizer.json \"" + in_tokenizer + "\": " + json::dump(*used) +
           ". tokenizer.json is what counts here, transformers 5 follows the other one: make them "
           "agree";
  }
  return "";
}

}  // namespace crossrank::cli
