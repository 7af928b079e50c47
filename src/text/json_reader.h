// JsonReader: members of a JSON file by key, with errors that name file and key. Parses nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "crossrank/result.h"
#include "json/json.h"

namespace crossrank::text {

// A value in a file and the way to it ("model.vocab"). Refers to both; copy freely.
class JsonReader {
 public:
  JsonReader(const std::string& file, const json::Value& value) : file_(&file), value_(&value) {}

  const std::string& file() const { return *file_; }
  const json::Value& value() const { return *value_; }
  const std::string& path() const { return path_; }
  bool is_null() const { return value_->is_null(); }
  // The member, or a null one when it is absent or this is no object.
  JsonReader member(std::string_view key) const;
  // Of an array, index < value().size().
  JsonReader item(std::size_t index) const;

  Result<bool> boolean() const;
  Result<bool> boolean_or(bool fallback) const;  // the fallback for null
  Result<std::string> string() const;
  Result<std::size_t> size() const;
  Result<std::int32_t> token_id() const;
  Result<void> expect_object() const;
  Result<void> expect_array() const;

  // kBadTokenizer: "FILE: 'PATH' is VALUE; WANTED".
  Error bad(std::string_view wanted) const;
  // kUnsupportedModel: "FILE: WHAT is not supported; ...".
  Error unsupported(std::string_view what) const;

 private:
  JsonReader(const std::string& file, const json::Value& value, std::string path)
      : file_(&file), value_(&value), path_(std::move(path)) {}

  const std::string* file_;
  const json::Value* value_;
  std::string path_;
};

}  // namespace crossrank::text
