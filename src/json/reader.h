// Reader: typed access to a JSON file by key, with errors that name file and key. Parses nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/blob.h"
#include "crossrank/result.h"
#include "json/json.h"

namespace crossrank::json {

// A value in a file and the way to it ("model.vocab"). Refers to file name and value; copy freely.
class Reader {
 public:
  // `code` is what bad() gives.
  Reader(const std::string& file, const Value& value, ErrorCode code)
      : file_(&file), value_(&value), code_(code) {}

  const std::string& file() const { return *file_; }
  const Value& value() const { return *value_; }
  const std::string& path() const { return path_; }
  bool is_null() const { return value_->is_null(); }  // in the file, or because it is absent
  bool is_absent() const;

  // The member; an absent one when there is none or this is no object.
  Reader member(std::string_view key) const;
  // Of an array, index < value().size().
  Reader item(std::size_t index) const;

  Result<bool> boolean() const;
  Result<bool> boolean_or(bool fallback) const;  // the fallback for null
  Result<std::string> string() const;
  Result<std::size_t> size() const;
  Result<void> expect_object() const;
  Result<void> expect_array() const;

  // kUnsupportedModel, "FILE: WHAT".
  Error unsupported(std::string_view what) const;
  // "FILE: key `PATH` WANTED, not VALUE." with WANTED as in "must be a string".
  Error bad(std::string_view wanted) const;

 private:
  Reader(const Reader& parent, const Value& value, std::string path)
      : file_(parent.file_), value_(&value), code_(parent.code_), path_(std::move(path)) {}

  const std::string* file_;
  const Value* value_;
  ErrorCode code_;
  std::string path_;
};

// Parses a file that must hold an object; every error has `code`.
Result<Value> parse_object(const base::Blob& file, ErrorCode code);

}  // namespace crossrank::json
