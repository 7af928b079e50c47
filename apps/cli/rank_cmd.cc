// crossrank rank: the best documents of a list for one query.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "crossrank/rerankers.h"
#include "crossrank/tokenizer.h"
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

// True for a field of a TREC run: white space ends it, and control characters drive terminals.
bool is_trec_field(std::string_view text) {
  return !text.empty() && text.find(' ') == text.npos && tsv_field(text) == text;
}

struct RankFlags {
  std::string query;
  std::string query_id = "q1";
  std::string input;
  DocumentFormat documents;
  ModelFlags model;
  ScoringFlags scoring;
  OutputFlags output;
  bool return_documents = true;
  std::size_t top_k = ReRankOptions{}.top_k;
  std::optional<float> min_logit, min_probability;
  std::string metadata_fields;
  std::string metadata_template;
  std::size_t max_metadata_chars = ReRankOptions{}.max_metadata_chars;
};

std::vector<std::string> split_fields(const std::string& text) {
  std::vector<std::string> fields;
  for (std::size_t pos = 0; pos <= text.size() && !text.empty();) {
    const std::size_t comma = std::min(text.find(',', pos), text.size());
    std::string field = text.substr(pos, comma - pos);  // "title, year" is no field " year"
    field.erase(0, std::min(field.find_first_not_of(' '), field.size()));
    field.erase(field.find_last_not_of(' ') + 1);
    fields.push_back(std::move(field));
    pos = comma + 1;
  }
  return fields;
}

ReRankOptions rerank_options(const RankFlags& flags, const ModelInfo& info) {
  ReRankOptions options;
  options.top_k = flags.top_k;
  options.max_length = flags.scoring.max_length != 0 ? flags.scoring.max_length : info.max_length;
  options.max_chars = flags.scoring.max_chars;
  options.batch_tokens = flags.scoring.batch_tokens;
  options.batch_size = 0;  // --batch-tokens is the one bound that the command has
  options.truncation = flags.scoring.truncation;
  options.chunk = flags.scoring.chunk;
  options.metadata_fields = split_fields(flags.metadata_fields);
  options.metadata_template = flags.metadata_template;
  options.max_metadata_chars = flags.max_metadata_chars;
  options.min_logit = flags.min_logit;
  options.min_probability = flags.min_probability;
  options.cancel = &interrupted();
  return options;
}

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
  object.member("rank", result.rank)
      .member("index", r.documents.origins[result.index].index)
      .raw("id", id_json(r.documents, result.index))
      .member("logit", json::number(result.logit))
      .member("probability", json::number(result.probability))
      .member("score", json::number(result.score));
  if (r.flags.return_documents) object.raw("document", document_json(r.documents, result.index));
  write_truncation(object, result.truncation);
  if (result.span) write_span(object, *result.span);
  object.member("stage", name_of(result.stage)).end();
}

void write_jsonl(std::string& out, const RankResults& r) {
  for (const RankedDocument& result : r.ranking.results) {
    write_result(out, r, result);
    out += '\n';
  }
}

void write_json(std::string& out, const RankResults& r) {
  std::string results = "[";
  for (const RankedDocument& result : r.ranking.results) {
    if (results.size() > 1) results += ',';
    write_result(results, r, result);
  }
  results += ']';
  ObjectWriter(out)
      .member("query", r.flags.query)
      .member("model", r.info.name)
      .member("weights_sha256", r.digest)
      .member("precision", name_of(r.info.precision))
      .raw("results", results)
      .member("truncated_documents", r.ranking.truncated_documents)
      .member("elapsed_ms", milliseconds(r.elapsed))
      .end();
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
  std::string tag = tsv_field(r.info.name + "-" + r.digest);
  std::replace(tag.begin(), tag.end(), ' ', '_');
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
    out.append(r.flags.query_id).append(" Q0 ").append(id).append(1, ' ');
    out.append(std::to_string(result.rank)).append(1, ' ');
    out.append(shortest(result.logit)).append(1, ' ').append(tag).append(1, '\n');
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
  out += snippet("query: " + r.flags.query, width) + "\n" + table.render(width);
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

// The library counts pairs, the user has a file: names the first document that cannot be scored.
Error locate(const Error& error, const RankFlags& flags, const CrossEncoderReRanker& reranker,
             const DocumentList& list, const std::string& file) {
  if (error.code != ErrorCode::kTooLong && error.code != ErrorCode::kInvalidArgument) return error;
  const auto tokenizer = open_tokenizer(flags.model);
  if (!tokenizer.ok()) return error;
  ScoreOptions options = flags.scoring.options();
  options.max_chars = 0;  // scored_text() has cut it
  options.max_length = reranker.options().max_length;
  for (std::size_t i = 0; i < list.documents.size(); ++i) {
    const auto encoded =
        tokenizer->encode(flags.query, reranker.scored_text(list.documents[i]), options);
    if (!encoded.ok()) {
      return {encoded.error().code,
              file + ":" + std::to_string(list.origins[i].line) + ": " + encoded.error().message};
    }
  }
  return error;
}

void report_input(const DocumentList& list, const std::string& file) {
  if (list.repairs.lines > 0) say(list.repairs.report(file));
  if (list.skipped.count > 0) say(list.skipped.report("document"));
}

// Reads the whole input: a ranking needs all of it.
Result<std::string> read_input(InputFile& input, bool quiet) {
  if (input.is_terminal() && !quiet) say("reading documents from the terminal, up to Ctrl-D");
  return input.read_all();
}

Result<void> write_results(Output& out, Format format, const RankResults& results) {
  switch (format) {
    case Format::kJson: write_json(out.buffer(), results); break;
    case Format::kTsv: write_tsv(out.buffer(), results); break;
    case Format::kTrec: CR_TRY(write_trec(out.buffer(), results)); break;
    case Format::kTable: write_table(out.buffer(), results); break;
    case Format::kJsonl:
    case Format::kAuto: write_jsonl(out.buffer(), results); break;
  }
  return out.flush();
}

// A field that stands beside the text where it is looked for in the metadata: the usual mistake.
void hint_at_fields(const DocumentList& list, const RankFlags& flags) {
  for (const std::string& field : split_fields(flags.metadata_fields)) {
    const bool in_metadata =
        std::any_of(list.documents.begin(), list.documents.end(), [&](const Document& document) {
          return std::any_of(document.metadata.begin(), document.metadata.end(),
                             [&](const MetadataMember& entry) { return entry.key == field; });
        });
    if (in_metadata || list.plain_lines) continue;
    for (const DocumentList::Origin& origin : list.origins) {
      if (!has_member(origin.json, field)) continue;
      say("line " + std::to_string(origin.line) + " has " + json::quote(field) +
          " beside the text; --metadata-fields looks in \"metadata\"");
      break;
    }
  }
}

Result<void> rank(RankFlags& flags) {
  repair_argument(flags.query, "the query");
  if (!is_trec_field(flags.query_id)) {
    return Error{
        ErrorCode::kInvalidArgument,
        "--query-id: '" + flags.query_id + "' is empty or has white space or control characters"};
  }
  CR_TRY(flags.scoring.check());
  const bool quiet = flags.output.quiet;
  const Format format = flags.output.resolved();
  CR_TRY_ASSIGN(InputFile input, InputFile::open(flags.input));
  CR_TRY_ASSIGN(const std::string text, read_input(input, quiet));
  CR_TRY_ASSIGN(const DocumentList list, parse_documents(text, input.name(), flags.documents));
  report_input(list, input.name());

  CR_TRY_ASSIGN(CrossEncoder loaded, open_model(flags.model, quiet));
  const auto encoder = std::make_shared<const CrossEncoder>(std::move(loaded));
  const ModelInfo& info = encoder->info();
  // Results that name the weights wait for their digest; of others only the line behind them does.
  const bool digest_in_results =
      format == Format::kJson || format == Format::kTrec || format == Format::kTable;
  std::optional<WeightsDigest> digest;
  if (digest_in_results || !quiet) digest.emplace(*encoder);

  const auto start = std::chrono::steady_clock::now();
  ProgressBar bar("rank", ProgressBar::Unit::kPairs, quiet);
  ReRankOptions options = rerank_options(flags, info);
  options.progress = bar.callback();
  CR_TRY_ASSIGN(const CrossEncoderReRanker reranker,
                CrossEncoderReRanker::create(encoder, std::move(options)));
  auto ranking = reranker.rank(flags.query, list.documents);
  bar.clear();
  if (!ranking.ok()) return locate(ranking.error(), flags, reranker, list, input.name());
  const auto elapsed = std::chrono::steady_clock::now() - start;

  RankResults results{flags, input.name(), list, *ranking, info, "", elapsed};
  if (digest_in_results) {
    CR_TRY_ASSIGN(results.digest, digest->short_hex());
  }
  if (!quiet) {
    for (const std::string& warning : ranking->warnings) say(warning);
    hint_at_fields(list, flags);
  }
  Output out;
  CR_TRY(write_results(out, format, results));
  if (!quiet && !out.closed() && format != Format::kTable) {
    if (!digest_in_results) {
      CR_TRY_ASSIGN(results.digest, digest->short_hex());
    }
    say("ranked " + counted(list.documents.size(), "document") + " with " +
        describe(info, results.digest));
  }
  return {};
}

}  // namespace

void add_rank(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand("rank", "The best documents of a list for a query.");
  auto flags = std::make_shared<RankFlags>();
  flags->scoring.max_chars = ReRankOptions{}.max_chars;
  app->add_option("-q,--query", flags->query, "What the documents are ranked for")
      ->type_name("TEXT")
      ->required();
  add_input(*app, flags->input);
  app->footer(
      "FILE holds JSON lines, or one JSON array: a document is a string or an object\n"
      "{\"page_content\" (or \"text\"): string, \"id\"?: string or integer, \"metadata\"?: "
      "object}.\n"
      "It is given back as it came. Blank lines are no documents.\n"
      "tsv: rank, index, id, logit, probability, score, text; no header line.\n"
      "trec: qid Q0 docid rank logit MODEL-WEIGHTS; the index where there is no id.");
  app->add_flag("--lines", flags->documents.plain_lines, "Each line is the text of a document")
      ->group("Input");
  app->add_flag("--skip-bad", flags->documents.skip_bad,
                "Count and report what is no document instead of stopping")
      ->group("Input");
  add_model_flags(*app, flags->model);
  add_compute_flags(*app, flags->model);
  add_truncation_flags(*app, flags->scoring);
  add_batch_flag(*app, flags->scoring);
  app->add_option("--metadata-fields", flags->metadata_fields,
                  "Metadata in front of the text, one a line, for example title,source")
      ->type_name("A,B")
      ->group("Scoring");
  app->add_option("--metadata-template", flags->metadata_template,
                  "The scored text, for example \"{title}. {page_content}\"")
      ->type_name("TEXT")
      ->group("Scoring");
  add_count(*app, "--max-metadata-chars", flags->max_metadata_chars,
            "Characters of a metadata value (default 100)")
      ->group("Scoring");
  add_count(*app, "--top-k", flags->top_k, "Results, 0 = all (default 4)")->group("Output");
  constexpr float kMaxFloat = std::numeric_limits<float>::max();
  add_number(*app, "--min-logit", flags->min_logit, "Leave out what scores lower", -kMaxFloat,
             kMaxFloat)
      ->group("Output");
  add_number(*app, "--min-probability", flags->min_probability, "The same, from 0 to 1", 0, 1)
      ->group("Output");
  add_output_flags(*app, flags->output,
                   {Format::kTable, Format::kJson, Format::kJsonl, Format::kTsv, Format::kTrec});
  add_return_documents(*app, flags->return_documents);
  app->add_option("--query-id", flags->query_id, "The qid of --format trec (default q1)")
      ->type_name("ID")
      ->group("Output");
  run_as(*app, chosen, [flags] { return rank(*flags); });
}

}  // namespace crossrank::cli
