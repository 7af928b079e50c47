// What `crossrank rerank --details` says of truncation, against the judgments. Draws nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "crossrank/result.h"
#include "eval/trec_files.h"

namespace crossrank::cli {

// Documents that were scored in part, among all, by the place that reranking gave them.
struct TruncationShares {
  static constexpr std::size_t kRanksAPart = 10;
  static constexpr std::size_t kParts = 10;  // ranks 1 to 100; what is behind is not counted

  struct Count {
    std::size_t truncated = 0, all = 0;
  };
  std::array<Count, kParts> relevant{}, others{};

  [[nodiscard]] bool empty() const {
    const auto none = [](const Count& count) { return count.all == 0; };
    return std::all_of(relevant.begin(), relevant.end(), none) &&
           std::all_of(others.begin(), others.end(), none);
  }
};

// Lines {"qid", "docid", "rank", "truncation": {...}}; other members are not looked at, nor are
// queries that the qrels do not have. Errors: as InputFile::open(); kBadInput with file and line.
Result<TruncationShares> read_details(const std::string& path, const eval::Qrels& qrels,
                                      std::int32_t relevance_level);

}  // namespace crossrank::cli
