// What `rank` and `hybrid` share: a query, a list of documents, the cross-encoder's options, and
// the members of a result. Writes no results and asks no judge.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "crossrank/rerankers.h"
#include "input.h"
#include "options.h"
#include "result_writer.h"

namespace crossrank::cli {

struct RankingFlags {
  std::string query;
  std::string input;
  DocumentFormat documents;
  ModelFlags model;
  ScoringFlags scoring;
  std::optional<float> min_logit, min_probability;
  std::string metadata_fields;
  std::string metadata_template;
  std::size_t max_metadata_chars = ReRankOptions{}.max_metadata_chars;
};

// What FILE holds, for the foot of the help.
extern const std::string_view kDocumentsHelp;

// "title, year" as its fields.
std::vector<std::string> split_fields(const std::string& text);

// Everything above, under the groups Input, Model, Scoring and Output.
void add_ranking_flags(CLI::App& app, RankingFlags& flags);
// Of these the model and how a document becomes a score.
void add_document_flags(CLI::App& app, RankingFlags& flags);

struct RankingInput {
  std::string file;                   // what messages call it
  std::unique_ptr<std::string> text;  // `list` views it
  DocumentList list;
  [[nodiscard]] std::span<const Document> documents() const { return list.documents; }
};

// Checks the flags, reads the documents, and says what was repaired or passed over.
Result<RankingInput> read_ranking_input(RankingFlags& flags, bool quiet);

ReRankOptions rerank_options(const RankingFlags& flags, const ModelInfo& info, std::size_t top_k);

// The library counts pairs, the user has a file: names the first document that cannot be scored.
Error locate(const Error& error, const RankingFlags& flags, const CrossEncoderReRanker& reranker,
             const RankingInput& input);

void say_warnings(const Ranking& ranking, const RankingFlags& flags, const DocumentList& list);

// rank, index, id, logit, probability, score, document, truncation, span and stage.
void write_ranked(ObjectWriter& object, const DocumentList& list, const RankedDocument& result,
                  bool return_document);

// Writes one result as an object.
using ResultWriter = std::function<void(std::string& out, const RankedDocument& result)>;

// A line a result.
void write_lines(std::string& out, const Ranking& ranking, const ResultWriter& write);

// query, what write_model() writes, results, truncated_documents and elapsed_ms.
void write_ranking(ObjectWriter& object, const Ranking& ranking, const std::string& query,
                   const ModelInfo& info, const std::string& digest,
                   std::chrono::steady_clock::duration elapsed, const ResultWriter& write);

}  // namespace crossrank::cli
