// The aggregates of options.h and judge.h with their fields; enums under the names of the command's
// flags. Fields that hold callbacks or cancel flags belong to a call and are not here.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <utility>

#include "bindings.h"
#include "crossrank/judge.h"
#include "crossrank/options.h"

namespace crossrank::python {
namespace nb = nanobind;
namespace {

void bind_enums(nb::module_& module) {
  nb::enum_<Precision>(module, "Precision")
      .value("fp32", Precision::kFp32)
      .value("bf16", Precision::kBf16)
      .value("int8", Precision::kInt8);
  nb::enum_<Truncation>(module, "Truncation")
      .value("longest_first", Truncation::kLongestFirst)
      .value("document_only", Truncation::kDocumentOnly)
      .value("error", Truncation::kError)
      .value("chunk_max", Truncation::kChunkMax)
      .value("chunk_top2", Truncation::kChunkTop2)
      .value("first", Truncation::kFirst);
  nb::enum_<TruncationSide>(module, "TruncationSide")
      .value("model", TruncationSide::kModel)
      .value("right", TruncationSide::kRight)
      .value("left", TruncationSide::kLeft);
  nb::enum_<Activation>(module, "Activation")
      .value("identity", Activation::kIdentity)
      .value("sigmoid", Activation::kSigmoid)
      .value("tanh", Activation::kTanh)
      .value("softmax", Activation::kSoftmax);
  nb::enum_<JudgeMode>(module, "JudgeMode")
      .value("listwise", JudgeMode::kListwise)
      .value("pointwise", JudgeMode::kPointwise);
  nb::enum_<OrderBias>(module, "OrderBias")
      .value("ignore", OrderBias::kIgnore)
      .value("two_pass", OrderBias::kTwoPass);
}

void bind_judge_options(nb::module_& module) {
  nb::class_<JudgeOptions>(module, "JudgeOptions")
      .def(nb::init<>())
      .def_rw("top_k", &JudgeOptions::top_k)
      .def_rw("url", &JudgeOptions::url)
      .def_rw("model", &JudgeOptions::model)
      .def_rw("api_key_env", &JudgeOptions::api_key_env)
      .def_rw("api_key_file", &JudgeOptions::api_key_file)
      .def_rw("headers", &JudgeOptions::headers)
      .def_rw("proxy", &JudgeOptions::proxy)
      .def_rw("ca_bundle", &JudgeOptions::ca_bundle)
      .def_prop_rw(
          "timeout_ms", [](const JudgeOptions& self) { return self.timeout.count(); },
          [](JudgeOptions& self, std::int64_t ms) { self.timeout = std::chrono::milliseconds(ms); })
      .def_rw("mode", &JudgeOptions::mode)
      .def_rw("order_bias", &JudgeOptions::order_bias)
      .def_rw("concurrency", &JudgeOptions::concurrency)
      .def_rw("seed", &JudgeOptions::seed, nb::arg().none())
      .def("add_param",
           [](JudgeOptions& self, std::string name, std::string json) {
             self.params.push_back({std::move(name), std::move(json)});
           })
      .def_rw("context_tokens", &JudgeOptions::context_tokens)
      .def_rw("document_tokens", &JudgeOptions::document_tokens)
      .def_rw("answer_tokens", &JudgeOptions::answer_tokens)
      .def_rw("skip_if_gap", &JudgeOptions::skip_if_gap, nb::arg().none())
      .def_rw("price_file", &JudgeOptions::price_file)
      .def_rw("cache_entries", &JudgeOptions::cache_entries);
}

}  // namespace

void bind_options(nb::module_& module) {
  bind_enums(module);
  nb::class_<LoadOptions>(module, "LoadOptions")
      .def(nb::init<>())
      .def(nb::init<const LoadOptions&>())
      .def_rw("precision", &LoadOptions::precision)
      .def_rw("isa", &LoadOptions::isa)
      .def_rw("threads", &LoadOptions::threads)
      .def_rw("max_length", &LoadOptions::max_length)
      .def_rw("revision", &LoadOptions::revision)
      .def_rw("cache_dir", &LoadOptions::cache_dir)
      .def_rw("token", &LoadOptions::token)
      .def_rw("local_files_only", &LoadOptions::local_files_only)
      .def_rw("calibration", &LoadOptions::calibration);
  nb::class_<ChunkOptions>(module, "ChunkOptions")
      .def(nb::init<>())
      .def_rw("tokens", &ChunkOptions::tokens)
      .def_rw("overlap", &ChunkOptions::overlap)
      .def_rw("max_chunks", &ChunkOptions::max_chunks);
  nb::class_<ScoreOptions>(module, "ScoreOptions")
      .def(nb::init<>())
      .def_rw("max_length", &ScoreOptions::max_length)
      .def_rw("max_chars", &ScoreOptions::max_chars)
      .def_rw("max_document_tokens", &ScoreOptions::max_document_tokens)
      .def_rw("truncation", &ScoreOptions::truncation)
      .def_rw("truncation_side", &ScoreOptions::truncation_side)
      .def_rw("chunk", &ScoreOptions::chunk)
      .def_rw("batch_tokens", &ScoreOptions::batch_tokens)
      .def_rw("batch_size", &ScoreOptions::batch_size)
      .def_rw("activation", &ScoreOptions::activation, nb::arg().none())
      .def_rw("query_prompt", &ScoreOptions::query_prompt, nb::arg().none());
  nb::class_<ReRankOptions>(module, "ReRankOptions")
      .def(nb::init<>())
      .def(nb::init<const ReRankOptions&>())
      .def_rw("top_k", &ReRankOptions::top_k)
      .def_rw("max_length", &ReRankOptions::max_length)
      .def_rw("max_chars", &ReRankOptions::max_chars)
      .def_rw("batch_size", &ReRankOptions::batch_size)
      .def_rw("batch_tokens", &ReRankOptions::batch_tokens)
      .def_rw("truncation", &ReRankOptions::truncation)
      .def_rw("chunk", &ReRankOptions::chunk)
      .def_rw("metadata_fields", &ReRankOptions::metadata_fields)
      .def_rw("metadata_template", &ReRankOptions::metadata_template)
      .def_rw("max_metadata_chars", &ReRankOptions::max_metadata_chars)
      .def_rw("min_logit", &ReRankOptions::min_logit, nb::arg().none())
      .def_rw("min_probability", &ReRankOptions::min_probability, nb::arg().none())
      .def_rw("activation", &ReRankOptions::activation, nb::arg().none())
      .def_rw("query_prompt", &ReRankOptions::query_prompt, nb::arg().none());
  bind_judge_options(module);
}

}  // namespace crossrank::python
