// Flags that several commands share: their names, their checks, and what the library gets of them.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "crossrank/options.h"
#include "input.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace crossrank::cli {

enum class Format { kAuto, kTable, kJson, kJsonl, kTsv, kTrec };

// What to load, and on what.
struct ModelFlags {
  std::string model;
  LoadOptions load;
};

// Error: kInvalidArgument, for flags that do not fit together.
[[nodiscard]] Result<void> check_chunks(Truncation truncation, const ChunkOptions& chunk);

// How a pair becomes a score.
struct ScoringFlags {
  std::size_t max_length = 0;
  std::size_t max_chars = 0;
  Truncation truncation = Truncation::kLongestFirst;
  ChunkOptions chunk;
  std::size_t batch_tokens = kDefaultBatchTokens;
  [[nodiscard]] ScoreOptions options() const;
  [[nodiscard]] Result<void> check() const { return check_chunks(truncation, chunk); }
};

// As --truncation calls it.
[[nodiscard]] std::string_view name_of(Truncation truncation);

struct OutputFlags {
  Format format = Format::kAuto;
  bool quiet = false;
  // kAuto is `terminal` on a terminal and `pipe` elsewhere.
  [[nodiscard]] Format resolved(Format terminal = Format::kTable,
                                Format pipe = Format::kJsonl) const;
};

void add_model_flags(CLI::App& app, ModelFlags& flags);
// --precision, --threads, --isa: for commands that load the weights.
void add_compute_flags(CLI::App& app, ModelFlags& flags);
// --calibration: for commands whose output has probabilities.
void add_calibration_flag(CLI::App& app, ModelFlags& flags);
void add_truncation_flags(CLI::App& app, ScoringFlags& flags);
// Of these --truncation and what it says of chunks.
void add_chunk_flags(CLI::App& app, Truncation& truncation, ChunkOptions& chunk);
void add_batch_flag(CLI::App& app, ScoringFlags& flags);
void add_output_flags(CLI::App& app, OutputFlags& flags, std::initializer_list<Format> formats);
void add_quiet_flag(CLI::App& app, bool& quiet);
// --return-documents and --no-return-documents; `value` holds the default.
void add_return_documents(CLI::App& app, bool& value);
void add_pair_format(CLI::App& app, PairFormat& format);
// The positional [FILE].
void add_input(CLI::App& app, std::string& path);

// A whole number from `min` on; other values are refused with a sentence.
CLI::Option* add_count(CLI::App& app, const std::string& name, std::size_t& value,
                       const std::string& help, std::size_t min = 0);
// A number from `min` to `max`.
CLI::Option* add_number(CLI::App& app, const std::string& name, std::optional<float>& value,
                        const std::string& help, float min, float max);

}  // namespace crossrank::cli
