// What the files of this folder add to the module crossrank._core. Internal to the package: its
// Python code checks arguments first, and turns the tuples that come back into classes.
#pragma once

#include <nanobind/nanobind.h>

#include "crossrank/document.h"

namespace crossrank::python {

void bind_options(nanobind::module_& module);        // aggregates of options, their enums
void bind_cross_encoder(nanobind::module_& module);  // CrossEncoder, ModelInfo
void bind_rerankers(nanobind::module_& module);      // rerank, LlmJudge, HybridReRanker

// (tokens_total, tokens_used, chars_cut, query_truncated, document_truncated)
nanobind::tuple to_python(const TruncationReport& report);
// (begin_byte, end_byte, begin_char, end_char); None for null
nanobind::object to_python(const TextSpan* span);

}  // namespace crossrank::python
