// crossrank hybrid: the cross-encoder's best documents, judged by an LLM.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "crossrank/rerankers.h"
#include "display.h"
#include "interrupt.h"
#include "judge_flags.h"
#include "judge_trace.h"
#include "model_loader.h"
#include "progress_bar.h"
#include "ranking_input.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

constexpr std::size_t kCandidates = 10;

struct HybridFlags {
  RankingFlags ranking;
  JudgeFlags judge;
  OutputFlags output;
  bool return_documents = true;
  std::size_t top_k = HybridOptions{}.top_k;
  std::size_t candidates = 0;  // 0 = kCandidates, or top_k where that is more
};

// What the writers below need to know.
struct HybridResults {
  const HybridFlags& flags;
  const RankingInput& input;
  const JudgedRanking& ranking;
  const ModelInfo& info;
  std::string digest;  // 12 digits; "" where no one asked
  std::chrono::steady_clock::duration elapsed;
};

// 7 rather than 7.0.
json::Value relevance_json(double value) {
  if (value == std::floor(value)) return static_cast<std::int64_t>(value);
  return value;
}

std::string verdict_json(const JudgeVerdict& verdict) {
  std::string out;
  ObjectWriter object(out);
  object.member("relevance", relevance_json(verdict.relevance)).member("reason", verdict.reason);
  if (verdict.disagreement) {
    object.member("disagreement", relevance_json(*verdict.disagreement));
  }
  object.member("chars_cut", verdict.chars_cut).end();
  return out;
}

void write_result(std::string& out, const HybridResults& r, const RankedDocument& result) {
  ObjectWriter object(out);
  write_ranked(object, r.input.list, result, r.flags.return_documents);
  object.member("cross_encoder_rank", result.first_stage_rank);
  if (result.judge) object.raw("judge", verdict_json(*result.judge));
  object.end();
}

// Six digits: sums of prices of millionths have many more, and none that means something.
json::Value cost_json(double cost) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", cost);
  return relevance_json(std::strtod(text.data(), nullptr));
}

// What went wrong, with our options as flags. Only how many candidates fit is said in terms of
// them; a server's words, which may hold the same names, stay as they are.
std::string message_of(const JudgeReport& report) {
  return report.message.starts_with("Only ") ? with_flags(report.message) : report.message;
}

std::string report_json(const JudgeReport& report) {
  std::string out;
  ObjectWriter object(out);
  object.member("calls", report.calls)
      .member("tokens", report.prompt_tokens + report.completion_tokens)
      .member("prompt_tokens", report.prompt_tokens)
      .member("completion_tokens", report.completion_tokens)
      .member("cost", report.cost ? cost_json(*report.cost) : json::Value())
      .member("model", report.model)
      .member("response_format",
              report.response_format.empty() ? json::Value() : json::Value(report.response_format))
      .member("prompt_version", report.prompt_version);
  if (report.disagreement) object.member("disagreement", relevance_json(*report.disagreement));
  object.member("cut_documents", report.cut_documents)
      .member("query_chars_cut", report.query_chars_cut)
      .member("context_chars_cut", report.context_chars_cut);
  if (!report.message.empty()) object.member("message", message_of(report));
  object.member("elapsed_ms", milliseconds(report.elapsed)).end();
  return out;
}

ResultWriter result_writer(const HybridResults& r) {
  return [&r](std::string& out, const RankedDocument& result) { write_result(out, r, result); };
}

void write_json(std::string& out, const HybridResults& r) {
  ObjectWriter object(out);
  write_ranking(object, r.ranking, r.flags.ranking.query, r.info, r.digest, r.elapsed,
                result_writer(r));
  object.member("degraded", r.ranking.judge.degraded)
      .member("outcome", to_string(r.ranking.judge.outcome))
      .raw("judge", report_json(r.ranking.judge))
      .end();
  out += '\n';
}

std::string one_digit(double value) {
  const double rounded = std::round(value * 10) / 10;
  return json::dump(relevance_json(rounded));
}

// "judged: 1 call, 812 tokens, 2,310 ms, gpt-4o-mini" and, where it is so, what went wrong.
std::string judge_line(const JudgeReport& report) {
  std::string line = (report.degraded ? "DEGRADED, " : "") + std::string(to_string(report.outcome));
  if (report.calls > 0) {
    line += ": " + counted(report.calls, "call") + ", " +
            counted(report.prompt_tokens + report.completion_tokens, "token") + ", ";
    if (report.cost) line += "cost " + json::dump(cost_json(*report.cost)) + ", ";
    line += with_thousands(static_cast<std::size_t>(report.elapsed.count() / 1000)) + " ms, " +
            report.model;
  }
  if (!report.message.empty()) line += ". " + message_of(report);
  return line;
}

void write_table(std::string& out, const HybridResults& r) {
  constexpr std::size_t kReasonColumns = 44;
  const std::size_t width = terminal_width();
  Table table({{"rank", true},
               {"relevance", true},
               {"was", true},
               {"logit", true},
               {"stage"},
               {"id"},
               {"reason"},
               {"text"}});
  for (const RankedDocument& result : r.ranking.results) {
    table.add_row({std::to_string(result.rank),
                   result.judge ? one_digit(result.judge->relevance) : "-",
                   std::to_string(result.first_stage_rank), rounded(result.logit),
                   std::string(name_of(result.stage)), result.id.value_or(""),
                   result.judge ? snippet(result.judge->reason, kReasonColumns) : "",
                   r.input.list.documents[result.index].page_content});
  }
  out += snippet("query: " + r.flags.ranking.query, width) + "\n" + table.render(width);
  const std::string footer =
      std::to_string(r.ranking.results.size()) + " of " +
      counted(r.input.list.documents.size(), "document") + ", " +
      with_thousands(static_cast<std::size_t>(milliseconds(r.elapsed).get<double>())) + " ms, " +
      describe(r.info, r.digest);
  out += snippet(footer, 400) + "\n" + snippet(judge_line(r.ranking.judge), 400) + "\n";
}

Result<void> write_results(Output& out, Format format, const HybridResults& results) {
  switch (format) {
    case Format::kJson: write_json(out.buffer(), results); break;
    case Format::kTable: write_table(out.buffer(), results); break;
    case Format::kTsv:
    case Format::kTrec:
    case Format::kJsonl:
    case Format::kAuto: write_lines(out.buffer(), results.ranking, result_writer(results)); break;
  }
  return out.flush();
}

Result<std::size_t> candidates_of(const HybridFlags& flags) {
  if (flags.candidates == 0) {
    return flags.top_k == 0 ? kCandidates : std::max(kCandidates, flags.top_k);
  }
  if (flags.candidates < flags.top_k) {
    return Error{ErrorCode::kInvalidArgument,
                 "--candidates " + std::to_string(flags.candidates) + " is less than --top-k " +
                     std::to_string(flags.top_k) + "; give a smaller --top-k"};
  }
  return flags.candidates;
}

Result<void> print_requests(const std::vector<JudgeExchange>& requests) {
  Output out;
  for (const JudgeExchange& request : requests) out.buffer() += request_json(request) + "\n";
  if (requests.empty()) say("the judge would not be asked");
  return out.flush();
}

std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               start);
}

Result<void> hybrid(HybridFlags& flags) {
  const auto begin = std::chrono::steady_clock::now();  // of the caller's deadline
  const bool quiet = flags.output.quiet;
  const Format format = flags.output.resolved();
  CR_TRY_ASSIGN(const std::size_t candidates, candidates_of(flags));
  std::optional<TraceFile> trace;
  JudgeOptions judge_options = flags.judge.options;
  judge_options.timeout = std::chrono::milliseconds(flags.judge.timeout_ms);
  judge_options.cache_entries = 0;  // a process asks once
  judge_options.trace = [&trace](const JudgeExchange& exchange) {
    if (trace) trace->write(exchange);
  };
  // The judge's settings before a model is loaded: they fail at once or not at all.
  CR_TRY_ASSIGN(LlmJudge judge, LlmJudge::create(std::move(judge_options)));
  CR_TRY_ASSIGN(const std::string context, read_context(flags.judge));
  CR_TRY_ASSIGN(const RankingInput input, read_ranking_input(flags.ranking, quiet));
  if (!flags.judge.trace.empty() && !flags.judge.dry_run) {
    CR_TRY_ASSIGN(trace, TraceFile::open(flags.judge.trace));
  }
  CR_TRY_ASSIGN(CrossEncoder loaded, open_model(flags.ranking.model, quiet));
  const auto encoder = std::make_shared<const CrossEncoder>(std::move(loaded));
  const ModelInfo& info = encoder->info();
  std::optional<WeightsDigest> digest;
  if (format != Format::kJsonl || !quiet) digest.emplace(*encoder);

  const auto start = std::chrono::steady_clock::now();
  ProgressBar bar("rank", ProgressBar::Unit::kPairs, quiet);
  ReRankOptions options = rerank_options(flags.ranking, info, candidates);
  options.progress = bar.callback();
  CR_TRY_ASSIGN(CrossEncoderReRanker cross_encoder,
                CrossEncoderReRanker::create(encoder, std::move(options)));
  CR_TRY_ASSIGN(
      const HybridReRanker reranker,
      HybridReRanker::create(std::move(cross_encoder), std::move(judge), {.top_k = flags.top_k}));
  const JudgeCall call{.context = context,
                       .deadline = std::chrono::milliseconds(flags.judge.deadline_ms),
                       .spent = since(begin),
                       .cancel = &interrupted()};
  const std::string& query = flags.ranking.query;
  if (flags.judge.dry_run) {
    const auto requests = reranker.dry_run(query, input.documents(), call);
    bar.clear();
    if (requests.ok()) return print_requests(*requests);
    return locate(requests.error(), flags.ranking, reranker.cross_encoder(), input);
  }
  const auto ranking = reranker.rank(query, input.documents(), call);
  bar.clear();
  if (!ranking.ok()) {
    return locate(ranking.error(), flags.ranking, reranker.cross_encoder(), input);
  }
  HybridResults results{flags, input, *ranking, info, "", std::chrono::steady_clock::now() - start};
  if (digest) {
    CR_TRY_ASSIGN(results.digest, digest->short_hex());
  }
  if (!quiet) say_warnings(*ranking, flags.ranking, input.list);
  Output out;
  CR_TRY(write_results(out, format, results));
  const bool fails = flags.judge.strict && ranking->judge.degraded;
  if (!quiet && !out.closed() && format != Format::kTable) {
    // What became of the judge is said once: by the error, if it is one.
    say("ranked " + counted(input.list.documents.size(), "document") + " with " +
        describe(info, results.digest) + (fails ? "" : "; " + judge_line(ranking->judge)));
  }
  if (trace) CR_TRY(trace->close());
  if (fails) {
    const bool said = format == Format::kTable;
    return Error{ErrorCode::kJudgeFailed, "the judge degraded the ranking, and --strict was given" +
                                              (said ? "" : ": " + judge_line(ranking->judge))};
  }
  return {};
}

}  // namespace

void add_hybrid(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand(
      "hybrid", "The best documents of a list, the finalists judged by an LLM.");
  auto flags = std::make_shared<HybridFlags>();
  add_ranking_flags(*app, flags->ranking);
  add_judge_flags(*app, flags->judge);
  add_judge_call_flags(*app, flags->judge);
  add_count(*app, "--top-k", flags->top_k, "Results, 0 = all finalists (default 4)")
      ->group("Output");
  add_count(*app, "--candidates", flags->candidates,
            "Finalists that the judge sees (default 10, or --top-k where that is more)", 1)
      ->group("Judge");
  add_output_flags(*app, flags->output, {Format::kTable, Format::kJson, Format::kJsonl});
  add_return_documents(*app, flags->return_documents);
  app->footer(std::string(kDocumentsHelp) +
              "A judge that fails costs its order, never the answer: see outcome and degraded.");
  run_as(*app, chosen, [flags] { return hybrid(*flags); });
}

}  // namespace crossrank::cli
