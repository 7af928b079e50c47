// Flags that several commands share, on CLI11. A value that does not parse is a usage error.
#include "options.h"

#include <CLI/CLI.hpp>
#include <array>
#include <utility>

#include "choices.h"
#include "console.h"
#include "crossrank/version.h"
#include "parse_all.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

constexpr std::array kPrecisions = {
    Name<Precision>{"fp32", Precision::kFp32},
    Name<Precision>{"bf16", Precision::kBf16},
    Name<Precision>{"int8", Precision::kInt8},
};

constexpr std::array kTruncations = {
    Name<Truncation>{"longest_first", Truncation::kLongestFirst},
    Name<Truncation>{"document_only", Truncation::kDocumentOnly},
    Name<Truncation>{"error", Truncation::kError},
    Name<Truncation>{"chunk_max", Truncation::kChunkMax},
    Name<Truncation>{"chunk_top2", Truncation::kChunkTop2},
    Name<Truncation>{"first", Truncation::kFirst},
};

constexpr std::array kFormats = {
    Name<Format>{"table", Format::kTable}, Name<Format>{"json", Format::kJson},
    Name<Format>{"jsonl", Format::kJsonl}, Name<Format>{"tsv", Format::kTsv},
    Name<Format>{"trec", Format::kTrec},
};

}  // namespace

ScoreOptions ScoringFlags::options() const {
  ScoreOptions options;
  options.max_length = max_length;
  options.max_chars = max_chars;
  options.truncation = truncation;
  options.chunk = chunk;
  options.batch_tokens = batch_tokens;
  return options;
}

Result<void> check_chunks(Truncation truncation, const ChunkOptions& chunk) {
  if (!uses_chunks(truncation) || chunk.tokens > chunk.overlap) return {};
  return Error{ErrorCode::kInvalidArgument, "--chunk-tokens " + std::to_string(chunk.tokens) +
                                                " must be above --chunk-overlap, which is " +
                                                std::to_string(chunk.overlap) + " (default " +
                                                std::to_string(ChunkOptions{}.overlap) +
                                                "): give a smaller overlap too"};
}

std::string_view name_of(Truncation truncation) {
  for (const auto& known : kTruncations) {
    if (known.value == truncation) return known.name;
  }
  return "";  // not reached: the table has them all
}

Format OutputFlags::resolved(Format terminal, Format pipe) const {
  if (format != Format::kAuto) return format;
  return stdout_is_terminal() ? terminal : pipe;
}

CLI::Option* add_count(CLI::App& app, const std::string& name, std::size_t& value,
                       const std::string& help, std::size_t min) {
  return app
      .add_option_function<std::string>(
          name,
          [name, min, &value](const std::string& text) {
            // 2^53: what every consumer of our JSON can hold, and far above any sane value.
            constexpr std::size_t kMax = std::size_t{1} << 53;
            const auto parsed = parse_all<std::size_t>(text);
            if (!parsed || *parsed < min || *parsed > kMax) {
              throw CLI::ValidationError(
                  name, "'" + text + "' is not a whole number from " + std::to_string(min) + " on");
            }
            value = *parsed;
          },
          help)
      ->type_name("N");
}

CLI::Option* add_number(CLI::App& app, const std::string& name, std::optional<float>& value,
                        const std::string& help, float min, float max) {
  return app
      .add_option_function<std::string>(
          name,
          [name, min, max, &value](const std::string& text) {
            const auto parsed = parse_all<float>(text);
            if (!parsed || !(*parsed >= min && *parsed <= max)) {
              throw CLI::ValidationError(name, "'" + text + "' is not a number from " +
                                                   shortest(min) + " to " + shortest(max));
            }
            value = *parsed;
          },
          help)
      ->type_name("X");
}

void add_model_flags(CLI::App& app, ModelFlags& flags) {
  app.add_option_function<std::string>(
         "--model",
         [&flags](const std::string& model) {
           if (model.empty()) {
             throw CLI::ValidationError("--model",
                                        "'' names no model; omit --model for the default one");
           }
           flags.model = model;
         },
         "A folder, a hub id (ORG/NAME or ORG/NAME@REVISION), or builtin (default:\n"
         "CROSSRANK_MODEL, else the MiniLM model where it is cached, else builtin)")
      ->type_name("MODEL")
      ->group("Model");
}

void add_compute_flags(CLI::App& app, ModelFlags& flags) {
  add_choice(app, "--precision", flags.load.precision, kPrecisions, "Arithmetic (default fp32)")
      ->group("Model");
  add_count(app, "--threads", flags.load.threads,
            "Threads; 0 = all CPUs available to this process (default)")
      ->group("Model");
  app.add_option_function<std::string>(
         "--isa",
         [&flags](const std::string& text) {
           std::string all;
           for (const std::string& isa : available_isas()) {
             if (isa == text) flags.load.isa = text;
             all += (all.empty() ? "" : ", ") + isa;
           }
           if (flags.load.isa.empty()) {
             throw CLI::ValidationError("--isa",
                                        "'" + text + "' is not available here; there is " + all);
           }
         },
         "Kernels to use (default: the best of this CPU)")
      ->type_name("NAME")
      ->group("Model");
}

void add_calibration_flag(CLI::App& app, ModelFlags& flags) {
  app.add_option_function<std::string>(
         "--calibration",
         [&flags](const std::string& file) {
           if (file.empty()) {
             throw CLI::ValidationError("--calibration",
                                        "'' names no file; none is the word for no calibration");
           }
           flags.load.calibration = file;
         },
         "What `crossrank calibrate` wrote, or none (default: crossrank_calibration.json in the\n"
         "model's folder, if there is one)")
      ->type_name("FILE")
      ->group("Model");
}

void add_truncation_flags(CLI::App& app, ScoringFlags& flags) {
  const char* group = "Scoring";
  add_count(app, "--max-length", flags.max_length, "Tokens a pair (default: the model's own)")
      ->group(group);
  add_count(app, "--max-chars", flags.max_chars,
            "Characters of a document that are scored, 0 = all (default " +
                std::to_string(flags.max_chars) + ")")
      ->group(group);
  add_chunk_flags(app, flags.truncation, flags.chunk);
}

void add_chunk_flags(CLI::App& app, Truncation& truncation, ChunkOptions& chunk) {
  const char* group = "Scoring";
  add_choice(app, "--truncation", truncation, kTruncations,
             "How to handle longer pairs (default longest_first)")
      ->group(group);
  add_count(app, "--chunk-tokens", chunk.tokens, "Tokens a chunk at most (default 256)", 1)
      ->group(group);
  add_count(app, "--chunk-overlap", chunk.overlap, "Tokens that chunks share at most (default 32)")
      ->group(group);
  add_count(app, "--max-chunks", chunk.max_chunks, "Chunks a document at most (default 32)", 1)
      ->group(group);
}

void add_batch_flag(CLI::App& app, ScoringFlags& flags) {
  add_count(app, "--batch-tokens", flags.batch_tokens,
            "Tokens a batch; changes speed and memory, no score (default " +
                std::to_string(kDefaultBatchTokens) + ")",
            1)
      ->group("Scoring");
}

void add_output_flags(CLI::App& app, OutputFlags& flags, std::initializer_list<Format> formats) {
  std::vector<Name<Format>> names;
  for (const Format format : formats) {
    for (const auto& n : kFormats) {
      if (n.value == format) names.push_back(n);
    }
  }
  const std::string help =
      formats.size() > 1 ? "Default: table on a terminal, jsonl in a pipe" : "The only one";
  add_choice(app, "--format", flags.format, names, help)->group("Output");
  add_quiet_flag(app, flags.quiet);
}

void add_quiet_flag(CLI::App& app, bool& quiet) {
  app.add_flag("--quiet", quiet,
               "No progress bar, and only errors and skipped or repaired lines\non standard error")
      ->group("Output");
}

void add_return_documents(CLI::App& app, bool& value) {
  const std::string with = value ? " (default)" : "";
  const std::string without = value ? "" : " (default)";
  app.add_flag_callback(
         "--return-documents", [&value] { value = true; },
         "Include the documents in the results" + with)
      ->group("Output");
  app.add_flag_callback(
         "--no-return-documents", [&value] { value = false; }, "Leave them out" + without)
      ->group("Output");
}

void add_pair_format(CLI::App& app, PairFormat& format) {
  constexpr std::array kPairFormats = {
      Name<PairFormat>{"auto", PairFormat::kAuto},
      Name<PairFormat>{"jsonl", PairFormat::kJsonl},
      Name<PairFormat>{"tsv", PairFormat::kTsv},
  };
  add_choice(app, "--input-format", format, kPairFormats, "Default auto: by the first line")
      ->group("Input");
}

void add_input(CLI::App& app, std::string& path) {
  app.add_option("FILE", path, "Input file; - or none is standard input")->type_name("");
}

}  // namespace crossrank::cli
