// The flags and the input of a ranking.
#include "ranking_input.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <utility>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "crossrank/tokenizer.h"
#include "interrupt.h"
#include "line_reader.h"
#include "model_loader.h"

namespace crossrank::cli {
namespace {

void report_input(const DocumentList& list, const std::string& file) {
  if (list.repairs.lines > 0) say(list.repairs.report(file));
  if (list.skipped.count > 0) say(list.skipped.report("document"));
}

// Reads the whole input: a ranking needs all of it.
Result<std::string> read_input(InputFile& input, bool quiet) {
  if (input.is_terminal() && !quiet) say("reading documents from the terminal, up to Ctrl-D");
  return input.read_all();
}

// A field that stands beside the text where it is looked for in the metadata: the usual mistake.
void hint_at_fields(const DocumentList& list, const RankingFlags& flags) {
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

}  // namespace

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

const std::string_view kDocumentsHelp =
    "FILE holds JSON lines, or one JSON array: a document is a string or an object\n"
    "{\"page_content\" (or \"text\"): string, \"id\"?: string or integer, \"metadata\"?: "
    "object}.\n"
    "It is given back as it came. Blank lines are no documents.\n";

void add_ranking_flags(CLI::App& app, RankingFlags& flags) {
  flags.scoring.max_chars = ReRankOptions{}.max_chars;
  app.add_option("-q,--query", flags.query, "What the documents are ranked for")
      ->type_name("TEXT")
      ->required();
  add_input(app, flags.input);
  app.add_flag("--lines", flags.documents.plain_lines, "Each line is the text of a document")
      ->group("Input");
  app.add_flag("--skip-bad", flags.documents.skip_bad,
               "Count and report what is no document instead of stopping")
      ->group("Input");
  add_document_flags(app, flags);
  constexpr float kMaxFloat = std::numeric_limits<float>::max();
  add_number(app, "--min-logit", flags.min_logit, "Leave out what scores lower", -kMaxFloat,
             kMaxFloat)
      ->group("Output");
  add_number(app, "--min-probability", flags.min_probability, "The same, from 0 to 1", 0, 1)
      ->group("Output");
}

void add_document_flags(CLI::App& app, RankingFlags& flags) {
  add_model_flags(app, flags.model);
  add_compute_flags(app, flags.model);
  add_calibration_flag(app, flags.model);
  add_truncation_flags(app, flags.scoring);
  add_batch_flag(app, flags.scoring);
  app.add_option("--metadata-fields", flags.metadata_fields,
                 "Metadata in front of the text, one a line, for example title,source")
      ->type_name("A,B")
      ->group("Scoring");
  app.add_option("--metadata-template", flags.metadata_template,
                 "The scored text, for example \"{title}. {page_content}\"")
      ->type_name("TEXT")
      ->group("Scoring");
  add_count(app, "--max-metadata-chars", flags.max_metadata_chars,
            "Characters of a metadata value (default 100)")
      ->group("Scoring");
}

Result<RankingInput> read_ranking_input(RankingFlags& flags, bool quiet) {
  repair_argument(flags.query, "the query");
  CR_TRY(flags.scoring.check());
  CR_TRY_ASSIGN(InputFile file, InputFile::open(flags.input));
  RankingInput input;
  input.file = file.name();
  CR_TRY_ASSIGN(std::string text, read_input(file, quiet));
  input.text = std::make_unique<std::string>(std::move(text));
  CR_TRY_ASSIGN(input.list, parse_documents(*input.text, input.file, flags.documents));
  report_input(input.list, input.file);
  return input;
}

ReRankOptions rerank_options(const RankingFlags& flags, const ModelInfo& info, std::size_t top_k) {
  ReRankOptions options;
  options.top_k = top_k;
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

Error locate(const Error& error, const RankingFlags& flags, const CrossEncoderReRanker& reranker,
             const RankingInput& input) {
  const DocumentList& list = input.list;
  if (error.code != ErrorCode::kTooLong && error.code != ErrorCode::kInvalidArgument) return error;
  const auto tokenizer = open_tokenizer(flags.model);
  if (!tokenizer.ok()) return error;
  ScoreOptions options = flags.scoring.options();
  options.max_chars = 0;  // scored_text() has cut it
  options.max_length = reranker.options().max_length;
  const auto at_line = [&](std::size_t i, const Error& cause) -> Error {
    return {cause.code,
            input.file + ":" + std::to_string(list.origins[i].line) + ": " + cause.message};
  };
  for (std::size_t i = 0; i < list.documents.size(); ++i) {
    const auto encoded =
        tokenizer->encode(flags.query, reranker.scored_text(list.documents[i]), options);
    if (!encoded.ok()) return at_line(i, encoded.error());
    // What --max-chars cuts is no matter of tokens.
    const std::string counted = "pair " + std::to_string(i) + " (counting from 0): ";
    if (error.message.starts_with(counted)) {
      return at_line(i, {error.code, error.message.substr(counted.size())});
    }
  }
  return error;
}

void say_warnings(const Ranking& ranking, const RankingFlags& flags, const DocumentList& list) {
  for (const std::string& warning : ranking.warnings) say(with_flags(warning));
  hint_at_fields(list, flags);
}

void write_ranked(ObjectWriter& object, const DocumentList& list, const RankedDocument& result,
                  bool return_document) {
  object.member("rank", result.rank)
      .member("index", list.origins[result.index].index)
      .raw("id", id_json(list, result.index))
      .member("logit", json::number(result.logit))
      .member("probability", json::number(result.probability))
      .member("score", json::number(result.score));
  if (return_document) object.raw("document", document_json(list, result.index));
  write_truncation(object, result.truncation);
  if (result.span) write_span(object, *result.span);
  object.member("stage", name_of(result.stage));
}

void write_lines(std::string& out, const Ranking& ranking, const ResultWriter& write) {
  for (const RankedDocument& result : ranking.results) {
    write(out, result);
    out += '\n';
  }
}

void write_ranking(ObjectWriter& object, const Ranking& ranking, const std::string& query,
                   const ModelInfo& info, const std::string& digest,
                   std::chrono::steady_clock::duration elapsed, const ResultWriter& write) {
  std::string results = "[";
  for (const RankedDocument& result : ranking.results) {
    if (results.size() > 1) results += ',';
    write(results, result);
  }
  results += ']';
  object.member("query", query);
  write_model(object, info, digest);
  object.raw("results", results)
      .member("truncated_documents", ranking.truncated_documents)
      .member("elapsed_ms", milliseconds(elapsed));
}

}  // namespace crossrank::cli
