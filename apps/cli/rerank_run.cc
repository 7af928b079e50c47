// RerankRun: query by query, each one's results on the disk before the next begins.
#include "rerank_run.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "crossrank/version.h"
#include "hub/model_files.h"
#include "hub/resolve.h"
#include "interrupt.h"
#include "model_loader.h"
#include "rerank_output.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

// A digest of texts of which none runs into the next.
class TextDigest {
 public:
  void add(std::string_view text) {
    digest_.update(std::to_string(text.size()) + ":");
    digest_.update(text);
  }
  std::string hex() { return digest_.hex_digest(); }

 private:
  base::Sha256 digest_;
};

// What the files say, for the journal: another text of a query is other work.
std::string digest_of(const std::vector<RerankQuery>& queries, const Corpus& corpus) {
  TextDigest digest;
  for (const RerankQuery& query : queries) {
    digest.add(query.id);
    digest.add(query.text);
    for (const Candidate& candidate : query.candidates) {
      digest.add(candidate.id);
      digest.add(shortest(candidate.score));
    }
  }
  digest.add(corpus.digest());
  return digest.hex();
}

// A file of a model; "" if it has none of that name.
Result<std::string> side_file(const hub::ResolvedModel& model, std::string_view name) {
  if (const auto* embedded = std::get_if<std::span<const base::NamedBytes>>(&model.files)) {
    for (const base::NamedBytes& file : *embedded) {
      if (file.name == name) return std::string(file.bytes);
    }
    return std::string();
  }
  const auto blob = base::map_file(std::get<std::filesystem::path>(model.files) / name);
  if (blob.ok()) return std::string(blob->bytes());
  if (blob.error().code == ErrorCode::kFileNotFound) return std::string();
  return blob.error();
}

// Of what a model has beside its weights: with another tokenizer or another length it is another
// model.
Result<std::string> digest_of_side_files(const std::string& model) {
  hub::ResolveOptions options;
  options.local_files_only = true;
  CR_TRY_ASSIGN(const hub::ResolvedModel resolved, hub::resolve_model(model, options));
  TextDigest digest;
  for (const std::string_view name : hub::kSideFiles) {
    CR_TRY_ASSIGN(const std::string text, side_file(resolved, name));
    digest.add(text);
  }
  return digest.hex();
}

// The last field of the run's lines.
std::string tag_of(const RerankFlags& flags, const std::string& model, const std::string& weights) {
  std::string tag = run_tag(model, weights.substr(0, kDigestDigits));
  if (!flags.blend) return tag;
  std::string alpha = decimals(*flags.blend, 2);
  if (std::stof(alpha) != *flags.blend) alpha = shortest(*flags.blend);
  return tag + (flags.blend_method == eval::Blend::kZScore ? "-blend" : "-rrf") + alpha;
}

// The library counts pairs, which are the query's candidates: N of "pair N (counting from 0): ",
// which is taken off.
std::optional<std::size_t> take_pair(std::string_view& message) {
  constexpr std::string_view kBefore = "pair ";
  constexpr std::string_view kBehind = " (counting from 0): ";
  if (!message.starts_with(kBefore)) return std::nullopt;
  const std::string_view rest = message.substr(kBefore.size());
  std::size_t pair = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), pair);
  const std::string_view behind = rest.substr(static_cast<std::size_t>(end - rest.data()));
  if (error != std::errc() || !behind.starts_with(kBehind)) return std::nullopt;
  message = behind.substr(kBehind.size());
  return pair;
}

}  // namespace

RerankRun::RerankRun(const RerankFlags& flags, const std::vector<RerankQuery>& queries,
                     const Corpus& corpus, std::shared_ptr<const CrossEncoder> encoder)
    : flags_(flags),
      queries_(queries),
      corpus_(corpus),
      encoder_(std::move(encoder)),
      options_(rerank_options(flags.ranking, encoder_->info(), 0)),
      bar_("rerank", ProgressBar::Unit::kPairs, flags.quiet) {
  options_.progress = [this](std::size_t done, std::size_t) { show(done); };
  for (const RerankQuery& query : queries_) pairs_ += query.candidates.size();
}

Result<void> RerankRun::run() {
  CR_TRY_ASSIGN(const CrossEncoderReRanker reranker,
                CrossEncoderReRanker::create(encoder_, options_));
  CR_TRY_ASSIGN(const std::string weights, encoder_->weights_sha256());
  tag_ = tag_of(flags_, encoder_->info().name, weights);
  std::optional<Journal> journal;
  if (!flags_.output.empty()) {
    CR_TRY_ASSIGN(journal, open_journal(weights));
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
    CR_TRY(write_rerank_output(*journal, queries_.size(), flags_.output, flags_.details, tag_));
    CR_TRY(journal->remove());
  }
  report(weights.substr(0, kDigestDigits));
  return {};
}

Result<Journal> RerankRun::open_journal(const std::string& weights) {
  const ModelInfo& info = encoder_->info();
  CR_TRY_ASSIGN(const std::string model_files, digest_of_side_files(flags_.ranking.model.model));
  // All that the results depend on.
  std::string title;
  ObjectWriter object(title);
  object.member("crossrank", version())
      .member("inputs", digest_of(queries_, corpus_))
      .member("weights", weights)
      .member("model_files", model_files)
      .member("precision", name_of(info.precision))
      .member("isa", info.isa)
      .member("calibration", calibration_facts(info.calibration))
      .member("max_length", options_.max_length)
      .member("max_chars", options_.max_chars)
      .member("truncation", static_cast<int>(options_.truncation))
      .member("chunk", json::Value({options_.chunk.tokens, options_.chunk.overlap,
                                    options_.chunk.max_chunks}))
      .member("metadata_fields", json::Value(options_.metadata_fields))
      .member("metadata_template", options_.metadata_template)
      .member("max_metadata_chars", options_.max_metadata_chars)
      .member("query_prompt", info.query_prompt)
      .member("blend", flags_.blend ? json::number(*flags_.blend) : json::Value(nullptr))
      .member("blend_method", static_cast<int>(flags_.blend_method));
  object.end();
  CR_TRY_ASSIGN(Journal journal, Journal::open(flags_.partial(), title));
  CR_TRY(check_journal(journal, queries_));
  next_ = first_ = journal.lines();
  for (std::size_t i = 0; i < first_; ++i) before_ += queries_[i].candidates.size();
  done_ = before_;
  if (first_ > 0 && !flags_.quiet) {
    say("going on behind the " + counted_queries(first_) + " that an earlier call has finished");
  }
  return journal;
}

// `done` candidates of this query are scored. The share is that of this call's own work.
void RerankRun::show(std::size_t done) {
  const auto own = static_cast<double>(pairs_ - before_);
  bar_.update(done_ + done, static_cast<double>(done_ + done - before_) / own);
}

// A line of the journal.
Result<std::string> RerankRun::rerank_query(const CrossEncoderReRanker& reranker,
                                            const RerankQuery& query) {
  std::vector<Document> documents;
  documents.reserve(query.candidates.size());
  for (const Candidate& candidate : query.candidates) {
    CR_TRY_ASSIGN(Document document, corpus_.read(candidate.id));
    documents.push_back(std::move(document));
  }
  auto ranked = reranker.rank(query.text, documents);
  if (!ranked.ok()) return in_query(ranked.error(), query);
  Ranking& ranking = *ranked;
  note(query, documents, ranking);
  std::vector<float> scores;
  for (const RankedDocument& result : ranking.results) scores.push_back(result.logit);
  if (flags_.blend) blend(query, ranking, scores);
  return journal_line(query, ranking, scores);
}

// Reorders the ranking by the blended scores; where these are equal, the logits decide.
void RerankRun::blend(const RerankQuery& query, Ranking& ranking,
                      std::vector<float>& scores) const {
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

Error RerankRun::in_query(const Error& error, const RerankQuery& query) const {
  std::string_view what = error.message;
  if (const auto pair = take_pair(what); pair && *pair < query.candidates.size()) {
    const std::string_view id = query.candidates[*pair].id;
    return {error.code, corpus_.place(id) + "document " + json::quote(id) + " for query " +
                            json::quote(query.id) + ": " + std::string(what)};
  }
  if (error.code != ErrorCode::kTooLong && error.code != ErrorCode::kInvalidArgument) return error;
  return {error.code, "query " + std::string(query.id) + ", its candidates in " + flags_.run +
                          ": " + error.message};
}

// What report() says about this call's documents.
void RerankRun::note(const RerankQuery& query, const std::vector<Document>& documents,
                     const Ranking& ranking) {
  truncated_ += ranking.truncated_documents;
  if (warning_.empty() && !ranking.warnings.empty()) {
    warning_ = "query " + std::string(query.id) + ": " + with_flags(ranking.warnings.front());
  }
  for (const Document& document : documents) empty_texts_ += document.page_content.empty();
  const RankingFlags& flags = flags_.ranking;
  if (hinted_ || !flags.metadata_fields.empty() || !flags.metadata_template.empty()) return;
  hinted_ = std::any_of(documents.begin(), documents.end(), [](const Document& document) {
    return std::any_of(document.metadata.begin(), document.metadata.end(),
                       [](const MetadataMember& member) { return member.key == "title"; });
  });
}

void RerankRun::report(const std::string& digest) {
  if (flags_.quiet || out_.closed()) return;
  if (!warning_.empty()) say(warning_);
  if (empty_texts_ > 0) {
    say(counted(empty_texts_, "candidate") + (empty_texts_ == 1 ? " has" : " have") +
        " an empty text");
  }
  if (hinted_) say("documents have a \"title\", which is not scored without --metadata-fields");
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const std::size_t own = done_ - before_;
  say("reranked " + counted_queries(next_ - first_) + ", " + counted(own, "pair") +
      (truncated_ > 0 ? " (" + with_thousands(truncated_) + " of them in part)" : "") + " at " +
      with_thousands(static_cast<std::size_t>(static_cast<double>(own) / seconds)) + "/s with " +
      describe(encoder_->info(), digest));
}

}  // namespace crossrank::cli
