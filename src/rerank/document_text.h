// The text of a document that is scored: page_content in its metadata. Knows nothing of tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank::rerank {

// What stands around page_content. Two forms:
// - a template: "{title}. {page_content}", where "{{" and "}}" are braces, {page_content} stands
//   once, and a metadata value that is absent or null is empty;
// - a list of fields: each value that is not empty on a line of its own, then page_content.
class TextTemplate {
 public:
  // From metadata_fields or metadata_template, page_content alone when both are empty. Errors:
  // kInvalidArgument with the position for braces that do not match, an empty name, or a template
  // without {page_content} or with two of it; and when both options are given.
  static Result<TextTemplate> from_options(const ReRankOptions& options);

  // page_content alone.
  bool plain() const { return parts_.size() == 1; }

  // The metadata fields that are named.
  std::vector<std::string_view> fields() const;

  struct Text {
    std::string text;  // valid UTF-8
    // Where page_content stands in `text`.
    std::uint32_t content_byte = 0, content_bytes = 0;
    std::uint32_t content_char = 0, content_chars = 0;
    std::uint32_t chars_cut = 0;  // code points of page_content left out

    // A span of `text` in offsets of page_content: the part inside it, which is empty and at the
    // nearer end when the span lies outside.
    TextSpan in_content(const TextSpan& span) const;
  };
  // max_chars and max_metadata_chars count code points; 0 = all.
  Text render(const Document& document, std::size_t max_chars,
              std::size_t max_metadata_chars) const;

 private:
  enum class Kind { kLiteral, kField, kFieldLine, kContent };
  struct Part {
    Kind kind = Kind::kLiteral;
    std::string text;  // the literal, or the field's name
  };
  static Result<TextTemplate> parse(std::string_view text);

  std::vector<Part> parts_;
};

// The value of the metadata member `key`, or null. The last one counts, as in JSON.
const MetadataValue* find_metadata(const Document& document, std::string_view key);

// Strings as they are, numbers, booleans and objects as JSON, lists joined by ", " without their
// empty elements, null as "". Valid UTF-8.
std::string metadata_text(const MetadataValue& value);

}  // namespace crossrank::rerank
