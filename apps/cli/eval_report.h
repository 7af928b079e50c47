// The HTML report of `crossrank eval`: the page of apps/cli/report with its data in it.
#pragma once

#include <map>
#include <string>

#include <optional>

#include "eval_details.h"
#include "eval_results.h"

namespace crossrank::cli {

// Texts of queries by id; both valid UTF-8.
using QueryTexts = std::map<std::string, std::string, std::less<>>;

// The whole page, which asks nothing of any network. `results` was evaluated for a report.
std::string report_html(const EvalResults& results, const QueryTexts& texts,
                        const std::optional<TruncationShares>& truncation);

// Writes `content` so that `path` is never seen half-written. Errors: kIoError, also for what is
// there and no regular file.
Result<void> write_whole_file(const std::string& path, std::string_view content);

}  // namespace crossrank::cli
