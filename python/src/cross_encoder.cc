// CrossEncoder for the Python package: pairs in, float32 bytes or tuples out.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "bindings.h"
#include "encoder.h"
#include "errors.h"
#include "interruptible.h"
#include "texts.h"

namespace crossrank::python {
namespace nb = nanobind;
namespace {

// Pairs that are read from Python at a time: 68 bytes each are 4.5 MB, whatever the caller's list
// has.
constexpr std::size_t kStretch = 65'536;

// Scores the first `total` pairs stretch by stretch; take(first, predictions) gets the results,
// with the GIL. Throws IndexError when the caller's list shrinks meanwhile.
template <typename Take>
void predict_stretches(const Encoder& self, const nb::sequence& pairs, std::size_t total,
                       ScoreOptions options, const CancelToken& token, nb::object on_progress,
                       Take take) {
  const std::shared_ptr<const CrossEncoder> encoder = value_or_raise(self.get());
  Interruptible interruptible(token, std::move(on_progress));
  const Progress progress = interruptible.progress();
  options.cancel = interruptible.flag();
  std::size_t first = 0;
  do {  // once for an empty list, too: its options are checked as well
    const std::size_t count = std::min(kStretch, total - first);
    Texts texts;
    const std::vector<TextPair> stretch = read_pairs(texts, pairs, first, count);
    options.first_index = first;
    if (progress) {
      options.progress = [&](std::size_t done, std::size_t) { progress(first + done, total); };
    }
    std::optional<Result<Predictions>> predictions;
    interruptible.run([&] { predictions.emplace(encoder->predict(stretch, options)); },
                      work_bytes(texts.bytes(), stretch.size(), options.query_prompt, 0));
    take(first, value_or_raise(std::move(*predictions)));
    first += count;
  } while (first < total);
}

// The scores, float32 [pairs, labels].
nb::object predict(const Encoder& self, const nb::sequence& pairs, const ScoreOptions& options,
                   const CancelToken& token, nb::object on_progress) {
  const std::size_t labels = self.info().num_labels;
  const std::size_t total = nb::len(pairs);
  if (total > PY_SSIZE_T_MAX / (labels * sizeof(float))) {  // a list's own __len__ may say anything
    raise({ErrorCode::kOutOfMemory,
           "there is no room for the scores of " + std::to_string(total) + " pairs"});
  }
  const std::size_t size = total * labels * sizeof(float);
  nb::object out = nb::steal(PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  if (!out.is_valid()) throw nb::python_error();
  predict_stretches(self, pairs, total, options, token, std::move(on_progress),
                    [&](std::size_t first, const Predictions& predictions) {
                      char* at = PyByteArray_AsString(out.ptr()) + first * labels * sizeof(float);
                      for (std::size_t i = 0; i < predictions.size();
                           ++i, at += labels * sizeof(float)) {
                        if (labels == 1) {
                          std::memcpy(at, &predictions[i].score, sizeof(float));
                        } else {
                          std::memcpy(at, predictions.scores(i).data(), labels * sizeof(float));
                        }
                      }
                    });
  return out;
}

// [(logits, probabilities, scores, truncation, span)], the first three lists of one value a label.
nb::list score(const Encoder& self, const nb::sequence& pairs, const ScoreOptions& options,
               const CancelToken& token, nb::object on_progress) {
  nb::list out;
  const std::size_t total = nb::len(pairs);
  predict_stretches(self, pairs, total, options, token, std::move(on_progress),
                    [&](std::size_t, const Predictions& predictions) {
                      for (std::size_t i = 0; i < predictions.size(); ++i) {
                        const std::span<const float> logits = predictions.logits(i);
                        out.append(nb::make_tuple(
                            std::vector<float>(logits.begin(), logits.end()),
                            predictions.probabilities(i), predictions.scores(i),
                            to_python(predictions[i].truncation), to_python(predictions.span(i))));
                      }
                    });
  return out;
}

// [(index, score)], best first.
nb::list rank(const Encoder& self, nb::handle query, nb::handle documents, std::size_t top_k,
              const ScoreOptions& score_options, const CancelToken& token, nb::object on_progress) {
  const std::shared_ptr<const CrossEncoder> encoder = value_or_raise(self.get());
  Texts texts;
  const std::string_view query_view = texts.view(query, "the query", 0);
  const std::vector<std::string_view> views = read_documents(texts, documents);
  Interruptible interruptible(token, std::move(on_progress));
  RankOptions options;
  options.top_k = top_k;
  options.score = score_options;
  options.score.cancel = interruptible.flag();
  options.score.progress = interruptible.progress();
  std::optional<Result<std::vector<RankedIndex>>> ranked;
  interruptible.run(
      [&] { ranked.emplace(encoder->rank(query_view, views, options)); },
      work_bytes(texts.bytes(), views.size(), options.score.query_prompt, query_view.size()));
  nb::list out;
  for (const RankedIndex& found : value_or_raise(std::move(*ranked))) {
    out.append(nb::make_tuple(found.index, found.pair.score));
  }
  return out;
}

void load(Encoder* self, const std::string& model, LoadOptions options, const CancelToken& token,
          nb::object on_progress) {
  Interruptible interruptible(token, std::move(on_progress));
  options.cancel = interruptible.flag();
  options.progress = interruptible.progress();
  std::optional<Result<CrossEncoder>> loaded;
  interruptible.run([&] { loaded.emplace(CrossEncoder::load(model, options)); },
                    Interruptible::kLong);
  new (self) Encoder(value_or_raise(std::move(*loaded)));
}

// (file, temperature, bias), or None.
nb::object to_python(const std::optional<Calibration>& calibration) {
  if (!calibration) return nb::none();
  return nb::make_tuple(to_text(calibration->file), calibration->temperature, calibration->bias);
}

void bind_info(nb::module_& module) {
  nb::class_<ModelInfo>(module, "ModelInfo")
      .def_prop_ro("name", [](const ModelInfo& self) { return to_text(self.name); })
      .def_prop_ro("source", [](const ModelInfo& self) { return to_text(self.source); })
      .def_ro("architecture", &ModelInfo::architecture)
      .def_ro("layers", &ModelInfo::layers)
      .def_ro("hidden_size", &ModelInfo::hidden_size)
      .def_ro("heads", &ModelInfo::heads)
      .def_ro("intermediate_size", &ModelInfo::intermediate_size)
      .def_ro("vocab_size", &ModelInfo::vocab_size)
      .def_ro("max_length", &ModelInfo::max_length)
      .def_ro("num_labels", &ModelInfo::num_labels)
      .def_ro("labels", &ModelInfo::labels)
      .def_ro("parameters", &ModelInfo::parameters)
      .def_ro("activation", &ModelInfo::activation)
      .def_ro("precision", &ModelInfo::precision)
      .def_ro("isa", &ModelInfo::isa)
      .def_ro("threads", &ModelInfo::threads)
      .def_prop_ro("calibration", [](const ModelInfo& self) { return to_python(self.calibration); })
      .def_ro("query_prompt", &ModelInfo::query_prompt)
      .def_prop_ro("note", [](const ModelInfo& self) { return to_text(self.note); })
      .def("__repr__", [](nb::handle self) {
        nb::list parts;
        for (const char* name : {"name", "architecture", "layers", "hidden_size", "parameters",
                                 "max_length", "num_labels", "precision", "isa", "threads"}) {
          parts.append(nb::str("{}={!r}").format(name, self.attr(name)));
        }
        return nb::str("ModelInfo({})").format(nb::str(", ").attr("join")(parts));
      });
}

}  // namespace

nb::tuple to_python(const TruncationReport& report) {
  return nb::make_tuple(report.tokens_total, report.tokens_used, report.chars_cut,
                        report.query_truncated, report.document_truncated);
}

nb::object to_python(const TextSpan* span) {
  if (span == nullptr) return nb::none();
  return nb::make_tuple(span->begin_byte, span->end_byte, span->begin_char, span->end_char);
}

void bind_cross_encoder(nb::module_& module) {
  bind_info(module);
  nb::class_<Encoder>(module, "CrossEncoder")
      .def("__init__", &load, nb::arg("model"), nb::arg("options"), nb::arg("token"),
           nb::arg("on_progress").none())
      .def_prop_ro("info", &Encoder::info, nb::rv_policy::reference_internal)
      .def_prop_ro("usable", &Encoder::usable)
      .def("weights_sha256",
           [](const Encoder& self) {
             const auto encoder = value_or_raise(self.get());
             std::optional<Result<std::string>> digest;
             {
               const nb::gil_scoped_release release;
               digest.emplace(encoder->weights_sha256());
             }
             return value_or_raise(std::move(*digest));
           })
      .def("predict", &predict, nb::arg("pairs"), nb::arg("options"), nb::arg("token"),
           nb::arg("on_progress").none())
      .def("score", &score, nb::arg("pairs"), nb::arg("options"), nb::arg("token"),
           nb::arg("on_progress").none())
      .def("rank", &rank, nb::arg("query").none(), nb::arg("documents"), nb::arg("top_k"),
           nb::arg("options"), nb::arg("token"), nb::arg("on_progress").none());
}

}  // namespace crossrank::python
