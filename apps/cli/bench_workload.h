// The pairs that `bench` scores: the user's own, or built-in ones. Measures nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/result.h"
#include "input.h"

namespace crossrank::cli {

struct BenchWorkload {
  std::string name;  // "built-in pairs" or the file's name
  std::vector<PairRecord> pairs;

  // Views of `pairs`, which must not change while they are used.
  [[nodiscard]] std::vector<TextPair> views() const;
};

// `count` pairs of English prose, the same on every machine: passages of 10 to 400 words whose
// lengths spread as those of web passages do, 70 words on average, about 93 tokens with a query.
BenchWorkload builtin_workload(std::size_t count);

// The first `count` pairs of a file as `score` reads it. Errors: kBadInput with file and line, also
// where there is none; kFileNotFound, kIoError, kCancelled.
Result<BenchWorkload> read_workload(const std::string& path, PairFormat format, std::size_t count);

}  // namespace crossrank::cli
