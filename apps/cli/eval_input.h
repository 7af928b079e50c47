// What `eval` and `tune` read and check alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crossrank/result.h"
#include "eval/metrics.h"
#include "eval/trec_files.h"

namespace crossrank::cli {

// A file's text, under the name that messages give it.
struct InputText {
  std::string name;
  std::string text;
};
// Errors: as InputFile.
Result<InputText> read_text(const std::string& path);

// Error: kInvalidArgument for a level that no grade reaches.
Result<std::int32_t> relevance_level_of(std::size_t flag);

// 2^grade must fit into a double. Error: kInvalidArgument.
Result<void> check_grades(const std::vector<eval::Measure>& measures, const eval::Qrels& qrels,
                          const std::string& file);

}  // namespace crossrank::cli
