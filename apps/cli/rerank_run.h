// The work of `crossrank rerank`: every query of a plan scored, and the results written. Reads no
// input but the texts of documents.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "corpus.h"
#include "crossrank/rerankers.h"
#include "eval/blend.h"
#include "journal.h"
#include "progress_bar.h"
#include "ranking_input.h"
#include "rerank_plan.h"

namespace crossrank::cli {

struct RerankFlags {
  std::string queries, corpus, run, output, details;
  std::size_t depth = 100;
  std::optional<float> blend;
  eval::Blend blend_method = eval::Blend::kZScore;
  RankingFlags ranking;  // of which the model, and how a document becomes a score
  bool skip_bad = false;
  bool quiet = false;

  // What is done of `output`; "" without it.
  [[nodiscard]] std::string partial() const { return output.empty() ? "" : output + ".partial"; }
};

// One run over all queries.
class RerankRun {
 public:
  RerankRun(const RerankFlags& flags, const std::vector<RerankQuery>& queries, const Corpus& corpus,
            std::shared_ptr<const CrossEncoder> encoder);
  // Errors: those of CrossEncoderReRanker, Corpus, Journal and WholeFile; kBadInput for a journal
  // whose lines are not results of these queries.
  Result<void> run();

  [[nodiscard]] std::size_t finished_queries() const { return next_; }

 private:
  using Clock = std::chrono::steady_clock;

  // What an earlier call has done, if anything.
  Result<Journal> open_journal(const std::string& weights);
  void show(std::size_t done);
  Result<std::string> rerank_query(const CrossEncoderReRanker& reranker, const RerankQuery& query);
  void blend(const RerankQuery& query, Ranking& ranking, std::vector<float>& scores) const;
  [[nodiscard]] Error in_query(const Error& error, const RerankQuery& query) const;
  void note(const RerankQuery& query, const std::vector<Document>& documents,
            const Ranking& ranking);
  void report(const std::string& digest);

  const RerankFlags& flags_;
  const std::vector<RerankQuery>& queries_;
  const Corpus& corpus_;
  std::shared_ptr<const CrossEncoder> encoder_;
  ReRankOptions options_;
  ProgressBar bar_;
  Output out_;
  std::string tag_;
  Clock::time_point start_ = Clock::now();
  std::size_t next_ = 0;         // query
  std::size_t first_ = 0;        // of this call
  std::size_t pairs_ = 0;        // of all queries
  std::size_t done_ = 0;         // pairs of the finished queries
  std::size_t before_ = 0;       // of them, those that an earlier call has done
  std::size_t truncated_ = 0;    // documents
  std::size_t empty_texts_ = 0;  // documents
  std::string warning_;          // the first one
  bool hinted_ = false;
};

}  // namespace crossrank::cli
