// crossrank score: one line a pair, in input order, streamed in constant memory.
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "display.h"
#include "input.h"
#include "interrupt.h"
#include "line_reader.h"
#include "model_loader.h"
#include "options.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

// A part of the pairs is read, scored and written before the next one. 256 pairs of 80 tokens fill
// 40 batches of 512, so that sorting them by length pays, and take a few seconds at most, so that
// whoever reads our output sees it move; 8 MB bound the memory of long documents. A part ends early
// when the producer waits for its answers.
constexpr std::size_t kPartPairs = 256;
constexpr std::size_t kPartBytes = std::size_t{8} << 20;

struct ScoreFlags {
  std::string input;
  PairFormat pair_format = PairFormat::kAuto;
  bool skip_bad = false;
  ModelFlags model;
  ScoringFlags scoring;
  OutputFlags output;
  bool return_documents = false;
};

struct Entry {
  PairRecord pair;
  std::size_t index;
  std::size_t line;
};

// One run over one input. After run() or an error of it, finish() closes the output.
class ScoreRun {
 public:
  ScoreRun(const ScoreFlags& flags, LineReader reader, const CrossEncoder& encoder)
      : flags_(flags),
        format_(flags.output.resolved()),
        pair_format_(flags.pair_format),
        reader_(std::move(reader)),
        encoder_(encoder),
        options_(flags.scoring.options()),
        bar_("score", ProgressBar::Unit::kPairs, flags.output.quiet),
        table_(columns(encoder.info().num_labels)) {
    options_.cancel = &interrupted();
    if (!flags.output.quiet || format_ == Format::kJson || format_ == Format::kTable) {
      digest_.emplace(encoder);
    }
  }

  Result<void> run() {
    // What is wrong with the options is wrong before the first pair.
    CR_TRY(encoder_.predict({}, options_));
    if (format_ == Format::kJson) out_.buffer() += "{\"results\":[";
    while (!at_end_ && !out_.closed()) {
      // A bad line or pair ends the run only after the good ones before it were written.
      auto read = read_part();
      auto scored = score(0, part_.size());
      CR_TRY(flush_part());
      CR_TRY(std::move(scored));
      CR_TRY(std::move(read));
    }
    return {};
  }

  // `stopped_by` is the error of run(). Writes what belongs behind the last pair.
  Result<void> finish(const Error* stopped_by) {
    bar_.clear();
    std::string digest;
    if (digest_) {
      CR_TRY_ASSIGN(digest, digest_->short_hex());
    }
    const auto elapsed = Clock::now() - start_;
    if (format_ == Format::kJson) write_json_end(digest, elapsed, stopped_by);
    CR_TRY(out_.flush());
    if (!out_.closed()) {
      report(digest, std::chrono::duration<double>(elapsed).count(), stopped_by != nullptr);
    }
    return {};
  }

 private:
  using Clock = std::chrono::steady_clock;

  static std::vector<Table::Column> columns(std::size_t labels) {
    const std::string logit = labels > 1 ? "logits" : "logit";
    const std::string probability = labels > 1 ? "probs" : "prob";
    return {{"index", true, 7},  {logit, true, 9},     {probability, true, 6},
            {"tokens", true, 6}, {"query", false, 24}, {"document"}};
  }

  Result<void> read_part() {
    part_.clear();
    for (std::size_t bytes = 0; part_.size() < kPartPairs && bytes < kPartBytes;) {
      if (!part_.empty() && reader_.idle()) break;
      auto line = reader_.next();
      if (line.ok() && !*line) {
        at_end_ = true;
        break;
      }
      if (!line.ok() && line.error().code != ErrorCode::kBadInput) return std::move(line).error();
      if (line.ok() && is_blank(**line)) continue;
      const std::size_t index = next_index_++;
      auto pair = line.ok() ? parse(**line) : Result<PairRecord>(std::move(line).error());
      if (!pair.ok()) {
        CR_TRY(skip(reader_.line_number(), std::move(pair).error()));
        continue;
      }
      bytes += pair->query.size() + pair->document.size() + pair->document_json.size();
      part_.push_back({std::move(*pair), index, reader_.line_number()});
    }
    return {};
  }

  Result<PairRecord> parse(std::string_view line) {
    if (pair_format_ == PairFormat::kAuto) {
      CR_TRY_ASSIGN(pair_format_, detect_pair_format(line));
    }
    const std::string_view repaired =
        repair(line, pair_format_ == PairFormat::kJsonl, reader_.line_number(), storage_, repairs_);
    return parse_pair(repaired, pair_format_, flags_.return_documents);
  }

  Result<void> skip(std::size_t line, Error error) {
    return skipped_.add(reader_.file().name(), line, std::move(error), flags_.skip_bad);
  }

  // Scores and writes part_[begin, end). If one pair cannot be scored (it is longer than
  // --truncation allows), the halves are tried: the pairs around it have the same bits either way.
  Result<void> score(std::size_t begin, std::size_t end) {
    if (begin == end) return {};
    std::vector<TextPair> pairs;
    for (std::size_t i = begin; i < end; ++i) {
      pairs.push_back({part_[i].pair.query, part_[i].pair.document});
    }
    options_.first_index = part_[begin].index;
    options_.progress = [this, begin](std::size_t done, std::size_t) { show(begin + done); };
    auto predictions = encoder_.predict(pairs, options_);
    if (predictions.ok()) {
      write(*predictions, begin);
      return {};
    }
    Error error = std::move(predictions).error();
    if (error.code != ErrorCode::kTooLong && error.code != ErrorCode::kInvalidArgument) {
      return error;
    }
    if (end - begin == 1) {
      // The library counts the pair, skip() names its line.
      const std::string pair =
          "pair " + std::to_string(part_[begin].index) + " (counting from 0): ";
      if (error.message.starts_with(pair)) error.message.erase(0, pair.size());
      error.message = with_flags(error.message);
      return skip(part_[begin].line, std::move(error));
    }
    const std::size_t middle = begin + (end - begin) / 2;
    CR_TRY(score(begin, middle));
    return score(middle, end);
  }

  // `done` pairs of the part are scored: the share of the input is told by its bytes.
  void show(std::size_t done) {
    double fraction = -1;
    if (const auto size = reader_.file().size(); size && *size > 0 && !part_.empty()) {
      const double share = static_cast<double>(done) / static_cast<double>(part_.size());
      const auto consumed = static_cast<double>(reader_.bytes_consumed() - part_start_);
      fraction = (static_cast<double>(part_start_) + share * consumed) / static_cast<double>(*size);
    }
    bar_.update(scored_before_ + done, fraction);
  }

  void write(const Predictions& predictions, std::size_t begin) {
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const Entry& entry = part_[begin + i];
      truncated_ += predictions[i].truncation.truncated();
      switch (format_) {
        case Format::kTable: add_table_row(predictions, i, entry); break;
        case Format::kTsv: write_tsv(predictions, i, entry); break;
        default: write_object(predictions, i, entry); break;
      }
      ++written_;
    }
  }

  void write_object(const Predictions& predictions, std::size_t i, const Entry& entry) {
    std::string& out = out_.buffer();
    if (format_ == Format::kJson && written_ > 0) out += ",\n";
    ObjectWriter object(out);
    object.member("index", entry.index);
    write_scores(object, predictions, i);
    if (flags_.return_documents) object.raw("document", entry.pair.document_json);
    write_truncation(object, predictions[i].truncation);
    if (const TextSpan* span = predictions.span(i)) write_span(object, *span);
    object.end();
    if (format_ == Format::kJsonl) out += '\n';
  }

  void write_tsv(const Predictions& predictions, std::size_t i, const Entry& entry) {
    std::string& out = out_.buffer();
    out += std::to_string(entry.index);
    const auto add_all = [&out](const auto& values) {
      for (const float value : values) out += '\t' + shortest(value);
    };
    add_all(predictions.logits(i));
    add_all(predictions.probabilities(i));
    add_all(predictions.scores(i));
    if (flags_.return_documents) out += '\t' + tsv_field(entry.pair.document);
    out += '\n';
  }

  void add_table_row(const Predictions& predictions, std::size_t i, const Entry& entry) {
    const auto join = [](const auto& values) {
      std::string text;
      for (const float value : values) text += (text.empty() ? "" : " ") + rounded(value);
      return text;
    };
    table_.add_row({std::to_string(entry.index), join(predictions.logits(i)),
                    join(predictions.probabilities(i)),
                    std::to_string(predictions[i].truncation.tokens_used),
                    snippet(entry.pair.query, 24), entry.pair.document});
  }

  Result<void> flush_part() {
    bar_.clear();
    if (!table_.empty()) {
      out_.buffer() += table_.render(terminal_width(), /*with_titles=*/!titled_);
      titled_ = true;
      table_.clear();
    }
    scored_before_ += part_.size();
    part_start_ = reader_.bytes_consumed();
    return out_.flush();
  }

  void write_json_end(const std::string& digest, Clock::duration elapsed, const Error* stopped_by) {
    std::string end;
    ObjectWriter object(end);
    object.member("model", encoder_.info().name)
        .member("weights_sha256", digest)
        .member("precision", name_of(encoder_.info().precision))
        .member("skipped_lines", skipped_.count)
        .member("truncated_documents", truncated_)
        .member("elapsed_ms", milliseconds(elapsed));
    if (stopped_by != nullptr) object.member("error", stopped_by->message);
    object.end();
    // The object was opened by run(); here it goes on behind its list.
    out_.buffer() += "]," + end.substr(1) + "\n";
  }

  void report(const std::string& digest, double seconds, bool stopped) {
    if (repairs_.lines > 0) say(repairs_.report(reader_.file().name()));
    if (skipped_.count > 0) say(skipped_.report("line"));
    if (flags_.output.quiet || (stopped && written_ == 0)) return;
    const double rate = seconds > 0 ? static_cast<double>(written_) / seconds : 0;
    say("scored " + counted(written_, "pair") +
        (truncated_ > 0 ? ", " + with_thousands(truncated_) + " of them in part," : "") + " at " +
        with_thousands(static_cast<std::size_t>(rate)) + "/s with " +
        describe(encoder_.info(), digest));
  }

  const ScoreFlags& flags_;
  const Format format_;
  PairFormat pair_format_;
  LineReader reader_;
  const CrossEncoder& encoder_;
  ScoreOptions options_;
  std::optional<WeightsDigest> digest_;
  Output out_;
  ProgressBar bar_;
  Table table_;
  bool titled_ = false;
  Clock::time_point start_ = Clock::now();

  std::vector<Entry> part_;
  std::string storage_;  // of a repaired line
  bool at_end_ = false;
  std::size_t next_index_ = 0;
  std::size_t scored_before_ = 0;  // pairs of the parts before this one
  std::uint64_t part_start_ = 0;   // bytes of the input before this part
  std::size_t written_ = 0;
  std::size_t truncated_ = 0;
  Skipped skipped_;
  Repairs repairs_;
};

Result<void> score(const ScoreFlags& flags) {
  CR_TRY(flags.scoring.check());
  CR_TRY_ASSIGN(InputFile input, InputFile::open(flags.input));
  if (input.is_terminal() && !flags.output.quiet) {
    say("reading pairs from the terminal, up to Ctrl-D");
  }
  CR_TRY_ASSIGN(const CrossEncoder encoder, open_model(flags.model, flags.output.quiet));
  ScoreRun run(flags, LineReader(std::move(input)), encoder);
  auto done = run.run();
  auto finished = run.finish(done.ok() ? nullptr : &done.error());
  return done.ok() ? std::move(finished) : std::move(done);
}

}  // namespace

void add_score(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand("score", "One line a pair, in input order, streamed.");
  auto flags = std::make_shared<ScoreFlags>();
  add_input(*app, flags->input);
  app->footer(
      "FILE holds JSON lines {\"query\": string, \"document\": string or {\"page_content\" (or\n"
      "\"text\"): string}}, or query TAB document; no JSON array. Blank lines are skipped; every\n"
      "other line, even a bad one, gets an index.\n"
      "tsv: index, logit, probability, score, document if asked for; no header line. With\n"
      "several labels each of the three has one column per label.");
  add_pair_format(*app, flags->pair_format);
  app->add_flag("--skip-bad", flags->skip_bad, "Count and report bad lines instead of stopping")
      ->group("Input");
  add_model_flags(*app, flags->model);
  add_compute_flags(*app, flags->model);
  add_truncation_flags(*app, flags->scoring);
  add_batch_flag(*app, flags->scoring);
  add_output_flags(*app, flags->output,
                   {Format::kTable, Format::kJson, Format::kJsonl, Format::kTsv});
  add_return_documents(*app, flags->return_documents);
  run_as(*app, chosen, [flags] { return score(*flags); });
}

}  // namespace crossrank::cli
