// crossrank rank: the best documents of a list for one query.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "crossrank/rerankers.h"
#include "display.h"
#include "input.h"
#include "model_loader.h"
#include "options.h"
#include "progress_bar.h"
#include "ranking_input.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

struct RankFlags {
  RankingFlags ranking;
  std::string query_id = "q1";
  OutputFlags output;
  bool return_documents = true;
  std::size_t top_k = ReRankOptions{}.top_k;
};

// What the writers below need to know.
struct RankResults {
  const RankFlags& flags;
  const std::string& file;
  const DocumentList& documents;
  const Ranking& ranking;
  const ModelInfo& info;
  std::string digest;  // 12 digits; "" where no one asked
  std::chrono::steady_clock::duration elapsed;
};

void write_result(std::string& out, const RankResults& r, const RankedDocument& result) {
  ObjectWriter object(out);
  write_ranked(object, r.documents, result, r.flags.return_documents);
  object.end();
}

ResultWriter result_writer(const RankResults& r) {
  return [&r](std::string& out, const RankedDocument& result) { write_result(out, r, result); };
}

void write_json(std::string& out, const RankResults& r) {
  ObjectWriter object(out);
  write_ranking(object, r.ranking, r.flags.ranking.query, r.info, r.digest, r.elapsed,
                result_writer(r));
  object.end();
  out += '\n';
}

void write_tsv(std::string& out, const RankResults& r) {
  for (const RankedDocument& result : r.ranking.results) {
    out += std::to_string(result.rank) + '\t' +
           std::to_string(r.documents.origins[result.index].index) + '\t' +
           tsv_field(result.id.value_or("")) + '\t' + shortest(result.logit) + '\t' +
           shortest(result.probability) + '\t' + shortest(result.score);
    if (r.flags.return_documents) {
      out += '\t' + tsv_field(r.documents.documents[result.index].page_content);
    }
    out += '\n';
  }
}

// trec_eval sorts by the score column, so it holds the logit: a sigmoid may tie what differs.
Result<void> write_trec(std::string& out, const RankResults& r) {
  const std::string tag = run_tag(r.info.name, r.digest);
  std::set<std::string> seen;
  for (const RankedDocument& result : r.ranking.results) {
    const std::string id = result.id.value_or(
        std::to_string(r.documents.origins[result.index].index));  // where there is none
    const auto refuse = [&](const std::string& what) {
      return Error{ErrorCode::kBadInput,
                   r.file + ":" + std::to_string(r.documents.origins[result.index].line) +
                       ": the id " + json::quote(id) + " " + what +
                       ", which a TREC run cannot hold: change it, or take another --format"};
    };
    if (!is_trec_field(id)) return refuse("is empty or has white space or control characters");
    if (!seen.insert(id).second) return refuse("is that of another result too");
    write_trec_line(out, r.flags.query_id, id, result.rank, result.logit, tag);
  }
  return {};
}

void write_table(std::string& out, const RankResults& r) {
  const std::size_t width = terminal_width();
  Table table(
      {{"rank", true}, {"logit", true}, {"prob", true}, {"tokens", true}, {"id"}, {"text"}});
  for (const RankedDocument& result : r.ranking.results) {
    table.add_row({std::to_string(result.rank), rounded(result.logit), rounded(result.probability),
                   std::to_string(result.truncation.tokens_used), result.id.value_or(""),
                   r.documents.documents[result.index].page_content});
  }
  out += snippet("query: " + r.flags.ranking.query, width) + "\n" + table.render(width);
  const std::string footer =
      std::to_string(r.ranking.results.size()) + " of " +
      counted(r.documents.documents.size(), "document") +
      (r.ranking.truncated_documents > 0
           ? ", " + with_thousands(r.ranking.truncated_documents) + " scored in part"
           : "") +
      ", " + with_thousands(static_cast<std::size_t>(milliseconds(r.elapsed).get<double>())) +
      " ms, " + describe(r.info, r.digest);
  out += snippet(footer, 400) + "\n";
}

Result<void> write_results(Output& out, Format format, const RankResults& results) {
  switch (format) {
    case Format::kJson: write_json(out.buffer(), results); break;
    case Format::kTsv: write_tsv(out.buffer(), results); break;
    case Format::kTrec: CR_TRY(write_trec(out.buffer(), results)); break;
    case Format::kTable: write_table(out.buffer(), results); break;
    case Format::kJsonl:
    case Format::kAuto: write_lines(out.buffer(), results.ranking, result_writer(results)); break;
  }
  return out.flush();
}

Result<void> rank(RankFlags& flags) {
  if (!is_trec_field(flags.query_id)) {
    return Error{
        ErrorCode::kInvalidArgument,
        "--query-id: '" + flags.query_id + "' is empty or has white space or control characters"};
  }
  const bool quiet = flags.output.quiet;
  const Format format = flags.output.resolved();
  CR_TRY_ASSIGN(const RankingInput input, read_ranking_input(flags.ranking, quiet));
  CR_TRY_ASSIGN(CrossEncoder loaded, open_model(flags.ranking.model, quiet));
  const auto encoder = std::make_shared<const CrossEncoder>(std::move(loaded));
  const ModelInfo& info = encoder->info();
  // Results that name the weights wait for their digest; of others only the line behind them does.
  const bool digest_in_results =
      format == Format::kJson || format == Format::kTrec || format == Format::kTable;
  std::optional<WeightsDigest> digest;
  if (digest_in_results || !quiet) digest.emplace(*encoder);

  const auto start = std::chrono::steady_clock::now();
  ProgressBar bar("rank", ProgressBar::Unit::kPairs, quiet);
  ReRankOptions options = rerank_options(flags.ranking, info, flags.top_k);
  options.progress = bar.callback();
  CR_TRY_ASSIGN(const CrossEncoderReRanker reranker,
                CrossEncoderReRanker::create(encoder, std::move(options)));
  auto ranking = reranker.rank(flags.ranking.query, input.documents());
  bar.clear();
  if (!ranking.ok()) return locate(ranking.error(), flags.ranking, reranker, input);
  const auto elapsed = std::chrono::steady_clock::now() - start;

  RankResults results{flags, input.file, input.list, *ranking, info, "", elapsed};
  if (digest_in_results) {
    CR_TRY_ASSIGN(results.digest, digest->short_hex());
  }
  if (!quiet) say_warnings(*ranking, flags.ranking, input.list);
  Output out;
  CR_TRY(write_results(out, format, results));
  if (!quiet && !out.closed() && format != Format::kTable) {
    if (!digest_in_results) {
      CR_TRY_ASSIGN(results.digest, digest->short_hex());
    }
    say("ranked " + counted(input.list.documents.size(), "document") + " with " +
        describe(info, results.digest));
  }
  return {};
}

}  // namespace

void add_rank(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand("rank", "The best documents of a list for a query.");
  auto flags = std::make_shared<RankFlags>();
  add_ranking_flags(*app, flags->ranking);
  app->footer(std::string(kDocumentsHelp) +
              "tsv: rank, index, id, logit, probability, score, text; no header line.\n"
              "trec: qid Q0 docid rank logit MODEL-WEIGHTS; the index where there is no id.");
  add_count(*app, "--top-k", flags->top_k, "Results, 0 = all (default 4)")->group("Output");
  add_output_flags(*app, flags->output,
                   {Format::kTable, Format::kJson, Format::kJsonl, Format::kTsv, Format::kTrec});
  add_return_documents(*app, flags->return_documents);
  app->add_option("--query-id", flags->query_id, "The qid of --format trec (default q1)")
      ->type_name("ID")
      ->group("Output");
  run_as(*app, chosen, [flags] { return rank(*flags); });
}

}  // namespace crossrank::cli
