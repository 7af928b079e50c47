// The texts of queries by their ids, from a file.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "crossrank/result.h"
#include "input.h"

namespace crossrank::cli {

// Valid UTF-8.
using QueryTexts = std::map<std::string, std::string, std::less<>>;

struct QueryFile {
  std::string name;  // as messages call it
  QueryTexts texts;
  Repairs repairs;  // to be reported
};

// id TAB text a line, or JSON lines as those of a corpus. Errors: as LineReader; kBadInput with
// file and line, also for an id that stands twice.
Result<QueryFile> read_queries(const std::string& path);

}  // namespace crossrank::cli
