// The public Tokenizer behind include/crossrank/tokenizer.h. The work is src/text's.
#include "crossrank/tokenizer.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/guard.h"
#include "base/try.h"
#include "base/utf8.h"
#include "engine/length_limits.h"
#include "engine/model_files.h"
#include "model/config.h"
#include "model/saved_settings.h"
#include "text/pair_encoder.h"
#include "text/sentences.h"
#include "text/tokenizer.h"

namespace crossrank {
namespace {

// The code points of `text` that max_chars (0 = all) leaves, repaired; `cut` counts the others.
std::string scored_part(std::string_view text, std::size_t max_chars, std::uint32_t& cut) {
  std::string valid = base::repair_utf8(text).value_or(std::string(text));
  if (max_chars == 0) return valid;
  const std::size_t kept = base::prefix_bytes(valid, max_chars);
  cut = static_cast<std::uint32_t>(base::count_code_points(std::string_view(valid).substr(kept)));
  valid.resize(kept);
  return valid;
}

// The spans of `tokens`, with a special token at each end, in bytes and code points of `text`.
std::vector<TextSpan> text_spans(std::string_view text, std::span<const text::ByteSpan> tokens) {
  std::vector<TextSpan> spans(1);
  const auto chars_between = [&](std::uint32_t begin, std::uint32_t end) {
    return static_cast<std::uint32_t>(base::count_code_points(text.substr(begin, end - begin)));
  };
  // Counted on from where the last token begins, for the pieces of one word share their span.
  std::uint32_t byte = 0;
  std::uint32_t chars = 0;
  for (const text::ByteSpan& token : tokens) {
    if (token.begin < byte) byte = chars = 0;  // marks that the normalizer put in order
    chars += chars_between(byte, token.begin);
    byte = token.begin;
    spans.push_back({token.begin, token.end, chars, chars + chars_between(token.begin, token.end)});
  }
  spans.emplace_back();
  return spans;
}

}  // namespace

struct Tokenizer::Impl {
  text::Tokenizer tokenizer;
  engine::LengthLimits limits;
  bool one_type = false;     // the model has one row of type embeddings, so every type id is 0
  std::string query_prompt;  // stands in front of the query of a pair

  void name_tokens(Encoding& encoding) const {
    if (one_type) std::fill(encoding.type_ids.begin(), encoding.type_ids.end(), 0);
    for (const std::int32_t id : encoding.ids) encoding.tokens.emplace_back(tokenizer.token(id));
    encoding.truncation.tokens_used = static_cast<std::uint32_t>(encoding.ids.size());
  }
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::load(std::string_view model, const LoadOptions& options) {
  return base::guard_memory([&]() -> Result<Tokenizer> {
    CR_TRY(
        engine::length_limits(options.max_length, SIZE_MAX, SIZE_MAX, text::kMinPairSpecialTokens));
    CR_TRY_ASSIGN(const engine::ModelFiles files,
                  engine::open_model(model, options, weights::Need::kTokenizer));
    const weights::ModelDir& dir = files.dir;
    CR_TRY_ASSIGN(model::SavedSettings saved, engine::read_saved_settings(dir));
    CR_TRY_ASSIGN(text::Tokenizer tokenizer, engine::read_tokenizer(dir));
    std::size_t max_positions = SIZE_MAX;
    bool one_type = false;
    if (dir.config_json) {
      const Result<model::Config> config = model::parse_config(dir.config_json);
      if (config.ok()) {
        max_positions = config->max_positions;
        one_type = config->type_vocab_size == 1;
      } else if (config.error().code != ErrorCode::kUnsupportedModel) {
        return config.error();  // whereas a model that cannot be scored can still be tokenized for
      }
    }
    CR_TRY_ASSIGN(const engine::LengthLimits limits,
                  engine::length_limits(options.max_length,
                                        saved.max_seq_length.value_or(tokenizer.model_max_length()),
                                        max_positions, tokenizer.layout().special_tokens()));
    return Tokenizer(std::make_unique<Impl>(
        Impl{std::move(tokenizer), limits, one_type, std::move(saved.query_prompt)}));
  });
}

Result<Encoding> Tokenizer::encode(std::string_view text, const ScoreOptions& options) const {
  return base::guard_memory([&]() -> Result<Encoding> {
    const Impl& self = *impl_;
    std::size_t max_length = SIZE_MAX;
    if (options.max_length != 0) max_length = std::min(options.max_length, self.limits.longest);
    if (max_length < text::kSingleSpecialTokens) {
      return Error{ErrorCode::kInvalidArgument,
                   "max_length is " + std::to_string(max_length) +
                       ", but a text needs at least 2 for its special tokens"};
    }
    Encoding encoding;
    std::vector<std::int32_t> ids;
    std::vector<text::ByteSpan> spans;
    const std::string scored = scored_part(text, options.max_chars, encoding.truncation.chars_cut);
    self.tokenizer.encode(scored, ids, &spans);
    const std::size_t total = ids.size() + text::kSingleSpecialTokens;
    encoding.truncation.tokens_total = static_cast<std::uint32_t>(total);
    encoding.truncation.document_truncated = total > max_length;
    if (total > max_length) {
      if (options.truncation == Truncation::kError) {
        return Error{ErrorCode::kTooLong,
                     "the text has " + std::to_string(total) +
                         " tokens with its special tokens, but max_length is " +
                         std::to_string(max_length)};
      }
      const auto dropped = static_cast<std::ptrdiff_t>(total - max_length);
      if (self.tokenizer.truncate_left()) {
        ids.erase(ids.begin(), ids.begin() + dropped);
        spans.erase(spans.begin(), spans.begin() + dropped);
      } else {
        ids.erase(ids.end() - dropped, ids.end());
        spans.erase(spans.end() - dropped, spans.end());
      }
    }
    encoding.ids.push_back(self.tokenizer.layout().cls_id);
    encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
    encoding.ids.push_back(self.tokenizer.layout().sep_id);
    encoding.type_ids.resize(encoding.ids.size());
    encoding.spans = text_spans(scored, spans);
    self.name_tokens(encoding);
    return encoding;
  });
}

Result<Encoding> Tokenizer::encode(std::string_view query, std::string_view document,
                                   const ScoreOptions& options) const {
  return base::guard_memory([&]() -> Result<Encoding> {
    const Impl& self = *impl_;
    CR_TRY_ASSIGN(const text::CutRules rules,
                  engine::cut_rules(options, self.limits, self.tokenizer.truncate_left()));
    Encoding encoding;
    std::uint32_t none = 0;
    std::vector<std::int32_t> query_ids;
    std::vector<std::int32_t> document_ids;
    const std::string& prompt = options.query_prompt ? *options.query_prompt : self.query_prompt;
    self.tokenizer.encode(prompt + scored_part(query, 0, none), query_ids);
    const std::string scored_text =
        scored_part(document, options.max_chars, encoding.truncation.chars_cut);
    std::vector<text::ByteSpan> spans;
    const bool chunked = uses_chunks(rules.policy);
    self.tokenizer.encode(scored_text, document_ids, chunked ? &spans : nullptr);
    text::PairCut cut;
    std::size_t scored = 0;  // document tokens in all chunks, which overlap
    if (chunked) {
      CR_TRY_ASSIGN(const std::vector<text::PairCut> chunks,
                    text::chunk_pair(query_ids.size(), document_ids.size(),
                                     text::sentence_starts(scored_text, spans), rules));
      cut = chunks.front();
      scored = chunks.back().document_begin + chunks.back().document_tokens;
    } else {
      CR_TRY_ASSIGN(cut, text::cut_pair(query_ids.size(), document_ids.size(), rules));
      scored = cut.document_tokens;
    }
    encoding.ids.resize(cut.length());
    encoding.type_ids.resize(cut.length());
    text::write_pair(query_ids, document_ids, cut, self.tokenizer.layout(), encoding.ids.data(),
                     encoding.type_ids.data());
    encoding.truncation.tokens_total =
        static_cast<std::uint32_t>(query_ids.size() + document_ids.size() + rules.special_tokens);
    encoding.truncation.query_truncated = cut.query_tokens < query_ids.size();
    encoding.truncation.document_truncated = scored < document_ids.size();
    self.name_tokens(encoding);
    return encoding;
  });
}

std::size_t Tokenizer::max_length() const { return impl_->limits.usual; }
std::size_t Tokenizer::vocab_size() const { return impl_->tokenizer.vocab_size(); }

}  // namespace crossrank
