// JSON: the one place that names the JSON library (nlohmann-json). Others say json::Value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "crossrank/result.h"

namespace crossrank::json {

// Objects keep the order of their members. An array of members: find() is linear, so convert a
// vocabulary by iterating, never by lookups.
using Value = nlohmann::ordered_json;

// What becomes of members of one object with the same key.
enum class Duplicates : std::uint8_t {
  kLastWins,  // as in Python
  kReject,    // an error: safetensors headers
  kNull,      // one member, null: an answer that says two things says nothing
};

struct ParseOptions {
  std::size_t max_depth = 128;        // nested arrays and objects; deeper is an error, not a crash
  std::size_t max_values = SIZE_MAX;  // a value takes 16 bytes and more, its text may take 2
  Duplicates duplicates = Duplicates::kLastWins;
};

// Parses one JSON text (RFC 8259; no comments, no NaN). The error is kBadInput with a byte offset;
// callers put the file's name in front and their own code on it.
Result<Value> parse(std::string_view text, const ParseOptions& options = {});

// One line, valid UTF-8 in, UTF-8 out (non-ASCII characters are not escaped, but for C1).
std::string dump(const Value& value);
// The same over several lines, indented by two spaces.
std::string dump_pretty(const Value& value);

// A JSON text with DEL and the C1 control characters escaped, which JSON leaves to the writer and
// which can drive a terminal. The same text where there are none.
std::string escape_controls(std::string_view json);

// `text` as a JSON string of at most 64 bytes and "...": how messages show foreign names, which may
// be long or hold control characters.
std::string quote(std::string_view text);

// A number that prints as the shortest decimal that reads back to the same float32.
Value number(float value);

// `text` with every \uD800..\uDFFF escape that is not part of a pair replaced by \ufffd (which is
// what users of json.loads + errors="replace" see); `replaced` counts them. Text that is not JSON
// comes back unharmed for parse() to refuse.
std::string repair_lone_surrogates(std::string_view text, std::size_t& replaced);

}  // namespace crossrank::json
