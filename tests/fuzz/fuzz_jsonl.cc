// Fuzzes JSON lines: the JSON layer itself and the command's reader on top of it.
#include <algorithm>
#include <string>
#include <string_view>

#include "apps/cli/input.h"
#include "base/utf8.h"
#include "json/json.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using crossrank::Error;
using crossrank::ErrorCode;
using crossrank::Result;
namespace base = crossrank::base;
namespace cli = crossrank::cli;
namespace json = crossrank::json;

void check_error(const Error& error) {
  FUZZ_CHECK(error.code == ErrorCode::kBadInput);
  FUZZ_CHECK(!error.message.empty() && error.message.size() < 1000);
  FUZZ_CHECK(base::is_valid_utf8(error.message));
}

// What parses prints as JSON that parses to the same print.
void check_json(std::string_view text) {
  const Result<json::Value> value = json::parse(text);
  const Result<json::Value> strict = json::parse(text, {.duplicates = json::Duplicates::kReject});
  if (!value.ok()) {
    FUZZ_CHECK(!strict.ok());
    check_error(value.error());
    return;
  }
  FUZZ_CHECK(base::is_valid_utf8(text));
  const std::string printed = json::dump(*value);
  FUZZ_CHECK(base::is_valid_utf8(printed));
  const Result<json::Value> again = json::parse(printed, {.duplicates = json::Duplicates::kReject});
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(json::dump(*again) == printed);
  const Result<json::Value> pretty = json::parse(json::dump_pretty(*value));
  FUZZ_CHECK(pretty.ok() && json::dump(*pretty) == printed);
  FUZZ_CHECK(!strict.ok() || json::dump(*strict) == printed);
}

void check_line(std::string_view line, std::size_t number) {
  check_json(line);
  std::string storage;
  cli::Repairs repairs;
  const std::string_view repaired = cli::repair(line, true, number, storage, repairs);
  FUZZ_CHECK(base::is_valid_utf8(repaired));
  check_json(repaired);
  const Result<json::Value> value = json::parse(repaired);
  FUZZ_CHECK(value.ok() || value.error().message.find("surrogate") == std::string::npos);

  const Result<cli::PairFormat> format = cli::detect_pair_format(repaired);
  if (!format.ok()) check_error(format.error());
  for (const cli::PairFormat f : {cli::PairFormat::kJsonl, cli::PairFormat::kTsv}) {
    const Result<cli::PairRecord> pair = cli::parse_pair(repaired, f, {.document_json = true});
    if (!pair.ok()) {
      check_error(pair.error());
      continue;
    }
    FUZZ_CHECK(base::is_valid_utf8(pair->query) && base::is_valid_utf8(pair->document));
    FUZZ_CHECK(json::parse(pair->document_json).ok());
  }
  const Result<cli::PairRecord> labelled =
      cli::parse_pair(repaired, cli::PairFormat::kJsonl, {.label = true});
  if (!labelled.ok()) check_error(labelled.error());
  const Result<cli::TextRecord> text = cli::parse_text(repaired);
  if (!text.ok()) check_error(text.error());
}

void check_documents(std::string_view text) {
  for (const bool plain_lines : {false, true}) {
    for (const bool skip_bad : {false, true}) {
      const Result<cli::DocumentList> list =
          cli::parse_documents(text, "fuzz.jsonl", {plain_lines, skip_bad});
      if (!list.ok()) {
        check_error(list.error());
        continue;
      }
      FUZZ_CHECK(list->documents.size() == list->origins.size());
      for (std::size_t i = 0; i < list->documents.size(); ++i) {
        FUZZ_CHECK(base::is_valid_utf8(list->documents[i].page_content));
        FUZZ_CHECK(json::parse(cli::document_json(*list, i)).ok());
        FUZZ_CHECK(json::parse(cli::id_json(*list, i)).ok());
      }
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::size_t number = 0;
  for (std::size_t pos = 0; pos <= input.size();) {
    const std::size_t end = std::min(input.find('\n', pos), input.size());
    check_line(input.substr(pos, end - pos), ++number);
    pos = end + 1;
  }
  check_documents(input);
  return 0;
}
