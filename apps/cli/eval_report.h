// The HTML report of `crossrank eval`: the page of apps/cli/report with its data in it.
#pragma once

#include <string>

#include <optional>

#include "eval_details.h"
#include "eval_results.h"
#include "query_file.h"

namespace crossrank::cli {

// The whole page, which asks nothing of any network. `results` was evaluated for a report.
std::string report_html(const EvalResults& results, const QueryTexts& texts,
                        const std::optional<TruncationShares>& truncation);

}  // namespace crossrank::cli
