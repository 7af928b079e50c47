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
#include "line_reader.h"
#include "model_loader.h"
#include "options.h"
#include "pair_stream.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

struct ScoreFlags {
  std::string input;
  PairFormat pair_format = PairFormat::kAuto;
  bool skip_bad = false;
  ModelFlags model;
  ScoringFlags scoring;
  OutputFlags output;
  bool return_documents = false;
};

// One run over one input. After run() or an error of it, finish() closes the output.
class ScoreRun {
 public:
  ScoreRun(const ScoreFlags& flags, LineReader reader, const CrossEncoder& encoder)
      : flags_(flags),
        format_(flags.output.resolved()),
        encoder_(encoder),
        stream_("score",
                {.format = flags.pair_format,
                 .wants = {.document_json = flags.return_documents},
                 .skip_bad = flags.skip_bad,
                 .quiet = flags.output.quiet,
                 .score = flags.scoring.options()},
                std::move(reader), encoder),
        table_(columns(encoder.info().num_labels)) {
    if (!flags.output.quiet || format_ == Format::kJson || format_ == Format::kTable) {
      digest_.emplace(encoder);
    }
  }

  Result<void> run() {
    // What is wrong with the options is wrong before the first pair.
    CR_TRY(encoder_.predict({}, flags_.scoring.options()));
    if (format_ == Format::kJson) out_.buffer() += "{\"results\":[";
    const auto take = [this](const PairStream::Entry& entry, const Predictions& predictions,
                             std::size_t i) { write(predictions, i, entry); };
    while (!stream_.at_end() && !out_.closed()) {
      // A bad line or pair ends the run only after the good ones before it were written.
      auto done = stream_.next(take);
      CR_TRY(flush_part());
      CR_TRY(std::move(done));
    }
    return {};
  }

  // `stopped_by` is the error of run(). Writes what belongs behind the last pair.
  Result<void> finish(const Error* stopped_by) {
    stream_.clear_bar();
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

  void write(const Predictions& predictions, std::size_t i, const PairStream::Entry& entry) {
    truncated_ += predictions[i].truncation.truncated();
    switch (format_) {
      case Format::kTable: add_table_row(predictions, i, entry); break;
      case Format::kTsv: write_tsv(predictions, i, entry); break;
      default: write_object(predictions, i, entry); break;
    }
    ++written_;
  }

  void write_object(const Predictions& predictions, std::size_t i, const PairStream::Entry& entry) {
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

  void write_tsv(const Predictions& predictions, std::size_t i, const PairStream::Entry& entry) {
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

  void add_table_row(const Predictions& predictions, std::size_t i,
                     const PairStream::Entry& entry) {
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
    if (!table_.empty()) {
      out_.buffer() += table_.render(terminal_width(), /*with_titles=*/!titled_);
      titled_ = true;
      table_.clear();
    }
    return out_.flush();
  }

  void write_json_end(const std::string& digest, Clock::duration elapsed, const Error* stopped_by) {
    std::string end;
    ObjectWriter object(end);
    write_model(object, encoder_.info(), digest);
    object.member("skipped_lines", stream_.skipped_lines())
        .member("truncated_documents", truncated_)
        .member("elapsed_ms", milliseconds(elapsed));
    if (stopped_by != nullptr) object.member("error", stopped_by->message);
    object.end();
    // The object was opened by run(); here it goes on behind its list.
    out_.buffer() += "]," + end.substr(1) + "\n";
  }

  void report(const std::string& digest, double seconds, bool stopped) {
    stream_.report();
    if (flags_.output.quiet || (stopped && written_ == 0)) return;
    const double rate = seconds > 0 ? static_cast<double>(written_) / seconds : 0;
    say("scored " + counted(written_, "pair") +
        (truncated_ > 0 ? ", " + with_thousands(truncated_) + " of them in part," : "") + " at " +
        with_thousands(static_cast<std::size_t>(rate)) + "/s with " +
        describe(encoder_.info(), digest));
  }

  const ScoreFlags& flags_;
  const Format format_;
  const CrossEncoder& encoder_;
  PairStream stream_;
  std::optional<WeightsDigest> digest_;
  Output out_;
  Table table_;
  bool titled_ = false;
  Clock::time_point start_ = Clock::now();
  std::size_t written_ = 0;
  std::size_t truncated_ = 0;
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
  add_calibration_flag(*app, flags->model);
  add_truncation_flags(*app, flags->scoring);
  add_batch_flag(*app, flags->scoring);
  add_output_flags(*app, flags->output,
                   {Format::kTable, Format::kJson, Format::kJsonl, Format::kTsv});
  add_return_documents(*app, flags->return_documents);
  run_as(*app, chosen, [flags] { return score(*flags); });
}

}  // namespace crossrank::cli
