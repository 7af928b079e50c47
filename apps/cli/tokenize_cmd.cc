// crossrank tokenize: the token ids that the model sees. Needs no weights.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "crossrank/tokenizer.h"
#include "input.h"
#include "interrupt.h"
#include "line_reader.h"
#include "model_loader.h"
#include "options.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

struct TokenizeFlags {
  std::string input;
  std::optional<std::string> text;
  bool plain_lines = false;
  bool skip_bad = false;
  ModelFlags model;
  ScoringFlags scoring;
  OutputFlags output;
};

class TokenizeRun {
 public:
  TokenizeRun(const TokenizeFlags& flags, const Tokenizer& tokenizer)
      : flags_(flags), tokenizer_(tokenizer), options_(flags.scoring.options()) {}

  // What is wrong with the options is wrong before the first text.
  Result<void> check() const {
    CR_TRY(tokenizer_.encode("", options_));
    if (!flags_.text && !flags_.plain_lines) CR_TRY(tokenizer_.encode("", "", options_));
    return {};
  }

  Result<void> text(std::string_view text) {
    CR_TRY(write({{}, std::string(text)}));
    return out_.flush();
  }

  Result<void> lines(LineReader reader) {
    while (!out_.closed()) {
      if (reader.idle()) CR_TRY(out_.flush());
      auto line = reader.next();
      if (line.ok() && !*line) break;
      if (!line.ok() && line.error().code != ErrorCode::kBadInput) return std::move(line).error();
      if (line.ok() && is_blank(**line)) continue;
      const auto written =
          line.ok() ? one_line(**line, reader.line_number()) : Result<void>(line.error());
      if (!written.ok()) {
        // What was written before it stays: the bad line is named behind it.
        if (!flags_.skip_bad) CR_TRY(out_.flush());
        CR_TRY(skipped_.add(reader.file().name(), reader.line_number(), written.error(),
                            flags_.skip_bad));
      }
      CR_TRY(out_.write_if_large());
      if (interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
    }
    CR_TRY(out_.flush());
    if (repairs_.lines > 0) say(repairs_.report(reader.file().name()));
    if (skipped_.count > 0) say(skipped_.report("line"));
    return {};
  }

 private:
  Result<void> one_line(std::string_view line, std::size_t line_number) {
    const std::string_view repaired =
        repair(line, !flags_.plain_lines, line_number, storage_, repairs_);
    if (flags_.plain_lines) return write({{}, std::string(repaired)});
    auto record = parse_text(repaired);
    if (record.ok()) return write(*record);
    Error error = std::move(record).error();
    if (line_number == 1 && !line.starts_with('{')) {
      error.message += "; if each line is a text, give --lines";
    }
    return error;
  }

  Result<void> write(const TextRecord& record) {
    CR_TRY_ASSIGN(const Encoding encoding,
                  record.query ? tokenizer_.encode(*record.query, record.text, options_)
                               : tokenizer_.encode(record.text, options_));
    ObjectWriter object(out_.buffer());
    object.member("ids", encoding.ids)
        .member("type_ids", encoding.type_ids)
        .member("tokens", encoding.tokens);
    write_truncation(object, encoding.truncation);
    object.end();
    out_.buffer() += '\n';
    return {};
  }

  const TokenizeFlags& flags_;
  const Tokenizer& tokenizer_;
  ScoreOptions options_;
  Output out_;
  std::string storage_;
  Repairs repairs_;
  Skipped skipped_;
};

Result<void> tokenize(TokenizeFlags& flags) {
  CR_TRY(flags.scoring.check());
  if (flags.text) repair_argument(*flags.text, "the text");
  CR_TRY_ASSIGN(InputFile input, InputFile::open(flags.text ? "-" : flags.input));
  CR_TRY(fetch_model(flags.model, /*tokenizer_only=*/true, flags.output.quiet));
  CR_TRY_ASSIGN(const Tokenizer tokenizer, open_tokenizer(flags.model));
  TokenizeRun run(flags, tokenizer);
  CR_TRY(run.check());
  if (flags.text) return run.text(*flags.text);
  if (input.is_terminal() && !flags.output.quiet) say("reading from the terminal, up to Ctrl-D");
  return run.lines(LineReader(std::move(input)));
}

}  // namespace

void add_tokenize(CLI::App& program, Command& chosen) {
  CLI::App* app =
      program.add_subcommand("tokenize", "The token ids that the model sees, as JSON lines.");
  auto flags = std::make_shared<TokenizeFlags>();
  add_input(*app, flags->input);
  app->footer(
      "FILE holds JSON lines {\"text\": string} or {\"query\": string, \"document\": string}. A\n"
      "pair is cut as when it is scored, a single text only with --max-length.");
  app->add_option("--text", flags->text, "This text, and no file")
      ->type_name("TEXT")
      ->excludes("FILE")
      ->group("Input");
  app->add_flag("--lines", flags->plain_lines, "Each line is a text")->group("Input");
  app->add_flag("--skip-bad", flags->skip_bad, "Count and report bad lines instead of stopping")
      ->group("Input");
  add_model_flags(*app, flags->model);
  add_truncation_flags(*app, flags->scoring);
  add_output_flags(*app, flags->output, {Format::kJsonl});
  run_as(*app, chosen, [flags] { return tokenize(*flags); });
}

}  // namespace crossrank::cli
