// Documents of Python code as crossrank::Document.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <vector>

#include "crossrank/document.h"

namespace crossrank::python {

// `documents` is a list of (page_content, metadata) with a str and a dict or None. In metadata,
// what JSON has no type for (a date, a UUID) becomes its str(); where `fields` names some of its
// members, the others are not read. Throws InputTypeError for a page_content that is no str, and
// for metadata that is nested too deeply or is too much.
std::vector<Document> read_documents_with_metadata(const nanobind::list& documents,
                                                   const std::vector<std::string>& fields = {});

}  // namespace crossrank::python
