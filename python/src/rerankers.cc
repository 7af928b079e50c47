// CrossEncoderReRanker, LlmJudge and HybridReRanker for the Python package.
#include "crossrank/rerankers.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "bindings.h"
#include "documents.h"
#include "encoder.h"
#include "errors.h"
#include "interruptible.h"
#include "texts.h"

namespace crossrank::python {
namespace nb = nanobind;
namespace {

const char* name_of(Stage stage) {
  switch (stage) {
    case Stage::kCrossEncoder: return "cross_encoder";
    case Stage::kJudge: return "judge";
    case Stage::kBackfill: return "backfill";
  }
  return "";
}

nb::object to_python(const std::optional<JudgeVerdict>& verdict) {
  if (!verdict) return nb::none();
  return nb::make_tuple(verdict->relevance, to_text(verdict->reason), verdict->disagreement,
                        verdict->chars_cut);
}

// (rank, index, logit, probability, score, truncation, span, stage, verdict, first_stage_rank)
nb::tuple to_python(const RankedDocument& found) {
  return nb::make_tuple(found.rank, found.index, found.logit, found.probability, found.score,
                        python::to_python(found.truncation),
                        python::to_python(found.span ? &*found.span : nullptr),
                        name_of(found.stage), to_python(found.judge), found.first_stage_rank);
}

// (results, truncated_documents, warnings)
nb::tuple to_python(const Ranking& ranking) {
  nb::list results;
  for (const RankedDocument& found : ranking.results) results.append(to_python(found));
  nb::list warnings;
  for (const std::string& warning : ranking.warnings) warnings.append(to_text(warning));
  return nb::make_tuple(results, ranking.truncated_documents, warnings);
}

double seconds(std::chrono::microseconds time) {
  return std::chrono::duration<double>(time).count();
}

nb::dict to_python(const JudgeReport& report) {
  nb::dict out;
  out["outcome"] = std::string(to_string(report.outcome));
  out["degraded"] = report.degraded;
  out["message"] = to_text(in_python(report.message));
  out["calls"] = report.calls;
  out["prompt_tokens"] = report.prompt_tokens;
  out["completion_tokens"] = report.completion_tokens;
  out["cost"] = report.cost;
  out["response_format"] = report.response_format;
  out["prompt_version"] = report.prompt_version;
  out["model"] = to_text(report.model);
  out["disagreement"] = report.disagreement;
  out["cut_documents"] = report.cut_documents;
  out["query_chars_cut"] = report.query_chars_cut;
  out["context_chars_cut"] = report.context_chars_cut;
  out["cached"] = report.cached;
  out["elapsed_seconds"] = seconds(report.elapsed);
  return out;
}

// (ranking, report)
nb::tuple to_python(const JudgedRanking& ranking) {
  return nb::make_tuple(to_python(static_cast<const Ranking&>(ranking)), to_python(ranking.judge));
}

// [(url, headers, body)]
nb::list to_python(const std::vector<JudgeExchange>& exchanges) {
  nb::list out;
  for (const JudgeExchange& exchange : exchanges) {
    nb::list headers;
    for (const std::string& header : exchange.headers) headers.append(to_text(header));
    out.append(nb::make_tuple(to_text(exchange.url), headers, to_text(exchange.request)));
  }
  return out;
}

// One call's input and JudgeCall, whose views it owns.
struct JudgeInput {
  JudgeInput(nb::handle query_text, const nb::list& document_list, nb::handle context_text,
             std::int64_t deadline_ms, nb::handle traceparent_text, const CancelToken& token)
      : query(texts.view(query_text, "the query", 0)),
        documents(read_documents_with_metadata(document_list)),
        interruptible(token, nb::none()) {
    call.context = texts.view(context_text, "context", 0);
    call.deadline = std::chrono::milliseconds(deadline_ms);
    call.traceparent = texts.view(traceparent_text, "traceparent", 0);
    call.cancel = interruptible.flag();
  }

  Texts texts;
  std::string_view query;
  std::vector<Document> documents;
  Interruptible interruptible;
  JudgeCall call;
};

// rank() and dry_run() of LlmJudge and HybridReRanker, which have the same signatures.
template <typename Class>
void bind_judging(nb::class_<Class>& bound) {
  bound.def(
      "rank",
      [](const Class& self, nb::handle query, const nb::list& documents, nb::handle context,
         std::int64_t deadline_ms, nb::handle traceparent, const CancelToken& token) {
        JudgeInput in(query, documents, context, deadline_ms, traceparent, token);
        std::optional<Result<JudgedRanking>> ranking;
        in.interruptible.run([&] { ranking.emplace(self.rank(in.query, in.documents, in.call)); },
                             Interruptible::kLong);
        return to_python(value_or_raise(std::move(*ranking)));
      },
      nb::arg("query").none(), nb::arg("documents"), nb::arg("context"), nb::arg("deadline_ms"),
      nb::arg("traceparent"), nb::arg("token"));
  bound.def(
      "dry_run",
      [](const Class& self, nb::handle query, const nb::list& documents, nb::handle context,
         std::int64_t deadline_ms, nb::handle traceparent, const CancelToken& token) {
        JudgeInput in(query, documents, context, deadline_ms, traceparent, token);
        std::optional<Result<std::vector<JudgeExchange>>> requests;
        in.interruptible.run(
            [&] { requests.emplace(self.dry_run(in.query, in.documents, in.call)); },
            Interruptible::kLong);
        return to_python(value_or_raise(std::move(*requests)));
      },
      nb::arg("query").none(), nb::arg("documents"), nb::arg("context"), nb::arg("deadline_ms"),
      nb::arg("traceparent"), nb::arg("token"));
}

CrossEncoderReRanker make_reranker(const Encoder& encoder, const ReRankOptions& options) {
  return value_or_raise(CrossEncoderReRanker::create(value_or_raise(encoder.get()), options));
}

nb::tuple rerank(const Encoder& encoder, ReRankOptions options, nb::handle query,
                 const nb::list& documents, const CancelToken& token, nb::object on_progress) {
  Texts texts;
  const std::string_view query_view = texts.view(query, "the query", 0);
  const std::vector<Document> list =
      read_documents_with_metadata(documents, options.metadata_fields);
  std::size_t texts_bytes = 0;
  for (const Document& document : list) texts_bytes += document.page_content.size();
  const std::size_t bytes =
      work_bytes(texts_bytes, list.size(), options.query_prompt, query_view.size());
  Interruptible interruptible(token, std::move(on_progress));
  options.cancel = interruptible.flag();
  options.progress = interruptible.progress();
  const CrossEncoderReRanker reranker = make_reranker(encoder, options);
  std::optional<Result<Ranking>> ranking;
  interruptible.run([&] { ranking.emplace(reranker.rank(query_view, list)); }, bytes);
  return to_python(value_or_raise(std::move(*ranking)));
}

}  // namespace

void bind_rerankers(nb::module_& module) {
  // Options are made into a reranker at each call, which costs microseconds: a call's own cancel
  // flag and progress are among them.
  module.def("check_rerank_options", [](const Encoder& encoder, const ReRankOptions& options) {
    make_reranker(encoder, options);
  });
  module.def("rerank", &rerank, nb::arg("encoder"), nb::arg("options"), nb::arg("query").none(),
             nb::arg("documents"), nb::arg("token"), nb::arg("on_progress").none());
  module.def("scored_text",
             [](const Encoder& encoder, const ReRankOptions& options, nb::object document) {
               nb::list one;
               one.append(std::move(document));
               return make_reranker(encoder, options)
                   .scored_text(read_documents_with_metadata(one, options.metadata_fields).front());
             });

  nb::class_<LlmJudge> judge(module, "LlmJudge");
  judge.def("__init__", [](LlmJudge* self, const JudgeOptions& options) {
    new (self) LlmJudge(value_or_raise(LlmJudge::create(options)));
  });
  bind_judging(judge);

  nb::class_<HybridReRanker> hybrid(module, "HybridReRanker");
  hybrid.def("__init__",
             [](HybridReRanker* self, const Encoder& encoder, const ReRankOptions& options,
                const JudgeOptions& judge_options, std::size_t top_k, bool strict) {
               HybridOptions hybrid_options;
               hybrid_options.top_k = top_k;
               hybrid_options.strict = strict;
               new (self) HybridReRanker(value_or_raise(HybridReRanker::create(
                   make_reranker(encoder, options), value_or_raise(LlmJudge::create(judge_options)),
                   hybrid_options)));
             });
  bind_judging(hybrid);
}

}  // namespace crossrank::python
