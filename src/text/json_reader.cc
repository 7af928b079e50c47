// JsonReader: typed access and messages.
#include "text/json_reader.h"

#include <utility>

#include "text/tokenizer_loader.h"

namespace crossrank::text {
namespace {

std::string shown(const json::Value& value) {
  if (value.is_null()) return "missing or null";
  if (value.is_string()) return json::quote(value.get_ref<const std::string&>());
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array of " + std::to_string(value.size());
  return json::dump(value);
}

}  // namespace

JsonReader JsonReader::member(std::string_view key) const {
  static const json::Value kNull = nullptr;
  std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  const auto found = value_->is_object() ? value_->find(key) : value_->end();
  return {*file_, found == value_->end() ? kNull : *found, std::move(path)};
}

JsonReader JsonReader::item(std::size_t index) const {
  return {*file_, (*value_)[index], path_ + "[" + std::to_string(index) + "]"};
}

Result<bool> JsonReader::boolean() const {
  if (!value_->is_boolean()) return bad("must be true or false");
  return value_->get<bool>();
}

Result<bool> JsonReader::boolean_or(bool fallback) const {
  if (is_null()) return fallback;
  return boolean();
}

Result<std::string> JsonReader::string() const {
  if (!value_->is_string()) return bad("must be a string");
  return value_->get<std::string>();
}

Result<std::size_t> JsonReader::size() const {
  if (!value_->is_number_unsigned()) return bad("must be a whole number that is not negative");
  return value_->get<std::size_t>();
}

Result<std::int32_t> JsonReader::token_id() const {
  if (!value_->is_number_unsigned() || value_->get<std::uint64_t>() > kMaxTokenId) {
    return bad("must be a token id: a whole number from 0 to " + std::to_string(kMaxTokenId));
  }
  return value_->get<std::int32_t>();
}

Result<void> JsonReader::expect_object() const {
  if (!value_->is_object()) return bad("must be an object");
  return {};
}

Result<void> JsonReader::expect_array() const {
  if (!value_->is_array()) return bad("must be an array");
  return {};
}

Error JsonReader::bad(std::string_view wanted) const {
  const std::string where = path_.empty() ? "the file" : "'" + path_ + "'";
  return {ErrorCode::kBadTokenizer,
          *file_ + ": " + where + " is " + shown(*value_) + "; it " + std::string(wanted) + "."};
}

Error JsonReader::unsupported(std::string_view what) const {
  return {ErrorCode::kUnsupportedModel,
          *file_ + ": " + std::string(what) +
              " is not supported; only BERT's WordPiece tokenizers are. Use a cross-encoder of the "
              "BERT family."};
}

}  // namespace crossrank::text
