// The pages of apps/cli/report, linked in, with their data in them. What the data is, its writer
// knows.
#pragma once

#include <string>
#include <string_view>

namespace crossrank::cli {

// Whole pages, which ask nothing of any network. `json` may hold any text.
std::string eval_page(std::string_view json);
std::string calibration_page(std::string_view json);

}  // namespace crossrank::cli
