// PairStream: scores the pairs of an input part by part, in input order and constant memory. What
// becomes of the scores is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "crossrank/result.h"
#include "input.h"
#include "line_reader.h"
#include "progress_bar.h"

namespace crossrank::cli {

// One thread; refers to the encoder, which must outlive it.
class PairStream {
 public:
  struct Options {
    PairFormat format = PairFormat::kAuto;
    PairWants wants = {};
    bool skip_bad = false;
    bool quiet = false;
    ScoreOptions score = {};
  };
  struct Entry {
    PairRecord pair;
    std::size_t index;  // in the input; bad lines count
    std::size_t line;
  };
  // Called for each pair that was scored, in input order: it is pair i of `predictions`.
  using Take =
      std::function<void(const Entry& entry, const Predictions& predictions, std::size_t i)>;

  PairStream(std::string title, Options options, LineReader reader, const CrossEncoder& encoder);

  // Reads a part and scores it. A bad line or pair is an error only after the good ones before it
  // were taken. Errors: as LineReader and CrossEncoder::predict; kBadInput with file and line.
  Result<void> next(const Take& take);
  [[nodiscard]] bool at_end() const { return at_end_; }

  // Takes the progress bar off the screen, so that others can write there.
  void clear_bar() { bar_.clear(); }
  // Says what was repaired and skipped.
  void report() const;
  [[nodiscard]] std::size_t skipped_lines() const { return skipped_.count; }
  [[nodiscard]] const std::string& file() const { return reader_.file().name(); }

 private:
  Result<void> read_part();
  Result<PairRecord> parse(std::string_view line);
  Result<void> skip(std::size_t line, Error error);
  Result<void> score(std::size_t begin, std::size_t end, const Take& take);
  void show(std::size_t done);

  Options options_;
  LineReader reader_;
  const CrossEncoder& encoder_;
  ProgressBar bar_;

  std::vector<Entry> part_;
  std::string storage_;  // of a repaired line
  bool at_end_ = false;
  std::size_t next_index_ = 0;
  std::size_t scored_before_ = 0;  // pairs of the parts before this one
  std::uint64_t part_start_ = 0;   // bytes of the input before this part
  Skipped skipped_;
  Repairs repairs_;
};

}  // namespace crossrank::cli
