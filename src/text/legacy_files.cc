// Keys of old files as the keys of tokenizer_config.json that came after them.
#include "text/legacy_files.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/try.h"
#include "json/reader.h"
#include "text/tokenizer_spec.h"

namespace crossrank::text {
namespace {

constexpr const char* kDecoder = "added_tokens_decoder";
constexpr const char* kExtra = "extra_special_tokens";

std::string content_of(const json::Value& token) {
  if (token.is_string()) return token.get<std::string>();
  const auto content = token.is_object() ? token.find("content") : token.end();
  return content != token.end() && content->is_string() ? content->get<std::string>() : "";
}

Result<void> merge_special_tokens(const base::Blob& file, json::Value& config) {
  CR_TRY_ASSIGN(json::Value map, json::parse_object(file, ErrorCode::kBadTokenizer));
  for (auto& item : map.items()) {
    json::Value value = std::move(item.value());
    if (item.key() == kExtra && value.is_array()) {
      json::Value all = config.contains(kExtra) && config[kExtra].is_array()
                            ? std::move(config[kExtra])
                            : json::Value::array();
      for (json::Value& token : value) {
        if (token.is_object()) token["special"] = true;
        all.push_back(std::move(token));
      }
      value = std::move(all);
    } else if (value.is_object() && item.key() != kExtra) {
      value["special"] = true;
    }
    config[item.key()] = std::move(value);
  }
  return {};
}

// The contents of all tokens that `config` names.
std::vector<std::string> special_tokens(const json::Value& config) {
  std::vector<std::string> out;
  for (const auto& item : config.items()) {
    if (item.key() == kExtra && item.value().is_array()) {
      for (const json::Value& token : item.value()) out.push_back(content_of(token));
    } else if (item.key().ends_with("_token")) {
      out.push_back(content_of(item.value()));
    }
  }
  return out;
}

Result<void> merge_added_tokens(const base::Blob& file, json::Value& config) {
  CR_TRY_ASSIGN(const json::Value ids, json::parse_object(file, ErrorCode::kBadTokenizer));
  const json::Reader root(file.name(), ids, ErrorCode::kBadTokenizer);
  const std::vector<std::string> special = special_tokens(config);
  json::Value decoder = json::Value::object();
  for (const auto& item : ids.items()) {
    CR_TRY_ASSIGN(const std::int32_t id, token_id(root.member(item.key())));
    const bool is_special = std::find(special.begin(), special.end(), item.key()) != special.end();
    decoder[std::to_string(id)] = {
        {"content", item.key()}, {"normalized", !is_special}, {"special", is_special}};
  }
  config[kDecoder] = std::move(decoder);
  return {};
}

}  // namespace

Result<void> merge_legacy_files(const LegacyFiles& files, json::Value& config) {
  if (config.contains(kDecoder)) return {};
  if (files.special_tokens_map) CR_TRY(merge_special_tokens(files.special_tokens_map, config));
  if (files.added_tokens) CR_TRY(merge_added_tokens(files.added_tokens, config));
  return {};
}

}  // namespace crossrank::text
