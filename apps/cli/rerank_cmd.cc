// crossrank rerank: a whole TREC run to a TREC run, query by query. A killed one goes on.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "base/try.h"
#include "choices.h"
#include "commands.h"
#include "console.h"
#include "corpus.h"
#include "crossrank/rerankers.h"
#include "crossrank/version.h"
#include "eval/blend.h"
#include "journal.h"
#include "line_reader.h"
#include "model_loader.h"
#include "options.h"
#include "progress_bar.h"
#include "ranking_input.h"
#include "rerank_output.h"
#include "rerank_plan.h"
#include "result_writer.h"
#include "whole_file.h"

namespace crossrank::cli {
namespace {

constexpr std::array kBlends = {
    Name<eval::Blend>{"z", eval::Blend::kZScore},
    Name<eval::Blend>{"rrf", eval::Blend::kReciprocalRank},
};

struct RerankFlags {
  std::string queries, corpus, run, output, details;
  std::size_t depth = 100;
  std::optional<float> blend;
  eval::Blend blend_method = eval::Blend::kZScore;
  RankingFlags ranking;  // of which the model, and how a document becomes a score
  bool skip_bad = false;
  bool quiet = false;
};

std::string counted_queries(std::size_t count) {
  return with_thousands(count) + (count == 1 ? " query" : " queries");
}

// What the files say, for the journal: another text of a query is other work.
std::string digest_of(const std::vector<RerankQuery>& queries, const Corpus& corpus) {
  base::Sha256 digest;
  const auto add = [&digest](std::string_view text) {
    digest.update(std::to_string(text.size()) + ":");
    digest.update(text);
  };
  for (const RerankQuery& query : queries) {
    add(query.id);
    add(query.text);
    for (const Candidate& candidate : query.candidates) {
      add(candidate.id);
      add(shortest(candidate.score));
    }
  }
  add(corpus.digest());
  return digest.hex_digest();
}

// The first line of the journal: all that the results depend on.
std::string title_of(const RerankFlags& flags, const ReRankOptions& options, const ModelInfo& info,
                     const std::string& weights, const std::string& inputs) {
  std::string title;
  ObjectWriter object(title);
  object.member("crossrank", version())
      .member("inputs", inputs)
      .member("weights", weights)
      .member("precision", name_of(info.precision))
      .member("isa", info.isa)
      .member("calibration", calibration_facts(info.calibration))
      .member("max_length", options.max_length)
      .member("max_chars", options.max_chars)
      .member("truncation", static_cast<int>(options.truncation))
      .member("chunk",
              json::Value({options.chunk.tokens, options.chunk.overlap, options.chunk.max_chunks}))
      .member("metadata_fields", json::Value(options.metadata_fields))
      .member("metadata_template", options.metadata_template)
      .member("max_metadata_chars", options.max_metadata_chars)
      .member("query_prompt", info.query_prompt)
      .member("blend", flags.blend ? json::number(*flags.blend) : json::Value(nullptr))
      .member("blend_method", static_cast<int>(flags.blend_method));
  object.end();
  return title;
}

// One run over all queries.
class RerankRun {
 public:
  RerankRun(const RerankFlags& flags, const std::vector<RerankQuery>& queries, const Corpus& corpus,
            std::shared_ptr<const CrossEncoder> encoder)
      : flags_(flags),
        queries_(queries),
        corpus_(corpus),
        encoder_(std::move(encoder)),
        options_(rerank_options(flags.ranking, encoder_->info(), 0)),
        bar_("rerank", ProgressBar::Unit::kPairs, flags.quiet) {
    options_.progress = [this](std::size_t done, std::size_t) { show(done); };
    for (const RerankQuery& query : queries_) pairs_ += query.candidates.size();
  }

  Result<void> run() {
    CR_TRY_ASSIGN(const CrossEncoderReRanker reranker,
                  CrossEncoderReRanker::create(encoder_, options_));
    CR_TRY_ASSIGN(const std::string weights, encoder_->weights_sha256());
    tag_ = run_tag(encoder_->info().name, weights.substr(0, kDigestDigits));
    std::optional<Journal> journal;
    if (!flags_.output.empty()) {
      const std::string title =
          title_of(flags_, options_, encoder_->info(), weights, digest_of(queries_, corpus_));
      CR_TRY_ASSIGN(Journal opened, Journal::open(flags_.output + ".partial", title));
      journal.emplace(std::move(opened));
      go_on_behind(journal->lines());
    }
    for (; next_ < queries_.size() && !out_.closed(); ++next_) {
      CR_TRY_ASSIGN(const std::string line, rerank_query(reranker, queries_[next_]));
      if (journal) {
        CR_TRY(journal->append(line));
      } else {
        CR_TRY(append_trec(out_.buffer(), line, tag_));
        CR_TRY(out_.flush());
      }
      done_ += queries_[next_].candidates.size();
    }
    bar_.clear();
    if (journal) {
      CR_TRY(write_rerank_output(flags_.output + ".partial", flags_.output, flags_.details, tag_));
      CR_TRY(journal->remove());
    }
    report(weights.substr(0, kDigestDigits));
    return {};
  }

  [[nodiscard]] std::size_t finished_queries() const { return next_; }

 private:
  using Clock = std::chrono::steady_clock;

  void go_on_behind(std::size_t queries) {
    next_ = std::min(queries, queries_.size());
    for (std::size_t i = 0; i < next_; ++i) before_ += queries_[i].candidates.size();
    done_ = before_;
    if (next_ > 0 && !flags_.quiet) {
      say("going on behind the " + counted_queries(next_) + " that an earlier call has finished");
    }
  }

  // `done` candidates of this query are scored. The share is that of this call's own work.
  void show(std::size_t done) {
    const auto own = static_cast<double>(pairs_ - before_);
    bar_.update(done_ + done, static_cast<double>(done_ + done - before_) / own);
  }

  // A line of the journal.
  Result<std::string> rerank_query(const CrossEncoderReRanker& reranker, const RerankQuery& query) {
    std::vector<Document> documents;
    documents.reserve(query.candidates.size());
    for (const Candidate& candidate : query.candidates) {
      CR_TRY_ASSIGN(Document document, corpus_.read(candidate.id));
      documents.push_back(std::move(document));
    }
    auto ranked = reranker.rank(query.text, documents);
    if (!ranked.ok()) return in_query(ranked.error(), query);
    Ranking& ranking = *ranked;
    truncated_ += ranking.truncated_documents;
    if (warning_.empty() && !ranking.warnings.empty()) {
      warning_ = "query " + std::string(query.id) + ": " + ranking.warnings.front();
    }
    hint_at_titles(documents);
    std::vector<float> scores;
    for (const RankedDocument& result : ranking.results) scores.push_back(result.logit);
    if (flags_.blend) blend(query, ranking, scores);
    return journal_line(query, ranking, scores);
  }

  // Reorders the ranking by the blended scores; where these are equal, the logits decide.
  void blend(const RerankQuery& query, Ranking& ranking, std::vector<float>& scores) const {
    std::vector<eval::ScoredDocument> first, second;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const Candidate& candidate = query.candidates[ranking.results[i].index];
      first.push_back({candidate.id, candidate.score});
      second.push_back({candidate.id, scores[i]});
    }
    const std::vector<float> blended =
        eval::blended_scores(first, second, *flags_.blend, flags_.blend_method);
    std::vector<std::size_t> order(blended.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return blended[a] > blended[b]; });
    std::vector<RankedDocument> results;
    scores.clear();
    for (const std::size_t i : order) {
      results.push_back(std::move(ranking.results[i]));
      scores.push_back(blended[i]);
    }
    ranking.results = std::move(results);
  }

  Error in_query(const Error& error, const RerankQuery& query) const {
    if (error.code != ErrorCode::kTooLong && error.code != ErrorCode::kInvalidArgument)
      return error;
    return {error.code, "query " + std::string(query.id) + ", its candidates in " + flags_.run +
                            ": " + error.message};
  }

  void hint_at_titles(const std::vector<Document>& documents) {
    const RankingFlags& ranking = flags_.ranking;
    if (hinted_ || !ranking.metadata_fields.empty() || !ranking.metadata_template.empty()) return;
    hinted_ = std::any_of(documents.begin(), documents.end(), [](const Document& document) {
      return std::any_of(document.metadata.begin(), document.metadata.end(),
                         [](const MetadataMember& member) { return member.key == "title"; });
    });
  }

  void report(const std::string& digest) {
    if (flags_.quiet || out_.closed()) return;
    if (!warning_.empty()) say(warning_);
    if (hinted_) say("documents have a \"title\", which is not scored without --metadata-fields");
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    const std::size_t own = done_ - before_;
    say("reranked " + counted_queries(queries_.size()) + ", " + counted(own, "pair") +
        (truncated_ > 0 ? " (" + with_thousands(truncated_) + " of them in part)" : "") + " at " +
        with_thousands(static_cast<std::size_t>(static_cast<double>(own) / seconds)) + "/s with " +
        describe(encoder_->info(), digest));
  }

  const RerankFlags& flags_;
  const std::vector<RerankQuery>& queries_;
  const Corpus& corpus_;
  std::shared_ptr<const CrossEncoder> encoder_;
  ReRankOptions options_;
  ProgressBar bar_;
  Output out_;
  std::string tag_;
  Clock::time_point start_ = Clock::now();
  std::size_t next_ = 0;       // query
  std::size_t pairs_ = 0;      // of all queries
  std::size_t done_ = 0;       // pairs of the finished queries
  std::size_t before_ = 0;     // of them, those that an earlier call has done
  std::size_t truncated_ = 0;  // documents
  std::string warning_;        // the first one
  bool hinted_ = false;
};

// Reads the first stage and finds its candidates in the corpus.
Result<FirstStage> read_input(const RerankFlags& flags, std::optional<Corpus>& corpus) {
  CR_TRY_ASSIGN(QueryTexts texts, read_queries(flags.queries));
  CR_TRY_ASSIGN(FirstStage stage,
                FirstStage::read(flags.run, flags.depth, std::move(texts), flags.skip_bad));
  std::vector<std::string_view> wanted;
  for (const RerankQuery& query : stage.queries()) {
    for (const Candidate& candidate : query.candidates) wanted.push_back(candidate.id);
  }
  ProgressBar bar("corpus", ProgressBar::Unit::kBytes, flags.quiet);
  CR_TRY_ASSIGN(corpus, Corpus::open(flags.corpus, wanted, bar.callback()));
  bar.clear();
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
Result<void> check_output(const RerankFlags& flags) {
  if (!flags.details.empty() && flags.output.empty()) {
    return Error{ErrorCode::kInvalidArgument, "--details needs --output, beside which it is kept"};
  }
  if (!flags.details.empty() && flags.details == flags.output) {
    return Error{ErrorCode::kInvalidArgument, "--details and --output are one file"};
  }
  for (const std::string& path : {flags.output, flags.details}) {
    if (path.empty()) continue;
    CR_TRY(WholeFile::create(path));  // and removed at once
  }
  return {};
}

Result<void> rerank(const RerankFlags& flags) {
  CR_TRY(flags.ranking.scoring.check());
  CR_TRY(check_output(flags));
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
                "Leave out and count queries and candidates whose text is nowhere")
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
  add_number(*app, "--blend", flags->blend,
             "Mix in the first stage: 1 is the cross-encoder alone, 0 the first stage", 0, 1)
      ->group("Scoring");
  add_choice(*app, "--blend-method", flags->blend_method, kBlends,
             "Of scores that each have mean 0 and deviation 1 (z), or of 1 / (60 + rank)")
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
