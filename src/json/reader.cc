// Reader: typed access and messages.
#include "json/reader.h"

#include "base/try.h"

namespace crossrank::json {
namespace {

const Value& absent() {
  static const Value kAbsent = nullptr;
  return kAbsent;
}

std::string shown(const Value& value) {
  if (value.is_string()) return quote(value.get_ref<const std::string&>());
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array of " + std::to_string(value.size());
  return dump(value);
}

}  // namespace

bool Reader::is_absent() const { return value_ == &absent(); }

Reader Reader::member(std::string_view key) const {
  std::string path = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  const auto found = value_->is_object() ? value_->find(key) : value_->end();
  return {*this, found == value_->end() ? absent() : *found, std::move(path)};
}

Reader Reader::item(std::size_t index) const {
  return {*this, (*value_)[index], path_ + "[" + std::to_string(index) + "]"};
}

Result<bool> Reader::boolean() const {
  if (!value_->is_boolean()) return bad("must be true or false");
  return value_->get<bool>();
}

Result<bool> Reader::boolean_or(bool fallback) const {
  if (is_null()) return fallback;
  return boolean();
}

Result<std::string> Reader::string() const {
  if (!value_->is_string()) return bad("must be a string");
  return value_->get<std::string>();
}

Result<std::size_t> Reader::size() const {
  if (!value_->is_number_unsigned()) return bad("must be a whole number that is not negative");
  return value_->get<std::size_t>();
}

Result<void> Reader::expect_object() const {
  if (!value_->is_object()) return bad("must be an object");
  return {};
}

Result<void> Reader::expect_array() const {
  if (!value_->is_array()) return bad("must be an array");
  return {};
}

Error Reader::unsupported(std::string_view what) const {
  return {ErrorCode::kUnsupportedModel, *file_ + ": " + std::string(what)};
}

Error Reader::bad(std::string_view wanted) const {
  const std::string where = path_.empty() ? "the file" : "key `" + path_ + "`";
  return {code_, *file_ + ": " + where + " " + std::string(wanted) +
                     (is_absent() ? ", but it is missing." : ", not " + shown(*value_) + ".")};
}

Result<Value> parse_object(const base::Blob& file, ErrorCode code) {
  Result<Value> parsed = parse(file.bytes());
  if (!parsed.ok()) return Error{code, file.name() + ": " + parsed.error().message};
  CR_TRY(Reader(file.name(), *parsed, code).expect_object());
  return parsed;
}

}  // namespace crossrank::json
