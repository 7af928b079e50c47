// The requests that `bench --url` sends, and the check of their answers. Sends nothing.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench_workload.h"
#include "crossrank/result.h"

namespace crossrank::cli {

// Bodies of POST /v1/rerank, each of so many consecutive pairs of a workload and the query of the
// first one; behind the last pair comes the first again. Any thread may call any member.
class LoadRequests {
 public:
  // `model` is what requests name, "" = none. Neither `documents` nor the pairs may be none.
  LoadRequests(const BenchWorkload& workload, std::size_t documents, const std::string& model);

  [[nodiscard]] std::size_t documents() const { return documents_; }
  // Of the request of that number; after all of them it begins anew.
  [[nodiscard]] const std::string& body(std::size_t number) const;

  // Holds the answer to that request against what every answer must be: each index from 0 to
  // documents() - 1 once, and for the same query and document the score of the answers before.
  // Error: kBadInput, with what is wrong.
  Result<void> check(std::size_t number, std::string_view answer);

 private:
  struct Entry {
    std::string body;
    std::vector<std::size_t> texts;  // which text each document is, an index of scores_
  };
  std::size_t documents_;
  std::vector<Entry> entries_;
  std::mutex mutex_;
  std::vector<std::optional<double>> scores_;  // of each text, once known; guarded by mutex_
};

}  // namespace crossrank::cli
