// The text of a document that is scored.
#include "rerank/document_text.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/try.h"
#include "base/utf8.h"
#include "json/json.h"

namespace crossrank::rerank {
namespace {

constexpr std::string_view kContentName = "page_content";

std::string repaired(std::string_view text) {
  return base::repair_utf8(text).value_or(std::string(text));
}

std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }

json::Value to_json(const MetadataValue& value);

// Of members with one key the last one counts, at the place of the first. Each key is looked up in
// a table, since the object itself would search its whole list.
json::Value to_json_object(const Metadata& members) {
  json::Value object = json::Value::object();
  auto& list = object.get_ref<json::Value::object_t&>();
  std::unordered_map<std::string, std::size_t> places;
  for (const auto& [key, member] : members) {
    const auto [known, is_new] = places.try_emplace(repaired(key), list.size());
    if (is_new) list.emplace_back(known->first, nullptr);
    std::next(list.begin(), static_cast<std::ptrdiff_t>(known->second))->second = to_json(member);
  }
  return object;
}

json::Value to_json(const MetadataValue& value) {
  return std::visit(
      [](const auto& v) -> json::Value {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<T, std::string>) {
          return repaired(v);
        } else if constexpr (std::is_same_v<T, MetadataList>) {
          json::Value list = json::Value::array();
          for (const MetadataValue& element : v) list.push_back(to_json(element));
          return list;
        } else if constexpr (std::is_same_v<T, Metadata>) {
          return to_json_object(v);
        } else {
          return v;
        }
      },
      value.value);
}

Error bad_template(std::string_view text, std::size_t position, const std::string& what) {
  return {ErrorCode::kInvalidArgument,
          "metadata_template, character " +
              std::to_string(base::count_code_points(text.substr(0, position))) +
              " (counting from 0): " + what};
}

}  // namespace

const MetadataValue* find_metadata(const Document& document, std::string_view key) {
  const auto found = std::find_if(document.metadata.rbegin(), document.metadata.rend(),
                                  [&](const MetadataMember& member) { return member.key == key; });
  return found == document.metadata.rend() ? nullptr : &found->value;
}

std::string metadata_text(const MetadataValue& value) {
  if (std::holds_alternative<std::monostate>(value.value)) return "";
  if (const auto* text = std::get_if<std::string>(&value.value)) return repaired(*text);
  const auto* list = std::get_if<MetadataList>(&value.value);
  if (list == nullptr) return json::dump(to_json(value));
  std::string joined;
  for (const MetadataValue& element : *list) {
    const std::string text = metadata_text(element);
    if (text.empty()) continue;
    if (!joined.empty()) joined += ", ";
    joined += text;
  }
  return joined;
}

Result<TextTemplate> TextTemplate::from_options(const ReRankOptions& options) {
  if (!options.metadata_fields.empty() && !options.metadata_template.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "metadata_fields and metadata_template exclude each other; give one of them"};
  }
  if (!options.metadata_template.empty()) return parse(options.metadata_template);
  TextTemplate result;
  for (const std::string& field : options.metadata_fields) {
    if (field.empty()) {
      return Error{ErrorCode::kInvalidArgument, "metadata_fields has an empty name"};
    }
    result.parts_.push_back({Kind::kFieldLine, field});
  }
  result.parts_.push_back({Kind::kContent, ""});
  return result;
}

Result<TextTemplate> TextTemplate::parse(std::string_view text) {
  if (!base::is_valid_utf8(text)) {
    return Error{ErrorCode::kInvalidArgument, "metadata_template is not valid UTF-8"};
  }
  TextTemplate result;
  std::string literal;
  bool has_content = false;
  const auto end_literal = [&] {
    if (!literal.empty()) result.parts_.push_back({Kind::kLiteral, std::exchange(literal, "")});
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      literal += c;
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == c) {  // an escaped brace
      literal += c;
      ++i;
      continue;
    }
    if (c == '}') {
      return bad_template(text, i, "a } without a { before it; write }} for a brace");
    }
    const std::size_t end = text.find_first_of("{}", i + 1);
    if (end == std::string_view::npos || text[end] == '{') {
      return bad_template(text, i, "a { without its }; write {{ for a brace");
    }
    const std::string_view name = text.substr(i + 1, end - i - 1);
    if (name.empty()) return bad_template(text, i, "{} has no name of a metadata field in it");
    end_literal();
    if (name == kContentName) {
      if (has_content) return bad_template(text, i, "a second {page_content}; one is possible");
      has_content = true;
      result.parts_.push_back({Kind::kContent, ""});
    } else {
      result.parts_.push_back({Kind::kField, std::string(name)});
    }
    i = end;
  }
  end_literal();
  if (!has_content) {
    return bad_template(text, text.size(), "the template ends without a {page_content}");
  }
  return result;
}

std::vector<std::string_view> TextTemplate::fields() const {
  std::vector<std::string_view> names;
  for (const Part& part : parts_) {
    if (part.kind == Kind::kField || part.kind == Kind::kFieldLine) names.push_back(part.text);
  }
  return names;
}

TextTemplate::Text TextTemplate::render(const Document& document, std::size_t max_chars,
                                        std::size_t max_metadata_chars) const {
  Text result;
  for (const Part& part : parts_) {
    if (part.kind == Kind::kLiteral) {
      result.text += part.text;
      continue;
    }
    if (part.kind == Kind::kContent) {
      std::optional<std::string> copy = base::repair_utf8(document.page_content);
      const std::string_view content = copy ? *copy : document.page_content;
      const std::size_t bytes =
          max_chars == 0 ? content.size() : base::prefix_bytes(content, max_chars);
      result.content_byte = narrow(result.text.size());
      result.content_bytes = narrow(bytes);
      result.content_char = narrow(base::count_code_points(result.text));
      result.content_chars = narrow(base::count_code_points(content.substr(0, bytes)));
      result.chars_cut = narrow(base::count_code_points(content.substr(bytes)));
      result.text += content.substr(0, bytes);
      continue;
    }
    const MetadataValue* value = find_metadata(document, part.text);
    std::string text = value == nullptr ? "" : metadata_text(*value);
    if (max_metadata_chars != 0) text.resize(base::prefix_bytes(text, max_metadata_chars));
    result.text += text;
    if (part.kind == Kind::kFieldLine && !text.empty()) result.text += '\n';
  }
  return result;
}

TextSpan TextTemplate::Text::in_content(const TextSpan& span) const {
  const auto clamp = [](std::uint32_t at, std::uint32_t begin, std::uint32_t length) {
    return std::clamp(at, begin, begin + length) - begin;
  };
  return {.begin_byte = clamp(span.begin_byte, content_byte, content_bytes),
          .end_byte = clamp(span.end_byte, content_byte, content_bytes),
          .begin_char = clamp(span.begin_char, content_char, content_chars),
          .end_char = clamp(span.end_char, content_char, content_chars)};
}

}  // namespace crossrank::rerank
