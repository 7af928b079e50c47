// Rerankers over documents with metadata. The scoring itself is CrossEncoder's.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "crossrank/document.h"
#include "crossrank/judge.h"
#include "crossrank/options.h"
#include "crossrank/result.h"

namespace crossrank {

/// A ranking, and what a careful caller wants to know about it.
struct Ranking {
  std::vector<RankedDocument> results;  ///< Best first, at most top_k.
  std::size_t truncated_documents = 0;  ///< Of all input documents, those not scored whole.
  std::vector<std::string> warnings;    ///< For example a metadata field that no document has.
};

/// Ranks documents by page_content (its first 400 code points) and, if asked, metadata.
/// Shares ownership of its CrossEncoder; const methods may be called from many threads.
class CrossEncoderReRanker {
 public:
  /// Errors: kInvalidArgument for a null CrossEncoder, for a template without {page_content} or
  /// with unbalanced braces, for both metadata_fields and metadata_template, for a threshold out of
  /// its range; kUnsupportedModel for several labels; kOutOfMemory.
  static Result<CrossEncoderReRanker> create(std::shared_ptr<const CrossEncoder> cross_encoder,
                                             ReRankOptions options = {});

  /// `model_name` as in CrossEncoder::load. Errors: those of CrossEncoder::load and of create.
  static Result<CrossEncoderReRanker> load(
      std::string_view model_name = "cross-encoder/ms-marco-MiniLM-L-6-v2",
      ReRankOptions options = {}, const LoadOptions& load_options = {});

  /// The best top_k of `documents`, which are not changed. An empty list gives an empty ranking.
  /// Errors: as CrossEncoder::predict; a pair is named by its document's place in `documents`.
  [[nodiscard]] Result<Ranking> rank(std::string_view query,
                                     std::span<const Document> documents) const;

  /// The text that is scored for `document`: the cut page_content in the metadata template.
  [[nodiscard]] std::string scored_text(const Document& document) const;

  /// A span of scored_text(document) in offsets of its page_content: the part inside it, which is
  /// empty and at the nearer end when the span lies in the template's other text.
  [[nodiscard]] TextSpan in_content(const Document& document, const TextSpan& span) const;

  [[nodiscard]] const ReRankOptions& options() const { return options_; }
  [[nodiscard]] const CrossEncoder& cross_encoder() const { return *cross_encoder_; }

 private:
  friend class HybridReRanker;
  CrossEncoderReRanker(std::shared_ptr<const CrossEncoder> cross_encoder, ReRankOptions options);
  // `cancel` is a call's own flag, beside ReRankOptions::cancel; it may be null.
  Result<Ranking> rank_with_cancel(std::string_view query, std::span<const Document> documents,
                                   const std::atomic<bool>* cancel) const;
  std::shared_ptr<const CrossEncoder> cross_encoder_;
  ReRankOptions options_;
};

/// A ranking that a judge had a say in.
struct JudgedRanking : Ranking {
  JudgeReport judge;
};

/// Scores documents with an LLM behind an OpenAI-compatible /chat/completions, against a strict
/// schema; sees content, metadata and the caller's context. What comes back are the best top_k of
/// the documents that it is given, judged or not, none of them twice and no other. Movable; const
/// methods may be called from many threads.
class LlmJudge {
 public:
  /// Nothing is sent. Errors: kInvalidArgument for a url, model, key, header or parameter that is
  /// missing or malformed; kFileNotFound or kBadInput for the key or price file; kNetwork without
  /// libcurl.
  static Result<LlmJudge> create(JudgeOptions options = {});
  LlmJudge(LlmJudge&&) noexcept;
  LlmJudge& operator=(LlmJudge&&) noexcept;
  ~LlmJudge();

  /// The best top_k. The order of `documents` stands for the first stage: it decides between equal
  /// relevances, and unjudged documents follow in it. Logits are NaN. The first 99 documents are
  /// judged; of more than 198 none is, since half of all must be. A judge that fails is no error:
  /// see JudgeReport. Errors: kCancelled, kOutOfMemory.
  [[nodiscard]] Result<JudgedRanking> rank(std::string_view query,
                                           std::span<const Document> documents,
                                           const JudgeCall& call = {}) const;

  /// The requests that rank() would begin with; none where it would not ask. Nothing is sent.
  /// Errors: kIoError without random numbers for the fences, kOutOfMemory.
  [[nodiscard]] Result<std::vector<JudgeExchange>> dry_run(std::string_view query,
                                                           std::span<const Document> documents,
                                                           const JudgeCall& call = {}) const;

  [[nodiscard]] const JudgeOptions& options() const;

 private:
  friend class HybridReRanker;
  struct Impl;
  explicit LlmJudge(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// The name that pipelines with an LLM as the last stage know it by.
using ReRanker = LlmJudge;

struct HybridOptions {
  std::size_t top_k = 4;  ///< 0 = all that the cross-encoder keeps.
  bool strict = false;    ///< A degraded ranking is an error: kJudgeFailed.
};

/// A cross-encoder that filters, then a judge. A judge that fails costs the judge's order, never
/// the answer. Const methods may be called from many threads.
class HybridReRanker {
 public:
  /// Error: kInvalidArgument when `cross_encoder` keeps fewer documents than top_k.
  static Result<HybridReRanker> create(CrossEncoderReRanker cross_encoder, LlmJudge judge,
                                       HybridOptions options = {});

  /// Judged documents by relevance, then logit, then index; behind them the others as the
  /// cross-encoder has them. JudgeCall::cancel stops both stages. Errors: those of
  /// CrossEncoderReRanker::rank, kCancelled; with `strict` kJudgeFailed.
  [[nodiscard]] Result<JudgedRanking> rank(std::string_view query,
                                           std::span<const Document> documents,
                                           const JudgeCall& call = {}) const;

  /// The first stage, then the requests that the judge would begin with; none if it is skipped.
  /// Errors: those of CrossEncoderReRanker::rank and of LlmJudge::dry_run, kCancelled.
  [[nodiscard]] Result<std::vector<JudgeExchange>> dry_run(std::string_view query,
                                                           std::span<const Document> documents,
                                                           const JudgeCall& call = {}) const;

  [[nodiscard]] const CrossEncoderReRanker& cross_encoder() const { return cross_encoder_; }
  [[nodiscard]] const LlmJudge& judge() const { return judge_; }

 private:
  HybridReRanker(CrossEncoderReRanker cross_encoder, LlmJudge judge, HybridOptions options);
  CrossEncoderReRanker cross_encoder_;
  LlmJudge judge_;
  HybridOptions options_;
};

}  // namespace crossrank
