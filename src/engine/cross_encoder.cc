// CrossEncoder and Predictions behind include/crossrank/cross_encoder.h.
#include "crossrank/cross_encoder.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>

#include "base/guard.h"
#include "base/ranking.h"
#include "base/top_k.h"
#include "base/try.h"
#include "engine/activation.h"
#include "engine/calibration.h"
#include "engine/compute.h"
#include "engine/length_limits.h"
#include "engine/model_files.h"
#include "engine/scorer.h"
#include "kernels/dispatch.h"
#include "model/bert.h"
#include "model/config.h"
#include "model/saved_settings.h"
#include "text/tokenizer.h"
#include "weights/model_dir.h"
#include "weights/safetensors.h"

namespace crossrank {
namespace {

class Pairs final : public engine::PairSource {
 public:
  explicit Pairs(std::span<const TextPair> pairs) : pairs_(pairs) {}
  std::size_t size() const override { return pairs_.size(); }
  TextPair at(std::size_t index) const override { return pairs_[index]; }

 private:
  std::span<const TextPair> pairs_;
};

class DocumentsOfQuery final : public engine::PairSource {
 public:
  DocumentsOfQuery(std::string_view query, std::span<const std::string_view> documents)
      : query_(query), documents_(documents) {}
  std::size_t size() const override { return documents_.size(); }
  TextPair at(std::size_t index) const override { return {query_, documents_[index]}; }

 private:
  std::string_view query_;
  std::span<const std::string_view> documents_;
};

ScoredPair scored_pair(const engine::PairOutcome& outcome, Activation activation,
                       const engine::LogitScale& scale) {
  ScoredPair pair;
  pair.logit = outcome.logits[0];
  if (outcome.logits.size() == 1) {
    pair.probability = pair.logit;
    engine::apply_probability(scale, {&pair.probability, 1});
    float score = pair.logit;
    engine::apply_activation(activation, {&score, 1});
    pair.score = score;
  } else {
    std::vector<float> values(outcome.logits.begin(), outcome.logits.end());
    engine::apply_probability(scale, values);
    pair.probability = values[0];
    values.assign(outcome.logits.begin(), outcome.logits.end());
    engine::apply_activation(activation, values);
    pair.score = values[0];
  }
  pair.truncation = outcome.truncation;
  return pair;
}

Result<void> check_ids_fit(const text::Tokenizer& tokenizer, const model::Config& config,
                           const std::string& where) {
  if (tokenizer.vocab_size() <= config.vocab_size) return {};
  return Error{ErrorCode::kBadConfig, where + ": the tokenizer has ids up to " +
                                          std::to_string(tokenizer.vocab_size() - 1) +
                                          ", but vocab_size in config.json "
                                          "is " +
                                          std::to_string(config.vocab_size) +
                                          ", so the weights have no row for some of them"};
}

}  // namespace

struct CrossEncoder::Impl {
  Impl(engine::ModelFiles model_files, std::unique_ptr<base::ThreadPool> thread_pool,
       text::Tokenizer model_tokenizer, model::Bert model_bert, engine::LengthLimits length_limits,
       std::string query_prompt)
      : files(std::move(model_files)),
        pool(std::move(thread_pool)),
        tokenizer(std::move(model_tokenizer)),
        bert(std::move(model_bert)),
        limits(length_limits),
        scorer(tokenizer, bert, *pool, std::move(query_prompt)) {}

  engine::ModelFiles files;  // first, since the bert looks into its bytes
  std::unique_ptr<base::ThreadPool> pool;
  text::Tokenizer tokenizer;
  model::Bert bert;
  engine::LengthLimits limits;
  engine::Scorer scorer;
  ModelInfo info;
  engine::LogitScale scale;
  std::mutex sha256_mutex;
  std::string sha256;  // "" until known; guarded by sha256_mutex
};

CrossEncoder::CrossEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CrossEncoder::CrossEncoder(CrossEncoder&&) noexcept = default;
CrossEncoder& CrossEncoder::operator=(CrossEncoder&&) noexcept = default;
CrossEncoder::~CrossEncoder() = default;

Result<CrossEncoder> CrossEncoder::load(std::string_view model, const LoadOptions& options) {
  return base::guard_memory([&]() -> Result<CrossEncoder> {
    // What needs no file first: nothing is downloaded for a call that cannot succeed.
    CR_TRY_ASSIGN(const kernels::Arithmetic arithmetic, engine::arithmetic_of(options.precision));
    CR_TRY_ASSIGN(const kernels::KernelTable* table,
                  kernels::find_kernels(options.isa, arithmetic));
    CR_TRY_ASSIGN(const std::size_t threads, engine::thread_count(options.threads));
    // The asked length alone, as if the model had no limits: kInvalidArgument or nothing.
    CR_TRY(
        engine::length_limits(options.max_length, SIZE_MAX, SIZE_MAX, text::kMinPairSpecialTokens));

    CR_TRY_ASSIGN(engine::ModelFiles files,
                  engine::open_model(model, options, weights::Need::kModel));
    const weights::ModelDir& dir = files.dir;
    CR_TRY_ASSIGN(model::SavedSettings saved, engine::read_saved_settings(dir));
    CR_TRY_ASSIGN(
        const model::Config config,
        model::parse_config(dir.config_json,
                            saved.present ? dir.sentence_transformers_json : base::Blob()));
    CR_TRY_ASSIGN(text::Tokenizer tokenizer, engine::read_tokenizer(dir));
    CR_TRY(check_ids_fit(tokenizer, config, dir.where));
    CR_TRY_ASSIGN(const engine::LengthLimits limits,
                  engine::length_limits(options.max_length,
                                        saved.max_seq_length.value_or(tokenizer.model_max_length()),
                                        config.max_positions, tokenizer.layout().special_tokens()));
    CR_TRY_ASSIGN(std::unique_ptr<base::ThreadPool> pool, engine::start_threads(threads));
    CR_TRY_ASSIGN(const weights::TensorMap tensors, weights::load_tensors(dir));
    auto loaded = model::Bert::load(config, tensors, *table, *pool);
    if (!loaded.ok() && loaded.error().code == ErrorCode::kBadWeights) {
      return Error{ErrorCode::kBadWeights, dir.where + ": " + loaded.error().message};
    }
    CR_TRY_ASSIGN(model::Bert bert, std::move(loaded));

    ModelInfo info;
    info.name = files.resolved.name;
    info.source = files.resolved.source;
    info.architecture = config.architecture;
    info.layers = config.layers;
    info.hidden_size = config.hidden_size;
    info.heads = config.heads;
    info.intermediate_size = config.intermediate_size;
    info.vocab_size = config.vocab_size;
    info.max_length = limits.usual;
    info.num_labels = bert.num_labels();
    info.labels = model::label_names_of(config, bert.num_labels());
    info.parameters = bert.parameters();
    info.activation = model::score_activation_for(config, bert.num_labels());
    info.precision = options.precision;
    info.isa = table->name;
    info.threads = threads;
    std::string sha256 = files.resolved.weights_sha256;
    CR_TRY_ASSIGN(info.calibration,
                  engine::find_calibration(options.calibration, files, bert.num_labels(), sha256));
    info.query_prompt = saved.query_prompt;
    info.note = files.resolved.note;

    auto impl = std::make_unique<Impl>(std::move(files), std::move(pool), std::move(tokenizer),
                                       std::move(bert), limits, std::move(saved.query_prompt));
    impl->info = std::move(info);
    if (const auto& calibration = impl->info.calibration) {
      impl->scale = {calibration->temperature, calibration->bias};
    }
    impl->sha256 = std::move(sha256);
    return CrossEncoder(std::move(impl));
  });
}

Result<Predictions> CrossEncoder::predict(std::span<const TextPair> pairs,
                                          const ScoreOptions& options) const {
  return base::guard_memory([&]() -> Result<Predictions> {
    Impl& self = *impl_;
    CR_TRY_ASSIGN(const text::CutRules rules,
                  engine::cut_rules(options, self.limits, self.tokenizer.truncate_left()));
    CR_TRY_ASSIGN(const Activation activation,
                  engine::choose_activation(options.activation, self.info.activation));
    Predictions predictions;
    predictions.num_labels_ = self.info.num_labels;
    predictions.activation_ = activation;
    predictions.pairs_.reserve(pairs.size());
    if (predictions.num_labels_ > 1) {
      predictions.logits_.reserve(pairs.size() * predictions.num_labels_);
    }
    if (uses_chunks(rules.policy)) predictions.spans_.reserve(pairs.size());
    CR_TRY(self.scorer.score(Pairs(pairs), rules, options, [&](const engine::PairOutcome& outcome) {
      predictions.pairs_.push_back(scored_pair(outcome, predictions.activation_, self.scale));
      if (predictions.num_labels_ > 1) {
        predictions.logits_.insert(predictions.logits_.end(), outcome.logits.begin(),
                                   outcome.logits.end());
      }
      if (uses_chunks(rules.policy)) predictions.spans_.push_back(outcome.span);
    }));
    return predictions;
  });
}

Result<std::vector<RankedIndex>> CrossEncoder::rank(std::string_view query,
                                                    std::span<const std::string_view> documents,
                                                    const RankOptions& options) const {
  return base::guard_memory([&]() -> Result<std::vector<RankedIndex>> {
    Impl& self = *impl_;
    CR_TRY(base::check_one_label(self.info.name, self.info.num_labels));
    CR_TRY(base::check_thresholds(options));
    CR_TRY_ASSIGN(const text::CutRules rules,
                  engine::cut_rules(options.score, self.limits, self.tokenizer.truncate_left()));
    CR_TRY_ASSIGN(const Activation activation,
                  engine::choose_activation(options.score.activation, self.info.activation));
    base::TopK<RankedIndex, base::RanksBefore> best(options.top_k, documents.size(), {});
    CR_TRY(self.scorer.score(DocumentsOfQuery(query, documents), rules, options.score,
                             [&](const engine::PairOutcome& outcome) {
                               RankedIndex ranked;
                               ranked.index = outcome.index;
                               ranked.pair = scored_pair(outcome, activation, self.scale);
                               if (uses_chunks(rules.policy)) {
                                 ranked.span = outcome.span;
                               }
                               if (base::passes_thresholds(ranked.pair, options)) best.add(ranked);
                             }));
    return best.take();
  });
}

const ModelInfo& CrossEncoder::info() const { return impl_->info; }

double CrossEncoder::operations(std::size_t tokens) const { return impl_->bert.operations(tokens); }

Result<std::string> CrossEncoder::weights_sha256() const {
  return base::guard_memory([&]() -> Result<std::string> {
    const std::scoped_lock lock(impl_->sha256_mutex);
    if (impl_->sha256.empty()) {
      CR_TRY_ASSIGN(impl_->sha256, weights::weights_sha256(impl_->files.dir));
    }
    return impl_->sha256;
  });
}

std::span<const float> Predictions::logits(std::size_t i) const {
  if (num_labels_ == 1) return {&pairs_[i].logit, 1};
  return std::span(logits_).subspan(i * num_labels_, num_labels_);
}

std::vector<float> Predictions::probabilities(std::size_t i) const {
  if (num_labels_ == 1) return {pairs_[i].probability};
  std::vector<float> values(logits(i).begin(), logits(i).end());
  engine::apply_probability({}, values);
  return values;
}

std::vector<float> Predictions::scores(std::size_t i) const {
  std::vector<float> values(logits(i).begin(), logits(i).end());
  engine::apply_activation(activation_, values);
  return values;
}

const TextSpan* Predictions::span(std::size_t i) const {
  return spans_.empty() ? nullptr : &spans_[i];
}

}  // namespace crossrank
