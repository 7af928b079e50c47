// Input of `eval` and `tune`.
#include "eval_input.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "line_reader.h"

namespace crossrank::cli {

Result<InputText> read_text(const std::string& path) {
  CR_TRY_ASSIGN(InputFile file, InputFile::open(path));
  CR_TRY_ASSIGN(std::string text, file.read_all());
  return InputText{file.name(), std::move(text)};
}

Result<std::int32_t> relevance_level_of(std::size_t flag) {
  constexpr std::size_t kMaxLevel = std::size_t{1} << 30;
  if (flag > kMaxLevel) {
    return Error{ErrorCode::kInvalidArgument, "--relevance-level: no grade is that high"};
  }
  return static_cast<std::int32_t>(flag);
}

Result<void> check_grades(const std::vector<eval::Measure>& measures, const eval::Qrels& qrels,
                          const std::string& file) {
  const auto is_exponential = [](const eval::Measure& measure) {
    return measure.family == eval::Family::kNdcgExp;
  };
  if (std::none_of(measures.begin(), measures.end(), is_exponential)) return {};
  for (const eval::Qrels::Query& query : qrels.queries()) {
    for (const eval::Judgment& judgment : qrels.records(query)) {
      if (judgment.grade > eval::kMaxExpGrade) {
        return Error{ErrorCode::kInvalidArgument,
                     "nDCG_exp takes grades up to " + std::to_string(eval::kMaxExpGrade) + ", " +
                         file + " has " + std::to_string(judgment.grade)};
      }
    }
  }
  return {};
}

}  // namespace crossrank::cli
