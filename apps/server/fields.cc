// Fields: one function a type, each naming the member, what was wanted and what was there.
#include "fields.h"

#include <cmath>
#include <utility>

namespace crossrank::server {
namespace {

std::string name_of(const char* field) { return "`" + std::string(field) + "`"; }

std::string too_many(const char* field, std::size_t entries, std::size_t most) {
  return name_of(field) + " has " + std::to_string(entries) + " entries; at most " +
         std::to_string(most) + " are taken in one request";
}

// 4, and 4.0 too: JSON does not tell them apart.
std::optional<std::size_t> whole_number(const json::Value& value) {
  if (value.is_number_unsigned()) return value.get<std::size_t>();
  if (!value.is_number_float()) return std::nullopt;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const auto number = value.get<double>();
  if (number < 0 || number > kExact || number != std::floor(number)) return std::nullopt;
  return static_cast<std::size_t>(number);
}

}  // namespace

std::string kind_of(const json::Value& value) {
  const std::string name = value.type_name();
  return value.is_null() ? name : (value.is_array() || value.is_object() ? "an " : "a ") + name;
}

json::Value parsed(const std::string& json_text) { return json::parse(json_text).value(); }

bool Fields::has(const char* name) const {
  const auto found = object_.find(name);
  return found != object_.end() && !found->is_null();
}

json::Value* Fields::member(const char* name) {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Fields::fail(RequestError error) {
  if (!error_) error_ = std::move(error);
}

std::string Fields::string(const char* name) {
  if (!has(name)) {
    fail({422, name_of(name) + " is missing; it must be a string", name});
    return {};
  }
  return string_or(name, {});
}

std::string Fields::string_or(const char* name, std::string fallback) {
  json::Value* value = member(name);
  if (value == nullptr) return fallback;
  if (!value->is_string()) {
    fail({422, name_of(name) + " must be a string, not " + kind_of(*value), name});
    return fallback;
  }
  return std::move(value->get_ref<std::string&>());
}

bool Fields::boolean_or(const char* name, bool fallback) {
  json::Value* value = member(name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) {
    fail({422, name_of(name) + " must be true or false, not " + kind_of(*value), name});
    return fallback;
  }
  return value->get<bool>();
}

std::optional<std::size_t> Fields::count(const char* name, std::size_t least, std::size_t most) {
  json::Value* value = member(name);
  if (value == nullptr) return std::nullopt;
  const std::optional<std::size_t> number = whole_number(*value);
  if (!number || *number < least || *number > most) {
    fail({422,
          name_of(name) + " must be a whole number from " + std::to_string(least) + " to " +
              std::to_string(most) + ", not " +
              (value->is_number() ? json::dump(*value) : kind_of(*value)),
          name});
    return std::nullopt;
  }
  return number;
}

std::vector<SentDocument> Fields::documents(const char* name, std::size_t most) {
  json::Value* list = member(name);
  if (list == nullptr) {
    fail({422,
          name_of(name) + " is missing; it must be a list of strings or of objects with a text",
          name});
    return {};
  }
  if (!list->is_array()) {
    fail({422, name_of(name) + " must be a list, not " + kind_of(*list), name});
    return {};
  }
  if (list->empty()) {
    fail({400, name_of(name) + " is empty; there must be at least one document", name});
    return {};
  }
  if (list->size() > most) {
    fail({413, too_many(name, list->size(), most), name});
    return {};
  }
  std::vector<SentDocument> documents;
  documents.reserve(list->size());
  for (json::Value& entry : *list) {
    const std::string where =
        "`" + std::string(name) + "[" + std::to_string(documents.size()) + "]`";
    json::Value* text = &entry;
    if (entry.is_object()) {
      auto found = entry.find("text");
      if (found == entry.end()) found = entry.find("page_content");
      if (found == entry.end()) {
        fail({422, where + " has no \"text\" and no \"page_content\"", name});
        return {};
      }
      text = &*found;
    }
    if (!text->is_string()) {
      fail({422,
            where +
                (text == &entry ? " must be a string or an object with a \"text\", not "
                                : " has a text that must be a string, not ") +
                kind_of(*text),
            name});
      return {};
    }
    SentDocument document;
    document.text = std::move(text->get_ref<std::string&>());
    if (entry.is_object()) {
      if (const auto id = entry.find("id"); id != entry.end()) document.id = json::dump(*id);
      if (const auto data = entry.find("metadata"); data != entry.end()) {
        document.metadata = json::dump(*data);
        *data = nullptr;
      }
    }
    documents.push_back(std::move(document));
  }
  return documents;
}

std::vector<std::string> Fields::strings(const char* name, std::size_t most) {
  json::Value* list = member(name);
  if (list == nullptr) return {};
  if (!list->is_array()) {
    fail({422, name_of(name) + " must be a list of strings, not " + kind_of(*list), name});
    return {};
  }
  if (list->size() > most) {
    fail({413, too_many(name, list->size(), most), name});
    return {};
  }
  std::vector<std::string> strings;
  for (json::Value& entry : *list) {
    if (!entry.is_string()) {
      fail({422, name_of(name) + " must be a list of strings, but has " + kind_of(entry), name});
      return {};
    }
    strings.push_back(std::move(entry.get_ref<std::string&>()));
  }
  return strings;
}

}  // namespace crossrank::server
