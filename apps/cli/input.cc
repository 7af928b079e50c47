// Records out of text. One function a shape, each naming what it wanted and what it got.
#include "input.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "json/json.h"
#include "json/metadata.h"
#include "progress_bar.h"

namespace crossrank::cli {
namespace {

Error bad(std::string message) { return {ErrorCode::kBadInput, std::move(message)}; }

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

// "a number", "an array": nlohmann's names with an article.
std::string kind(const json::Value& value) {
  const std::string name = value.type_name();
  return value.is_null() ? name : (value.is_array() || value.is_object() ? "an " : "a ") + name;
}

// A record in bounded memory: 64 MB of "0," would otherwise become a gigabyte of values.
Result<json::Value> parse_record(std::string_view text) {
  return json::parse(text, {.max_values = 1'000'000});
}

// The string member `name` of an object.
Result<std::string> take_string(json::Value& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end()) return bad(quoted(name) + " is missing");
  if (!member->is_string()) {
    return bad(quoted(name) + " must be a string, not " + kind(*member));
  }
  return std::move(member->get_ref<std::string&>());
}

// Whether "label" says relevant: true, or a grade above 0.
Result<bool> take_label(const json::Value& object) {
  const auto label = object.find("label");
  if (label == object.end()) return bad("\"label\" is missing");
  if (label->is_boolean()) return label->get<bool>();
  if (label->is_number() && std::isfinite(label->get<double>())) return label->get<double>() > 0;
  return bad("\"label\" must be true, false or a number, not " +
             (label->is_number() ? json::dump(*label) : kind(*label)));
}

// The text of a document: a string, or the "page_content" or "text" of an object.
Result<std::string> take_content(json::Value& document, std::string_view what) {
  if (document.is_string()) return std::move(document.get_ref<std::string&>());
  if (!document.is_object()) {
    return bad(std::string(what) + " must be a string or an object with \"page_content\", not " +
               kind(document));
  }
  if (document.contains("page_content")) return take_string(document, "page_content");
  if (document.contains("text")) return take_string(document, "text");
  return bad(std::string(what) + " has neither \"page_content\" nor \"text\"");
}

Result<json::Value> parse_object(std::string_view line) {
  CR_TRY_ASSIGN(json::Value value, parse_record(line));
  if (!value.is_object()) return bad("a JSON object is wanted, not " + kind(value));
  return value;
}

struct ParsedDocument {
  Document document;
  bool id_is_integer = false;
};

// The "id" of a document as text.
Result<std::string> id_text(json::Value& id) {
  if (id.is_number_integer()) return json::dump(id);
  if (id.is_string()) return std::move(id.get_ref<std::string&>());
  return bad("\"id\" must be a string or an integer of at most 64 bits, not " +
             (id.is_number() ? json::dump(id) : kind(id)));
}

Result<ParsedDocument> parse_document(std::string_view text) {
  CR_TRY_ASSIGN(json::Value value, parse_record(text));
  ParsedDocument out;
  CR_TRY_ASSIGN(out.document.page_content, take_content(value, "a document"));
  if (!value.is_object()) return out;
  if (const auto id = value.find("id"); id != value.end() && !id->is_null()) {
    out.id_is_integer = id->is_number_integer();
    CR_TRY_ASSIGN(out.document.id, id_text(*id));
  }
  if (const auto metadata = value.find("metadata");
      metadata != value.end() && !metadata->is_null()) {
    if (!metadata->is_object())
      return bad("\"metadata\" must be an object, not " + kind(*metadata));
    out.document.metadata = std::get<Metadata>(json::to_metadata(*metadata).value);
  }
  return out;
}

Result<ParsedDocument> plain_document(std::string_view line) {
  ParsedDocument out;
  out.document.page_content = line;
  return out;
}

// Offset behind the string whose opening quote is at `quote`, in valid JSON.
std::size_t string_end(std::string_view text, std::size_t quote) {
  std::size_t pos = quote + 1;
  while (text[pos] != '"') pos += text[pos] == '\\' ? 2 : 1;
  return pos + 1;
}

// The value of member `name`, as it was written, of an object that was parsed already. Of several
// the last, as json::parse() takes it.
std::string_view written_member(std::string_view object, std::string_view name) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::string_view value;
  std::size_t pos = object.find('{') + 1;
  for (;;) {
    const std::size_t key = object.find_first_of("\"}", pos);
    if (object[key] == '}') return value;
    const std::size_t key_end = string_end(object, key);
    const auto parsed_key = json::parse(object.substr(key, key_end - key));
    const std::size_t begin = object.find_first_not_of(kSpace, object.find(':', key_end) + 1);
    std::size_t depth = 0;
    pos = begin;
    while (depth > 0 || (object[pos] != ',' && object[pos] != '}')) {
      const char c = object[pos];
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      pos = c == '"' ? string_end(object, pos) : pos + 1;
    }
    if (parsed_key.ok() && *parsed_key == name) {
      value = object.substr(begin, pos - begin);
      value.remove_suffix(value.size() - (value.find_last_not_of(kSpace) + 1));
    }
    if (object[pos] == ',') ++pos;
  }
}

// A JSON text without the white space between its tokens.
std::string minified(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\' && i + 1 < text.size()) {
      out.append(text, i++, 2);
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\t' && c != '\n' && c != '\r')) out += c;
  }
  return out;
}

// Reads the documents of one input into a list.
class DocumentParser {
 public:
  DocumentParser(std::string_view text, const std::string& file, const DocumentFormat& format)
      : text_(text), file_(file), format_(format) {}

  Result<DocumentList> run() {
    list_.plain_lines = format_.plain_lines;
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    const std::size_t start = text_.find_first_not_of(" \t\r\n");
    if (!format_.plain_lines && start != text_.npos && text_[start] == '[') {
      CR_TRY(read_array(start));
    } else {
      CR_TRY(read_lines());
    }
    return std::move(list_);
  }

 private:
  Result<void> read_lines() {
    for (std::size_t pos = 0; pos < text_.size();) {
      const std::size_t end = std::min(text_.find('\n', pos), text_.size());
      std::string_view line = text_.substr(pos, end - pos);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!is_blank(line)) CR_TRY(add(line));
      pos = end + 1;
      ++line_;
    }
    return {};
  }

  // One array; an element ends at a comma or bracket outside of strings and nested values.
  Result<void> read_array(std::size_t open) {
    std::size_t pos = open + 1;
    skip_space(0, pos);
    closed_at_ = pos;
    bool closed = pos < text_.size() && text_[pos] == ']';
    while (!closed) {
      const std::size_t end = element_end(pos);
      if (end == text_.size()) return at_line(bad("the JSON array is not closed"));
      std::string_view element = text_.substr(pos, end - pos);
      element.remove_suffix(element.size() - (element.find_last_not_of(" \t\r\n") + 1));
      if (element.empty()) return at_line(bad("the JSON array has a comma without a document"));
      CR_TRY(add(element));
      closed = text_[end] == ']';
      count_lines(pos, end);
      pos = end + 1;
      if (!closed) skip_space(end, pos);
    }
    if (const std::size_t more = text_.find_first_not_of(" \t\r\n", closed_at_ + 1);
        more != text_.npos) {
      count_lines(closed_at_, more);
      return at_line(bad("there is more text behind the JSON array"));
    }
    return {};
  }

  // Offset of the ',' or ']' that ends the element at `pos`, or the text's size.
  std::size_t element_end(std::size_t pos) {
    std::size_t depth = 0;
    bool in_string = false;
    for (; pos < text_.size(); ++pos) {
      const char c = text_[pos];
      if (in_string) {
        if (c == '\\') ++pos;
        in_string = c != '"';
      } else if (c == '"') {
        in_string = true;
      } else if (c == '[' || c == '{') {
        ++depth;
      } else if (depth == 0 && (c == ',' || c == ']')) {
        if (c == ']') closed_at_ = pos;
        return pos;
      } else if ((c == ']' || c == '}') && depth > 0) {
        --depth;
      }
    }
    return text_.size();
  }

  void skip_space(std::size_t from, std::size_t& pos) {
    pos = std::min(text_.find_first_not_of(" \t\r\n", pos), text_.size());
    count_lines(from, pos);
  }

  void count_lines(std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) line_ += text_[i] == '\n';
  }

  Result<void> add(std::string_view raw) {
    const std::size_t index = next_index_++;
    std::string storage;
    std::string_view record = repair(raw, !format_.plain_lines, line_, storage, list_.repairs);
    if (record.data() == storage.data()) {
      list_.repaired.push_back(std::move(storage));
      record = list_.repaired.back();
    }
    auto parsed = format_.plain_lines ? plain_document(record) : parse_document(record);
    if (!parsed.ok()) {
      Error error = std::move(parsed).error();
      if (index == 0 && std::string_view("{[\"").find(record[0]) == std::string_view::npos) {
        error.message += "; if each line is the text of a document, give --lines";
      }
      return list_.skipped.add(file_, line_, std::move(error), format_.skip_bad);
    }
    list_.documents.push_back(std::move(parsed->document));
    list_.origins.push_back({record, index, line_, parsed->id_is_integer});
    return {};
  }

  Error at_line(Error error) const {
    error.message = file_ + ":" + std::to_string(line_) + ": " + error.message;
    return error;
  }

  std::string_view text_;
  const std::string& file_;
  DocumentFormat format_;
  DocumentList list_;
  std::size_t line_ = 1;
  std::size_t next_index_ = 0;
  std::size_t closed_at_ = 0;  // offset of the array's ']'
};

}  // namespace

std::string Repairs::report(const std::string& file) const {
  if (lines == 0) return {};
  std::string text = std::to_string(lines) + (lines == 1 ? " line of " : " lines of ") + file +
                     " had bytes that are not UTF-8";
  if (surrogates > 0)
    text += " or escapes of half a character (" + std::to_string(surrogates) + ")";
  return text + ", replaced by U+FFFD; the first is line " + std::to_string(first_line);
}

Result<void> Skipped::add(const std::string& file, std::size_t line, Error error, bool skip) {
  error.code = ErrorCode::kBadInput;
  error.message = file + ":" + std::to_string(line) + ": " + error.message;
  if (!skip) return error;
  if (count++ == 0) first = std::move(error.message);
  return {};
}

std::string Skipped::report(std::string_view noun) const {
  return "skipped " + counted(count, noun) + (count == 1 ? ": " : ", the first: ") + first;
}

std::string_view repair(std::string_view line, bool is_json, std::size_t line_number,
                        std::string& storage, Repairs& repairs) {
  bool changed = false;
  if (auto repaired = base::repair_utf8(line)) {
    storage = std::move(*repaired);
    line = storage;
    changed = true;
  }
  if (is_json && line.find("\\u") != line.npos) {
    std::size_t replaced = 0;
    std::string without = json::repair_lone_surrogates(line, replaced);
    if (replaced > 0) {
      storage = std::move(without);
      line = storage;
      repairs.surrogates += replaced;
      changed = true;
    }
  }
  if (changed && repairs.lines++ == 0) repairs.first_line = line_number;
  return line;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r\n") == line.npos; }

Result<PairFormat> detect_pair_format(std::string_view line) {
  const std::size_t start = line.find_first_not_of(" \t\r\n");
  if (start != line.npos && line[start] == '{') return PairFormat::kJsonl;
  if (line.find('\t') != line.npos) return PairFormat::kTsv;
  if (start != line.npos && line[start] == '[') {
    return bad(
        "a JSON array is not read as pairs: write one {\"query\", \"document\"} a line, for "
        "example with jq -c '.[]'");
  }
  return bad("the line is neither a JSON object {\"query\", \"document\"} nor query TAB document");
}

Result<PairRecord> parse_pair(std::string_view line, PairFormat format, const PairWants& wants) {
  PairRecord out;
  if (format == PairFormat::kTsv) {
    if (wants.label) {
      return bad(
          "query TAB document has no label: give JSON lines {\"query\", \"document\", "
          "\"label\"}");
    }
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) return bad("query TAB document is wanted, and there is no TAB");
    out.query = line.substr(0, tab);
    out.document = line.substr(tab + 1);
    if (wants.document_json) out.document_json = json::dump(json::Value(out.document));
    return out;
  }
  CR_TRY_ASSIGN(json::Value value, parse_object(line));
  CR_TRY_ASSIGN(out.query, take_string(value, "query"));
  const auto document = value.find("document");
  if (document == value.end()) return bad("\"document\" is missing");
  if (wants.document_json) out.document_json = written_member(line, "document");
  if (wants.label) {
    CR_TRY_ASSIGN(out.relevant, take_label(value));
  }
  CR_TRY_ASSIGN(out.document, take_content(*document, "\"document\""));
  return out;
}

Result<TextRecord> parse_text(std::string_view line) {
  CR_TRY_ASSIGN(json::Value value, parse_object(line));
  TextRecord out;
  if (value.contains("text")) {
    CR_TRY_ASSIGN(out.text, take_string(value, "text"));
    return out;
  }
  if (!value.contains("query")) {
    return bad("the object has neither \"text\" nor \"query\" and \"document\"");
  }
  CR_TRY_ASSIGN(out.query, take_string(value, "query"));
  const auto document = value.find("document");
  if (document == value.end()) return bad("\"document\" is missing");
  CR_TRY_ASSIGN(out.text, take_content(*document, "\"document\""));
  return out;
}

Result<DocumentList> parse_documents(std::string_view text, const std::string& file,
                                     const DocumentFormat& format) {
  return DocumentParser(text, file, format).run();
}

Result<Document> parse_corpus_document(std::string_view line) {
  CR_TRY_ASSIGN(json::Value value, parse_object(line));
  Document out;
  bool has_text = false;
  json::Value rest = json::Value::object();
  for (auto& [key, member] : value.items()) {
    const std::string_view name = key;
    const auto is = [&](std::initializer_list<std::string_view> names) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (!out.id && is({"id", "_id", "docid"})) {
      CR_TRY_ASSIGN(out.id, id_text(member));
    } else if (!has_text && is({"page_content", "text", "contents"})) {
      if (!member.is_string()) return bad(quoted(name) + " must be a string, not " + kind(member));
      out.page_content = std::move(member.get_ref<std::string&>());
      has_text = true;
    } else if (name == "metadata" && member.is_object()) {
      rest.update(member);
    } else {
      rest[key] = std::move(member);
    }
  }
  if (!out.id) return bad("the document has no \"id\" (or \"_id\", \"docid\")");
  if (!has_text) return bad("the document has no \"text\" (or \"page_content\", \"contents\")");
  out.metadata = std::get<Metadata>(json::to_metadata(rest).value);
  return out;
}

bool has_member(std::string_view object, std::string_view name) {
  return object.starts_with('{') && written_member(object, name).data() != nullptr;
}

std::string document_json(const DocumentList& list, std::size_t i) {
  const std::string_view json = list.origins[i].json;
  if (list.plain_lines) return json::dump(json::Value(json));
  return json.find_first_of("\r\n") == json.npos ? std::string(json) : minified(json);
}

std::string id_json(const DocumentList& list, std::size_t i) {
  const Document& document = list.documents[i];
  if (!document.id) return "null";
  return list.origins[i].id_is_integer ? *document.id : json::dump(json::Value(*document.id));
}

}  // namespace crossrank::cli
