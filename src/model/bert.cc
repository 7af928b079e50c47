// Bert: the forward pass, top to bottom.
//
// Shapes: B sequences, T packed tokens, E embedding size, H hidden, A heads, D = H / A head size,
// F feed-forward, S = qkv_stride (H rounded up to a weight panel). Activations are row-major
// float32.
//
// All but attention works on single rows, so rows are processed in chunks that keep the widest
// activation [rows, F] in the second-level cache and that threads share out. No result depends on
// how rows are chunked (see kernel_table.h).
#include "model/bert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/try.h"
#include "model/bert_weights.h"

namespace crossrank::model {

struct Bert::Impl {
  Config config;
  const kernels::KernelTable* kernels = nullptr;
  BertWeights weights;
};

namespace {

using Observer = std::function<void(std::size_t layer, const float* x)>;

// 96 rows x 1,536 (MiniLM's F) x 4 bytes = 576 KB: half of a 1 MB second-level cache, the other
// half is for a panel of weights. 96 is a multiple of every table's row_block (8, 6 and 3).
constexpr std::size_t kChunkRows = 96;

enum Slot : std::size_t {
  kX,
  kQkv,
  kContext,
  kRowX,
  kRowHidden,
  kRowWide,
  kLinear,
  kAttention,
  kClsX,
  kSlotCount
};
static_assert(kSlotCount == Workspace::kSlots);

constexpr std::size_t kLineFloats = base::kCacheLine / sizeof(float);

kernels::Epilogue epilogue_of(HiddenActivation activation) {
  switch (activation) {
    case HiddenActivation::kGelu: return kernels::Epilogue::kGelu;
    case HiddenActivation::kGeluTanh: return kernels::Epilogue::kGeluTanh;
    case HiddenActivation::kRelu: return kernels::Epilogue::kRelu;
    case HiddenActivation::kSilu: return kernels::Epilogue::kSilu;
    case HiddenActivation::kTanh: return kernels::Epilogue::kTanh;
  }
  return kernels::Epilogue::kGelu;
}

// One forward pass: the model, a batch, and the buffers of this call.
class Pass {
 public:
  Pass(const Config& config, const BertWeights& weights, const kernels::KernelTable& kernels,
       const PackedBatch& batch, Workspace& workspace, base::Parallel& parallel)
      : c_(config),
        w_(weights),
        kernels_(kernels),
        batch_(batch),
        parallel_(parallel),
        tokens_(batch.tokens()),
        h_(config.hidden_size),
        stride_(weights.qkv_stride),
        qkv_columns_(2 * stride_ + h_),
        x_(workspace.get(kX, tokens_ * h_)),
        qkv_(workspace.get(kQkv, tokens_ * qkv_columns_)),
        context_(workspace.get(kContext, tokens_ * h_)),
        workspace_(workspace) {
    const std::size_t workers = parallel.workers();
    hidden_ = workspace.get(kRowHidden, workers * kChunkRows * h_);
    wide_ = workspace.get(kRowWide, workers * kChunkRows * c_.intermediate_size);
    row_x_ = workspace.get(kRowX, workers * kChunkRows * c_.embedding_size);
    const std::size_t widest = std::max({c_.embedding_size, h_, c_.intermediate_size});
    linear_floats_ = round_up_floats(kernels.linear.scratch_bytes(kChunkRows, widest));
    linear_scratch_ = workspace.get(kLinear, workers * linear_floats_);
    std::size_t longest = 0;
    for (std::size_t b = 0; b < batch.sequences(); ++b) longest = std::max(longest, length(b));
    scratch_floats_ = kernels.attention.scratch_floats(longest, c_.head_size());
    scratch_ = workspace.get(kAttention, workers * scratch_floats_);
  }

  // Writes logits [B, labels].
  void run(float* logits, const Observer* observe) {
    embed();
    if (observe) (*observe)(0, x_);
    for (std::size_t layer = 0; layer < w_.layers.size(); ++layer) {
      const bool last = layer + 1 == w_.layers.size();
      if (last && observe == nullptr) {
        last_layer(w_.layers[layer]);
      } else {
        encoder_layer(w_.layers[layer]);
        if (observe) (*observe)(layer + 1, x_);
        if (last) gather_cls();
      }
    }
    if (w_.layers.empty()) gather_cls();
    head(logits);
  }

 private:
  // Floats that hold `bytes`, in whole cache lines.
  static std::size_t round_up_floats(std::size_t bytes) {
    return (bytes + base::kCacheLine - 1) / base::kCacheLine * kLineFloats;
  }

  void* linear_scratch(std::size_t worker) { return linear_scratch_ + worker * linear_floats_; }

  std::size_t length(std::size_t b) const { return batch_.seq_start[b + 1] - batch_.seq_start[b]; }

  // Calls body(worker, begin, end) for chunks of at most kChunkRows of `rows`, as even as whole
  // register tiles allow and at least one chunk a worker where there is work for it.
  template <typename Body>
  void for_rows(std::size_t rows, const Body& body) {
    const std::size_t workers = parallel_.workers();
    std::size_t chunks = (rows + kChunkRows - 1) / kChunkRows;
    chunks = (chunks + workers - 1) / workers * workers;
    std::size_t chunk = (rows + chunks - 1) / chunks;
    chunk = (chunk + kernels_.row_block - 1) / kernels_.row_block * kernels_.row_block;
    chunk = std::min(chunk, kChunkRows);
    parallel_.run((rows + chunk - 1) / chunk, [&](std::size_t worker, std::size_t i) {
      body(worker, i * chunk, std::min(rows, (i + 1) * chunk));
    });
  }

  // RoBERTa gives no position to a padding token, not even to one that a text spells out: it gets
  // the row in front of the first position, and those behind it count on as if it were not there
  // (create_position_ids_from_input_ids of transformers).
  bool takes_no_position(std::size_t t) const {
    return c_.family == Family::kRoberta && batch_.ids[t] == c_.pad_id;
  }
  std::size_t pads_between(std::size_t begin, std::size_t end) const {
    std::size_t pads = 0;
    for (std::size_t t = begin; t < end; ++t) pads += takes_no_position(t) ? 1 : 0;
    return pads;
  }

  // x [T, H] = LayerNorm(word + type + position), summed in the order of transformers'
  // BertEmbeddings, and for ELECTRA projected from E to H.
  void embed() {
    const Embeddings& e = w_.embeddings;
    const std::size_t size = c_.embedding_size;
    for_rows(tokens_, [&](std::size_t worker, std::size_t begin, std::size_t end) {
      float* rows = e.project ? row_x_ + worker * kChunkRows * size : x_ + begin * size;
      std::memset(rows, 0, (end - begin) * size * sizeof(float));
      std::size_t b = static_cast<std::size_t>(std::upper_bound(batch_.seq_start.begin(),
                                                                batch_.seq_start.end(), begin) -
                                               batch_.seq_start.begin()) -
                      1;
      std::size_t pads = pads_between(batch_.seq_start[b], begin);
      for (std::size_t t = begin; t < end; ++t) {
        while (t >= batch_.seq_start[b + 1]) {
          ++b;
          pads = 0;
        }
        std::size_t position = c_.position_offset + t - batch_.seq_start[b] - pads;
        if (takes_no_position(t)) {
          position = static_cast<std::size_t>(c_.pad_id);
          ++pads;
        }
        float* row = rows + (t - begin) * size;
        kernels_.add_row(e.word.row(static_cast<std::size_t>(batch_.ids[t])), e.word.type, size,
                         row);
        kernels_.add_row(e.type.row(static_cast<std::size_t>(batch_.type_ids[t])), e.type.type,
                         size, row);
        kernels_.add_row(e.position.row(position), e.position.type, size, row);
      }
      e.norm.apply(kernels_, rows, nullptr, end - begin, rows);
      if (e.project) {
        e.project->apply(rows, size, end - begin, x_ + begin * h_, h_, kernels::Epilogue::kNone,
                         linear_scratch(worker));
      }
    });
  }

  // x [T, H] -> x [T, H], post-norm as in the original BERT.
  void encoder_layer(const EncoderLayer& layer) {
    for_rows(tokens_, [&](std::size_t worker, std::size_t begin, std::size_t end) {
      layer.qkv.apply(x_ + begin * h_, h_, end - begin, qkv_ + begin * qkv_columns_, qkv_columns_,
                      kernels::Epilogue::kNone, linear_scratch(worker));
    });
    attend(false);
    for_rows(tokens_, [&](std::size_t worker, std::size_t begin, std::size_t end) {
      rows_after_attention(layer, worker, context_ + begin * h_, x_ + begin * h_, end - begin);
    });
  }

  // The head reads row [CLS] alone, so the last layer needs keys and values of all rows and
  // everything else of one row a sequence. Each row's arithmetic is that of encoder_layer(), bit
  // for bit.
  void last_layer(const EncoderLayer& layer) {
    for_rows(tokens_, [&](std::size_t worker, std::size_t begin, std::size_t end) {
      layer.qkv.apply(x_ + begin * h_, h_, end - begin, qkv_ + begin * qkv_columns_ + stride_,
                      qkv_columns_, kernels::Epilogue::kNone, linear_scratch(worker), stride_,
                      qkv_columns_);
    });
    gather_cls();
    for_rows(batch_.sequences(), [&](std::size_t worker, std::size_t begin, std::size_t end) {
      float* queries = hidden_ + worker * kChunkRows * h_;
      layer.qkv.apply(cls_ + begin * h_, h_, end - begin, queries, h_, kernels::Epilogue::kNone,
                      linear_scratch(worker), 0, h_);
      for (std::size_t b = begin; b < end; ++b) {  // where encoder_layer() would have put them
        std::copy_n(queries + (b - begin) * h_, h_, qkv_ + batch_.seq_start[b] * qkv_columns_);
      }
    });
    attend(true);
    for_rows(batch_.sequences(), [&](std::size_t worker, std::size_t begin, std::size_t end) {
      rows_after_attention(layer, worker, context_ + begin * h_, cls_ + begin * h_, end - begin);
    });
  }

  // context = softmax(q k^T / sqrt(D)) v for each sequence and head: [T, H], or with cls_only the
  // context of each sequence's first row: [B, H].
  void attend(bool cls_only) {
    const std::size_t d = c_.head_size();
    parallel_.run(batch_.sequences() * c_.heads, [&](std::size_t worker, std::size_t i) {
      const std::size_t b = i / c_.heads;
      const std::size_t column = i % c_.heads * d;
      const float* first = qkv_ + batch_.seq_start[b] * qkv_columns_ + column;
      kernels::AttentionArgs args = {};
      args.q = first;
      args.k = first + stride_;
      args.v = first + 2 * stride_;
      args.ldq = args.ldkv = qkv_columns_;
      args.n_queries = cls_only ? 1 : length(b);
      args.n_keys = length(b);
      args.head_size = d;
      args.scale = 1.0F / std::sqrt(static_cast<float>(d));
      args.out = context_ + (cls_only ? b : batch_.seq_start[b]) * h_ + column;
      args.ldo = h_;
      args.scratch = scratch_ + worker * scratch_floats_;
      kernels_.attention.run(&args);
    });
  }

  // x [m, H] = LN(y + FFN(y)), y = LN(x + context W^T + b), m <= kChunkRows.
  void rows_after_attention(const EncoderLayer& layer, std::size_t worker, const float* context,
                            float* x, std::size_t m) {
    const std::size_t f = c_.intermediate_size;
    float* hidden = hidden_ + worker * kChunkRows * h_;
    float* wide = wide_ + worker * kChunkRows * f;
    void* scratch = linear_scratch(worker);
    layer.attention_output.apply(context, h_, m, hidden, h_, kernels::Epilogue::kNone, scratch);
    layer.attention_norm.apply(kernels_, hidden, x, m, x);
    layer.intermediate.apply(x, h_, m, wide, f, epilogue_of(c_.hidden_activation), scratch);
    layer.output.apply(wide, f, m, hidden, h_, kernels::Epilogue::kNone, scratch);
    layer.output_norm.apply(kernels_, hidden, x, m, x);
  }

  // cls [B, H] = the first row of each sequence.
  void gather_cls() {
    cls_ = workspace_.get(kClsX, batch_.sequences() * h_);
    for (std::size_t b = 0; b < batch_.sequences(); ++b) {
      std::copy_n(x_ + batch_.seq_start[b] * h_, h_, cls_ + b * h_);
    }
  }

  // logits [B, labels] = classifier(activation(dense(cls)))
  void head(float* logits) {
    const std::size_t labels = w_.num_labels;
    for_rows(batch_.sequences(), [&](std::size_t worker, std::size_t begin, std::size_t end) {
      float* pooled = hidden_ + worker * kChunkRows * h_;
      w_.head.dense.apply(cls_ + begin * h_, h_, end - begin, pooled, h_, w_.head.activation,
                          linear_scratch(worker));
      w_.head.classifier.apply(pooled, h_, end - begin, logits + begin * labels, labels,
                               kernels::Epilogue::kNone, linear_scratch(worker));
    });
  }

  const Config& c_;
  const BertWeights& w_;
  const kernels::KernelTable& kernels_;
  const PackedBatch& batch_;
  base::Parallel& parallel_;
  const std::size_t tokens_;
  const std::size_t h_;
  const std::size_t stride_;
  const std::size_t qkv_columns_;
  float* x_;        // [T, H]
  float* qkv_;      // [T, 2S + H]
  float* context_;  // [T, H]
  Workspace& workspace_;
  float* row_x_ = nullptr;   // [workers, kChunkRows, E]
  float* hidden_ = nullptr;  // [workers, kChunkRows, H]
  float* wide_ = nullptr;    // [workers, kChunkRows, F]
  float* linear_scratch_ = nullptr;
  std::size_t linear_floats_ = 0;  // a worker
  float* scratch_ = nullptr;
  float* cls_ = nullptr;  // [B, H]
  std::size_t scratch_floats_ = 0;
};

}  // namespace

Result<Bert> Bert::load(const Config& config, const weights::TensorMap& tensors,
                        const kernels::KernelTable& kernels, base::Parallel& parallel) {
  auto impl = std::make_unique<Impl>();
  impl->config = config;
  impl->kernels = &kernels;
  CR_TRY_ASSIGN(impl->weights, load_bert_weights(config, tensors, kernels, parallel));
  return Bert(std::move(impl));
}

Bert::Bert(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Bert::Bert(Bert&&) noexcept = default;
Bert& Bert::operator=(Bert&&) noexcept = default;
Bert::~Bert() = default;

void Bert::forward(const PackedBatch& batch, Workspace& workspace, base::Parallel& parallel,
                   float* logits) const {
  if (batch.sequences() == 0) return;
  Pass(impl_->config, impl_->weights, *impl_->kernels, batch, workspace, parallel)
      .run(logits, nullptr);
}

void Bert::forward_observed(const PackedBatch& batch, Workspace& workspace,
                            base::Parallel& parallel, float* logits,
                            const Observer& observe) const {
  if (batch.sequences() == 0) return;
  Pass(impl_->config, impl_->weights, *impl_->kernels, batch, workspace, parallel)
      .run(logits, &observe);
}

const Config& Bert::config() const { return impl_->config; }
std::size_t Bert::num_labels() const { return impl_->weights.num_labels; }
std::size_t Bert::parameters() const { return impl_->weights.parameters; }

double Bert::operations(std::size_t tokens) const {
  const Config& c = impl_->config;
  const auto n = static_cast<double>(tokens);
  const auto h = static_cast<double>(c.hidden_size);
  const auto f = static_cast<double>(c.intermediate_size);
  const double all_rows = n * 2 * h * (2 * h);           // keys and values
  const double other = 2 * h * (2 * h) + 2 * 2 * h * f;  // query, output, feed-forward: of one row
  const double attention = 2 * 2 * n * h;                // of one row
  double sum =
      impl_->weights.embeddings.project ? n * 2 * h * static_cast<double>(c.embedding_size) : 0;
  if (!impl_->weights.layers.empty()) {
    const auto whole = static_cast<double>(impl_->weights.layers.size() - 1);
    sum += whole * (all_rows + n * (other + attention)) + all_rows + other + attention;
  }
  return sum + 2 * h * (h + static_cast<double>(impl_->weights.num_labels));
}

}  // namespace crossrank::model
