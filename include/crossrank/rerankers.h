// Rerankers over documents with metadata. The scoring itself is CrossEncoder's.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "crossrank/document.h"
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

  [[nodiscard]] const ReRankOptions& options() const { return options_; }
  [[nodiscard]] const CrossEncoder& cross_encoder() const { return *cross_encoder_; }

 private:
  CrossEncoderReRanker(std::shared_ptr<const CrossEncoder> cross_encoder, ReRankOptions options);
  std::shared_ptr<const CrossEncoder> cross_encoder_;
  ReRankOptions options_;
};

}  // namespace crossrank
