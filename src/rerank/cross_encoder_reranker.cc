// CrossEncoderReRanker: documents to scored texts, part by part, and the best of them back.
#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "base/cancel.h"
#include "base/guard.h"
#include "base/ranking.h"
#include "base/top_k.h"
#include "base/try.h"
#include "crossrank/rerankers.h"
#include "rerank/document_text.h"

namespace crossrank {
namespace {

using rerank::TextTemplate;

// Documents are scored in parts, so that a million of them need no million texts at once.
constexpr std::size_t kPartDocuments = 4096;
constexpr std::size_t kPartBytes = std::size_t{4} << 20;  // of rendered texts; one may be larger

// The texts of documents[begin, begin + pairs.size()) beside their query.
struct Part {
  std::vector<TextTemplate::Text> rendered;  // empty when page_content alone is scored
  std::vector<TextPair> pairs;
};

Result<Part> make_part(std::string_view query, std::span<const Document> documents,
                       std::size_t begin, const TextTemplate& text_template,
                       const ReRankOptions& options) {
  Part part;
  std::size_t bytes = 0;
  for (std::size_t i = begin; i < documents.size() && i - begin < kPartDocuments; ++i) {
    if (text_template.plain()) {
      part.pairs.push_back({query, documents[i].page_content});
      continue;
    }
    TextTemplate::Text text =
        text_template.render(documents[i], options.max_chars, options.max_metadata_chars);
    if (text.chars_cut > 0 && options.truncation == Truncation::kError) {
      Error error = base::chars_error(text.chars_cut, options.max_chars);
      error.message = "pair " + std::to_string(i) + " (counting from 0): " + error.message;
      return error;
    }
    bytes += text.text.size();
    part.rendered.push_back(std::move(text));
    if (bytes >= kPartBytes) break;
  }
  for (const TextTemplate::Text& text : part.rendered) part.pairs.push_back({query, text.text});
  return part;
}

ScoreOptions score_options(const ReRankOptions& options, const TextTemplate& text_template) {
  ScoreOptions score;
  score.max_length = options.max_length;
  score.max_chars = text_template.plain() ? options.max_chars : 0;  // else the texts are cut
  score.truncation = options.truncation;
  score.chunk = options.chunk;
  score.batch_tokens = options.batch_tokens;
  score.batch_size = options.batch_size;
  score.activation = options.activation;
  score.query_prompt = options.query_prompt;
  score.cancel = options.cancel;
  return score;
}

std::vector<std::string> missing_field_warnings(std::span<const Document> documents,
                                                const TextTemplate& text_template) {
  std::vector<std::string> warnings;
  if (documents.empty()) return warnings;
  for (const std::string_view field : text_template.fields()) {
    const bool found = std::any_of(documents.begin(), documents.end(), [&](const Document& d) {
      return rerank::find_metadata(d, field) != nullptr;
    });
    if (!found) {
      warnings.push_back("none of the " + std::to_string(documents.size()) +
                         " documents has the metadata field \"" + std::string(field) + "\"");
    }
  }
  return warnings;
}

// What max_chars cuts off is in no chunk, which those who ask for chunks hardly want.
std::string chunks_cut_warning(std::size_t cut, const ReRankOptions& options) {
  return "Chunks cover only the first " + std::to_string(options.max_chars) + " characters of " +
         std::to_string(cut) + (cut == 1 ? " document" : " documents") +
         ": raise max_chars (0 = all)";
}

// create() has checked the template.
TextTemplate::Text rendered(const Document& document, const ReRankOptions& options) {
  return TextTemplate::from_options(options)->render(document, options.max_chars,
                                                     options.max_metadata_chars);
}

Result<void> check_options(const CrossEncoder& cross_encoder, const ReRankOptions& options) {
  CR_TRY(TextTemplate::from_options(options));
  CR_TRY(base::check_one_label(cross_encoder.info().name, cross_encoder.info().num_labels));
  return base::check_thresholds(options);
}

}  // namespace

CrossEncoderReRanker::CrossEncoderReRanker(std::shared_ptr<const CrossEncoder> cross_encoder,
                                           ReRankOptions options)
    : cross_encoder_(std::move(cross_encoder)), options_(std::move(options)) {}

Result<CrossEncoderReRanker> CrossEncoderReRanker::create(
    std::shared_ptr<const CrossEncoder> cross_encoder, ReRankOptions options) {
  return base::guard_memory([&]() -> Result<CrossEncoderReRanker> {
    if (cross_encoder == nullptr) {
      return Error{ErrorCode::kInvalidArgument, "a reranker needs a CrossEncoder, not null"};
    }
    CR_TRY(check_options(*cross_encoder, options));
    return CrossEncoderReRanker(std::move(cross_encoder), std::move(options));
  });
}

Result<CrossEncoderReRanker> CrossEncoderReRanker::load(std::string_view model_name,
                                                        ReRankOptions options,
                                                        const LoadOptions& load_options) {
  return base::guard_memory([&]() -> Result<CrossEncoderReRanker> {
    CR_TRY(TextTemplate::from_options(options));  // before a model is fetched
    CR_TRY_ASSIGN(CrossEncoder cross_encoder, CrossEncoder::load(model_name, load_options));
    return create(std::make_shared<const CrossEncoder>(std::move(cross_encoder)),
                  std::move(options));
  });
}

Result<Ranking> CrossEncoderReRanker::rank(std::string_view query,
                                           std::span<const Document> documents) const {
  return rank_with_cancel(query, documents, nullptr);
}

Result<Ranking> CrossEncoderReRanker::rank_with_cancel(std::string_view query,
                                                       std::span<const Document> documents,
                                                       const std::atomic<bool>* cancel) const {
  return base::guard_memory([&]() -> Result<Ranking> {
    CR_TRY_ASSIGN(const TextTemplate text_template, TextTemplate::from_options(options_));
    Ranking ranking;
    std::size_t cut_by_chars = 0;
    ranking.warnings = missing_field_warnings(documents, text_template);
    ScoreOptions score = score_options(options_, text_template);
    // Scoring looks at one flag: where there are two, at one that follows both from batch to batch.
    std::atomic<bool> either{base::is_cancelled(cancel) || base::is_cancelled(options_.cancel)};
    const bool two = cancel != nullptr && options_.cancel != nullptr && cancel != options_.cancel;
    if (cancel != nullptr) score.cancel = two ? &either : cancel;
    base::TopK<RankedIndex, base::RanksBefore> best(options_.top_k, documents.size(), {});
    for (std::size_t begin = 0; begin < documents.size();) {
      CR_TRY_ASSIGN(const Part part, make_part(query, documents, begin, text_template, options_));
      score.first_index = begin;
      if (options_.progress || two) {
        score.progress = [&](std::size_t done, std::size_t) {
          if (options_.progress) options_.progress(begin + done, documents.size());
          either = base::is_cancelled(cancel) || base::is_cancelled(options_.cancel);
        };
      }
      CR_TRY_ASSIGN(const Predictions predictions, cross_encoder_->predict(part.pairs, score));
      for (std::size_t i = 0; i < predictions.size(); ++i) {
        RankedIndex ranked{.index = begin + i, .pair = predictions[i], .span = {}};
        if (const TextSpan* span = predictions.span(i)) ranked.span = *span;
        if (!text_template.plain()) {
          ranked.pair.truncation.chars_cut = part.rendered[i].chars_cut;
          if (ranked.span) ranked.span = part.rendered[i].in_content(*ranked.span);
        }
        if (ranked.pair.truncation.truncated()) ++ranking.truncated_documents;
        if (ranked.pair.truncation.chars_cut > 0) ++cut_by_chars;
        if (base::passes_thresholds(ranked.pair, options_)) best.add(ranked);
      }
      begin += part.pairs.size();
    }
    if (base::is_cancelled(cancel)) {
      return Error{ErrorCode::kCancelled, "ranking was cancelled by the caller"};
    }
    if (uses_chunks(options_.truncation) && cut_by_chars > 0) {
      ranking.warnings.push_back(chunks_cut_warning(cut_by_chars, options_));
    }
    const std::vector<RankedIndex> kept = best.take();
    ranking.results.reserve(kept.size());
    for (const RankedIndex& ranked : kept) {
      RankedDocument& result = ranking.results.emplace_back();
      result.rank = result.first_stage_rank = ranking.results.size();
      result.index = ranked.index;
      result.id = documents[ranked.index].id;
      result.logit = ranked.pair.logit;
      result.probability = ranked.pair.probability;
      result.score = ranked.pair.score;
      result.truncation = ranked.pair.truncation;
      result.span = ranked.span;
    }
    return ranking;
  });
}

std::string CrossEncoderReRanker::scored_text(const Document& document) const {
  return rendered(document, options_).text;
}

TextSpan CrossEncoderReRanker::in_content(const Document& document, const TextSpan& span) const {
  return rendered(document, options_).in_content(span);
}

}  // namespace crossrank
