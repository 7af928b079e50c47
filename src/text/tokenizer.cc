// Tokenizer: a pipeline, the names of its tokens, and what the model's files say beside it.
#include "text/tokenizer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/try.h"
#include "text/pipeline.h"
#include "text/tokenizer_loader.h"

namespace crossrank::text {
namespace {

// The tokens' strings by id, in one block of memory.
class TokenNames {
 public:
  explicit TokenNames(const TokenizerSpec& spec) {
    std::int32_t last = std::max(spec.layout.cls_id, spec.layout.sep_id);
    for (const VocabEntry& entry : spec.vocab) last = std::max(last, entry.id);
    for (const AddedToken& token : spec.added_tokens) last = std::max(last, token.id);
    by_id_.resize(static_cast<std::size_t>(last) + 1);
    for (const VocabEntry& entry : spec.vocab) set(entry.id, entry.token);
    for (const AddedToken& token : spec.added_tokens) set(token.id, token.content);
  }

  std::size_t size() const { return by_id_.size(); }
  std::string_view operator[](std::int32_t id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= by_id_.size()) return {};
    const auto& [begin, length] = by_id_[static_cast<std::size_t>(id)];
    return std::string_view(bytes_).substr(begin, length);
  }

 private:
  void set(std::int32_t id, std::string_view token) {
    by_id_[static_cast<std::size_t>(id)] = {bytes_.size(), token.size()};
    bytes_ += token;
  }

  std::string bytes_;
  std::vector<std::pair<std::size_t, std::size_t>> by_id_;  // begin and length in bytes_
};

}  // namespace

struct Tokenizer::Impl {
  std::unique_ptr<const Pipeline> pipeline;
  TokenNames names;
  PairLayout layout;
  std::size_t model_max_length;
  bool truncate_left;
};

Result<Tokenizer> Tokenizer::load(const base::Blob& tokenizer_json, const base::Blob& vocab_txt,
                                  const base::Blob& tokenizer_config, const LegacyFiles& legacy) {
  CR_TRY_ASSIGN(const TokenizerSpec spec,
                load_tokenizer_spec(tokenizer_json, vocab_txt, tokenizer_config, legacy));
  auto pipeline = spec.unigram ? make_unigram_pipeline(spec) : make_bert_pipeline(spec);
  if (!pipeline.ok()) {
    const std::string& file = (tokenizer_json ? tokenizer_json : vocab_txt).name();
    return Error{pipeline.error().code, file + ": " + pipeline.error().message + "."};
  }
  return Tokenizer(std::make_unique<Impl>(Impl{std::move(*pipeline), TokenNames(spec), spec.layout,
                                               spec.model_max_length, spec.truncate_left}));
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

void Tokenizer::encode(std::string_view text, std::vector<std::int32_t>& ids,
                       std::vector<ByteSpan>* spans) const {
  if (spans == nullptr) return impl_->pipeline->encode(text, ids);
  impl_->pipeline->encode_aligned(text, ids, *spans);
}

std::size_t Tokenizer::vocab_size() const { return impl_->names.size(); }
std::string_view Tokenizer::token(std::int32_t id) const { return impl_->names[id]; }
const PairLayout& Tokenizer::layout() const { return impl_->layout; }
std::size_t Tokenizer::model_max_length() const { return impl_->model_max_length; }
bool Tokenizer::truncate_left() const { return impl_->truncate_left; }

}  // namespace crossrank::text
