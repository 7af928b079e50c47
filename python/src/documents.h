// Documents of Python code as crossrank::Document.
#pragma once

#include <nanobind/nanobind.h>

#include <vector>

#include "crossrank/document.h"

namespace crossrank::python {

// `documents` is a list of (page_content, metadata) with a str and a dict or None. In metadata,
// what JSON has no type for (a date, a UUID) becomes its str(). Throws InputTypeError for a
// page_content that is no str, ValueError for metadata that is nested too deeply.
std::vector<Document> read_documents_with_metadata(const nanobind::list& documents);

}  // namespace crossrank::python
