// JSON on nlohmann-json: a SAX handler that builds values under a depth limit, and a writer whose
// numbers are the shortest decimals (nlohmann's Grisu2 writes 17 digits for one double in 10,000).
#include "json/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <numeric>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace crossrank::json {
namespace {

// Walks the text and publishes how far it got: the library tells a handler no offsets.
class CountingIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* p, std::size_t* read) : p_(p), read_(read) {}
  reference operator*() const { return *p_; }
  CountingIterator& operator++() {
    ++p_;
    ++*read_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return p_ == other.p_; }
  bool operator!=(const CountingIterator& other) const { return p_ != other.p_; }

 private:
  const char* p_;
  std::size_t* read_;
};

std::string at_byte(std::size_t offset) { return " at byte " + std::to_string(offset); }

// Offset of the opening quote of the string that ends before `end`.
std::size_t string_start(std::string_view text, std::size_t end) {
  std::size_t quote = end - 1;
  for (std::size_t backslashes = 1; backslashes % 2 != 0;) {  // an odd number: an escaped quote
    quote = text.rfind('"', quote - 1);
    backslashes = 0;
    while (backslashes < quote && text[quote - 1 - backslashes] == '\\') ++backslashes;
  }
  return quote;
}

// Builds the value. Appends members without looking for equal keys, which for a vocabulary would
// be quadratic; end_object() settles duplicates by sorting.
class Builder {
 public:
  Builder(std::string_view text, const std::size_t& read, const ParseOptions& options)
      : text_(text), read_(read), options_(options) {}

  Value& root() { return root_; }
  const std::string& error() const { return error_; }

  bool null() { return add(nullptr) != nullptr; }
  bool boolean(bool v) { return add(v) != nullptr; }
  bool number_integer(Value::number_integer_t v) { return add(v) != nullptr; }
  bool number_unsigned(Value::number_unsigned_t v) { return add(v) != nullptr; }
  bool number_float(Value::number_float_t v, const std::string&) { return add(v) != nullptr; }
  bool string(std::string& v) { return add(std::move(v)) != nullptr; }
  bool binary(Value::binary_t&) { return fail("binary data"); }  // unreachable from text

  bool start_object(std::size_t) { return open(Value::object()); }
  bool start_array(std::size_t) { return open(Value::array()); }
  bool end_array() {
    stack_.pop_back();
    return true;
  }

  bool key(std::string& v) {
    Frame& frame = stack_.back();
    if (options_.duplicates == Duplicates::kReject) frame.key_ends.push_back(read_);
    frame.value->get_ref<Value::object_t&>().emplace_back(std::move(v), nullptr);
    return true;
  }

  bool end_object() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    return settle_duplicates(frame);
  }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: WHAT - WHY; last read:
    // 'TOKEN'; expected X", or "[...] number overflow parsing 'TOKEN'": the token may be a whole
    // document or end within a character, and is left out. The offset is that of the last byte
    // read.
    std::string_view what = e.what();
    for (const std::string_view before : {"] ", "parse error at ", ": "}) {
      const std::size_t found = what.find(before);
      if (found == what.npos) break;
      what.remove_prefix(found + before.size());
    }
    std::string message(what);
    for (const std::string before : {"; last read: '", " parsing '"}) {
      const std::string shown = before + token + "'";
      const std::size_t found = message.find(shown);
      if (found != message.npos) message.erase(found, shown.size());
    }
    const std::string at = at_byte(std::min(position == 0 ? 0 : position - 1, text_.size()));
    constexpr int kOverflow = 406;
    if (e.id == kOverflow) return fail("a number that is too large for a double" + at);
    return fail("not valid JSON" + at + ": " + message);
  }

 private:
  struct Frame {
    Value* value;                       // the open array or object; its last member may be open too
    std::vector<std::size_t> key_ends;  // offsets behind the keys, when duplicates are rejected
  };

  bool fail(std::string message) {
    error_ = std::move(message);
    return false;
  }

  // Null, with an error, when that is a value too many.
  Value* add(Value v) {
    if (++values_ > options_.max_values) {
      fail("more than " + std::to_string(options_.max_values) + " values" + at_byte(read_ - 1));
      return nullptr;
    }
    if (stack_.empty()) return root_ = std::move(v), &root_;
    Value& parent = *stack_.back().value;
    if (parent.is_array()) {
      auto& items = parent.get_ref<Value::array_t&>();
      return &items.emplace_back(std::move(v));
    }
    Value& slot = parent.get_ref<Value::object_t&>().back().second;
    return slot = std::move(v), &slot;
  }

  bool open(Value v) {
    if (stack_.size() >= options_.max_depth) {
      return fail("arrays and objects are nested more than " + std::to_string(options_.max_depth) +
                  " deep" + at_byte(read_ - 1));
    }
    Value* added = add(std::move(v));
    if (added == nullptr) return false;
    stack_.push_back({added, {}});
    return true;
  }

  // Of several members with one key the first keeps its place and takes the last one's value, as
  // in Python.
  bool settle_duplicates(const Frame& frame) {
    Value::object_t::Container& members = frame.value->get_ref<Value::object_t&>();
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const int c = members[a].first.compare(members[b].first);
      return c != 0 ? c < 0 : a < b;
    });
    std::vector<bool> repeated(members.size(), false);
    bool any = false;
    std::size_t first = 0;
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (members[order[i]].first != members[order[i - 1]].first) {
        first = i;
        continue;
      }
      if (options_.duplicates == Duplicates::kReject) {
        return fail("the key " + quote(members[order[i]].first) + " is repeated" +
                    at_byte(string_start(text_, frame.key_ends[order[i]])));
      }
      members[order[first]].second = options_.duplicates == Duplicates::kNull
                                         ? Value(nullptr)
                                         : std::move(members[order[i]].second);
      repeated[order[i]] = true;
      any = true;
    }
    if (!any) return true;
    Value::object_t::Container kept;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (!repeated[i]) kept.emplace_back(members[i].first, std::move(members[i].second));
    }
    members.swap(kept);
    return true;
  }

  std::string_view text_;
  const std::size_t& read_;
  ParseOptions options_;
  Value root_;
  std::vector<Frame> stack_;
  std::size_t values_ = 0;
  std::string error_;
};

void write_double(std::string& out, double v) {
  if (!std::isfinite(v)) {  // JSON has no word for it
    out += "null";
    return;
  }
  char digits[32];  // the longest shortest double has 24 characters
  const std::string_view text(digits, std::to_chars(digits, digits + sizeof(digits), v).ptr);
  out += text;
  if (text.find_first_of(".e") == text.npos) out += ".0";  // stays a float for its reader
}

// `indent` is the number of spaces of this level; `step` 0 means one line.
void write(std::string& out, const Value& value, std::size_t indent, std::size_t step) {
  const auto new_line = [&](std::size_t spaces) {
    if (step != 0) out.append(1, '\n').append(spaces, ' ');
  };
  if (value.is_number_float()) {
    write_double(out, value.get<double>());
  } else if (value.is_structured() && !value.empty()) {
    out += value.is_object() ? '{' : '[';
    bool first = true;
    for (const auto& item : value.items()) {
      if (!first) out += ',';
      first = false;
      new_line(indent + step);
      if (value.is_object()) {
        out += dump(Value(item.key()));
        out += step != 0 ? ": " : ":";
      }
      write(out, item.value(), indent + step, step);
    }
    new_line(indent);
    out += value.is_object() ? '}' : ']';
  } else {
    out += escape_controls(value.dump(-1, ' ', false, Value::error_handler_t::replace));
  }
}

// The UTF-16 unit of a \uXXXX escape at text[pos], or -1.
int escaped_unit(std::string_view text, std::size_t pos) {
  if (pos + 6 > text.size() || text[pos] != '\\' || text[pos + 1] != 'u') return -1;
  int unit = 0;
  const char* end = text.data() + pos + 6;
  const auto [p, error] = std::from_chars(text.data() + pos + 2, end, unit, 16);
  return error == std::errc() && p == end && unit >= 0 ? unit : -1;
}

}  // namespace

Result<Value> parse(std::string_view text, const ParseOptions& options) {
  const auto refuse = [](std::string message) {
    return Error{ErrorCode::kBadInput, std::move(message)};
  };
  if (const std::size_t valid = base::valid_utf8_prefix(text); valid != text.size()) {
    return refuse("invalid UTF-8" + at_byte(valid));
  }
  // The library would take a NUL for the end of the text.
  if (const std::size_t nul = text.find('\0'); nul != text.npos) {
    return refuse("not valid JSON" + at_byte(nul) + ": a NUL character");
  }
  std::size_t read = 0;
  Builder builder(text, read, options);
  if (!Value::sax_parse(CountingIterator(text.data(), &read),
                        CountingIterator(text.data() + text.size(), &read), &builder)) {
    return refuse(builder.error());
  }
  return std::move(builder.root());
}

std::string dump(const Value& value) {
  std::string out;
  write(out, value, 0, 0);
  return out;
}

std::string dump_pretty(const Value& value) {
  std::string out;
  write(out, value, 0, 2);
  return out;
}

std::string escape_controls(std::string_view json) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::size_t control = base::control_length(json, i);
    if (control == 0) continue;
    const auto last = static_cast<unsigned char>(json[i + control - 1]);
    if (last < 0x20) continue;  // C0: white space here, or escaped already
    char escaped[8];
    std::snprintf(escaped, sizeof(escaped), "\\u00%02x", last);
    out.append(json, copied, i - copied).append(escaped);
    i += control - 1;
    copied = i + 1;
  }
  return out.append(json, copied);
}

std::string quote(std::string_view text) {
  constexpr std::size_t kShown = 64;
  if (text.size() <= kShown) return dump(Value(text));
  std::size_t cut = kShown;
  while (cut > 0 && base::is_continuation(text[cut])) --cut;
  return dump(Value(text.substr(0, cut))) + "...";
}

Value number(float value) {
  if (!std::isfinite(value)) return nullptr;
  char digits[32];
  const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  double decimal = 0;  // at most 9 digits: a double gives them back unchanged
  std::from_chars(digits, end, decimal);
  return decimal;
}

std::string repair_lone_surrogates(std::string_view text, std::size_t& replaced) {
  std::string out;
  replaced = 0;
  std::size_t copied = 0;
  for (std::size_t pos = text.find('\\'); pos < text.size(); pos = text.find('\\', pos)) {
    const int unit = escaped_unit(text, pos);
    if (unit < 0) {
      pos += 2;  // the backslash and what it escapes, which may be a backslash
    } else if (unit < 0xD800 || unit > 0xDFFF) {
      pos += 6;
    } else if (const int low = escaped_unit(text, pos + 6);
               unit < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF) {
      pos += 12;
    } else {
      out.append(text, copied, pos - copied).append("\\ufffd");
      pos += 6;
      copied = pos;
      ++replaced;
    }
  }
  return out.append(text, copied);
}

}  // namespace crossrank::json
