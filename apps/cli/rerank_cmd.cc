// crossrank rerank: a whole TREC run to a TREC run, query by query. A killed one goes on.
#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "choices.h"
#include "commands.h"
#include "console.h"
#include "corpus.h"
#include "model_loader.h"
#include "options.h"
#include "progress_bar.h"
#include "query_file.h"
#include "rerank_plan.h"
#include "rerank_run.h"
#include "result_writer.h"
#include "whole_file.h"

namespace crossrank::cli {
namespace {

constexpr std::array kBlends = {
    Name<eval::Blend>{"z", eval::Blend::kZScore},
    Name<eval::Blend>{"rrf", eval::Blend::kReciprocalRank},
};

// How much of the first stage `--blend` mixes in where it has no value: what `crossrank tune` finds
// best for 500 held-out questions of the builtin model's training set (docs/evaluation.md).
constexpr float kDefaultBlend = 0.8F;
constexpr eval::Blend kDefaultBlendMethod = eval::Blend::kZScore;

// Reads the first stage and finds its candidates in the corpus.
Result<FirstStage> read_input(const RerankFlags& flags, std::optional<Corpus>& corpus) {
  CR_TRY_ASSIGN(QueryFile queries, read_queries(flags.queries));
  if (queries.repairs.lines > 0) say(queries.repairs.report(queries.name));
  CR_TRY_ASSIGN(FirstStage stage,
                FirstStage::read(flags.run, flags.depth, std::move(queries), flags.skip_bad));
  std::vector<std::string_view> wanted;
  for (const RerankQuery& query : stage.queries()) {
    for (const Candidate& candidate : query.candidates) wanted.push_back(candidate.id);
  }
  ProgressBar bar("corpus", ProgressBar::Unit::kBytes, flags.quiet);
  CR_TRY_ASSIGN(corpus, Corpus::open(flags.corpus, wanted, flags.skip_bad, bar.callback()));
  bar.clear();
  if (corpus->repairs().lines > 0) say(corpus->repairs().report(corpus->name()));
  if (corpus->skipped().count > 0) say(corpus->skipped().report("line"));
  CR_TRY(stage.resolve(*corpus));
  if (stage.duplicates() > 0 && !flags.quiet) {
    say(flags.run + ": " + counted(stage.duplicates(), "line") +
        " with a query and document that a later line has again: the last one counts");
  }
  if (stage.skipped().count > 0) say(stage.skipped().report("line"));
  if (corpus->duplicates() > 0 && !flags.quiet) {
    say(counted(corpus->duplicates(), "line") + " of " + flags.corpus +
        " repeat the id of an earlier one, which counts");
  }
  return stage;
}

// What would be refused after hours is refused before.
Result<void> check_files(const RerankFlags& flags) {
  const auto is_stdin = [](const std::string& path) { return path.empty() || path == "-"; };
  if (is_stdin(flags.queries) + is_stdin(flags.corpus) + is_stdin(flags.run) > 1) {
    return Error{ErrorCode::kInvalidArgument, "only one file can be -, standard input"};
  }
  if (!flags.details.empty() && flags.output.empty()) {
    return Error{ErrorCode::kInvalidArgument, "--details needs --output, beside which it is kept"};
  }
  std::vector<NamedFile> others = {
      {"--queries", flags.queries}, {"--corpus", flags.corpus}, {"--run", flags.run}};
  others.push_back({"--calibration", flags.ranking.model.load.calibration});
  CR_TRY(check_not_input("--output", flags.output, others));
  CR_TRY(check_not_input("--output's FILE.partial", flags.partial(), others));
  others.push_back({"--output", flags.output});
  others.push_back({"--output's FILE.partial", flags.partial()});
  CR_TRY(check_not_input("--details", flags.details, others));
  CR_TRY(check_writable(flags.output));
  return check_writable(flags.details);
}

Result<void> rerank(const RerankFlags& flags) {
  CR_TRY(flags.ranking.scoring.check());
  CR_TRY(check_files(flags));
  std::optional<Corpus> corpus;
  CR_TRY_ASSIGN(const FirstStage stage, read_input(flags, corpus));
  CR_TRY_ASSIGN(CrossEncoder loaded, open_model(flags.ranking.model, flags.quiet));
  RerankRun run(flags, stage.queries(), *corpus,
                std::make_shared<const CrossEncoder>(std::move(loaded)));
  auto done = run.run();
  if (!done.ok() && done.error().code == ErrorCode::kCancelled && !flags.output.empty()) {
    say("stopped behind " + std::to_string(run.finished_queries()) + " of " +
        counted_queries(stage.queries().size()) + "; the same command goes on from there");
  }
  return done;
}

}  // namespace

void add_rerank(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand("rerank", "A whole TREC run to a TREC run.");
  auto flags = std::make_shared<RerankFlags>();
  const auto file = [&](const char* name, std::string& value, const char* help) {
    return app->add_option(name, value, help)->type_name("FILE")->group("Input");
  };
  file("--queries", flags->queries, "qid TAB query a line, or JSON lines {\"id\", \"text\"}")
      ->required();
  file("--corpus", flags->corpus, "JSON lines {\"id\", \"text\", ...}: see below")->required();
  file("--run", flags->run, "The first stage's: qid Q0 docid rank score tag")->required();
  add_count(*app, "-k,--depth", flags->depth, "Candidates of a query, 0 = all (default 100)")
      ->group("Input");
  app->add_flag("--skip-bad", flags->skip_bad,
                "Leave out and count queries and candidates whose text is nowhere, and lines of\n"
                "the corpus that are no documents")
      ->group("Input");
  app->add_option("--output,-o", flags->output,
                  "The new run; what is done of it is kept in FILE.partial, from which the same "
                  "command goes on after a kill (default: standard output)")
      ->type_name("FILE")
      ->group("Output");
  app->add_option("--details", flags->details,
                  "JSON lines: qid, docid, logit, probability, truncation and more of each")
      ->type_name("FILE")
      ->group("Output");
  CLI::Option* blend =
      add_number(*app, "--blend", flags->blend,
                 "Mix in the first stage: 1 is the cross-encoder alone, 0 the first stage;\n" +
                     shortest(kDefaultBlend) + " where it has no value",
                 0, 1)
          ->expected(0, 1)
          ->default_str(shortest(kDefaultBlend))
          ->group("Scoring");
  flags->blend_method = kDefaultBlendMethod;
  add_choice(*app, "--blend-method", flags->blend_method, kBlends,
             "Of scores that each have mean 0 and deviation 1 (z), or of 1 / (60 + rank)")
      ->needs(blend)
      ->group("Scoring");
  add_document_flags(*app, flags->ranking);
  add_quiet_flag(*app, flags->quiet);
  app->footer(
      "A document is {\"id\" (or \"_id\", \"docid\"), \"text\" (or \"page_content\", "
      "\"contents\")}; its\n"
      "other members are its metadata, for --metadata-fields. All of a text is scored, up to the\n"
      "model's limit, unless --max-chars says otherwise. Candidates are taken by score, not by "
      "the\n"
      "column with the rank.");
  run_as(*app, chosen, [flags] { return rerank(*flags); });
}

}  // namespace crossrank::cli
