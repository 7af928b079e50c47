// Fields: the members of a request's JSON object, by name and type, with errors that name them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "rerank_request.h"

namespace crossrank::server {

// What is wrong with a request, and for which status.
struct RequestError {
  unsigned status = 422;
  std::string message;
  std::string field;          // "" = none in particular
  long long retry_after = 0;  // seconds; 0 = no such header
};

// Reads members and takes strings out. After the first error every question gives its fallback, so
// that callers ask all they want and look at error() once. null counts as absent.
class Fields {
 public:
  explicit Fields(json::Value& object) : object_(object) {}

  std::string string(const char* name);  // required; may be empty
  std::string string_or(const char* name, std::string fallback);
  bool boolean_or(const char* name, bool fallback);
  // A whole number from `least` to `most`.
  std::optional<std::size_t> count(const char* name, std::size_t least, std::size_t most);
  // A list of strings or of objects with "text" (or "page_content"), "id" and "metadata"; required,
  // and not empty.
  std::vector<SentDocument> documents(const char* name, std::size_t most);
  // A list of strings; absent = none.
  std::vector<std::string> strings(const char* name, std::size_t most);

  bool has(const char* name) const;
  json::Value* member(const char* name);
  void fail(RequestError error);
  const std::optional<RequestError>& error() const { return error_; }

 private:
  json::Value& object_;
  std::optional<RequestError> error_;
};

// What SentDocument holds as text. It was parsed before.
json::Value parsed(const std::string& json_text);

// "a number", "an array".
std::string kind_of(const json::Value& value);

}  // namespace crossrank::server
