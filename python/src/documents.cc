// Metadata of any kind, value by value.
#include "documents.h"

#include <nanobind/stl/string.h>

#include <string>
#include <utility>

#include "texts.h"

namespace crossrank::python {
namespace nb = nanobind;
namespace {

// Deeper than people write; a dict that holds itself ends here.
constexpr int kMaxDepth = 64;

std::string text_of(nb::handle text) {
  Texts texts;
  return std::string(texts.view(text, "a text", 0));
}

MetadataValue value_of(nb::handle object, int depth);

Metadata members_of(const nb::dict& object, int depth) {
  Metadata members;
  // Of a copy, which nobody else knows: str() of a key or a value may run code that changes the
  // dict.
  const auto copy = nb::steal<nb::dict>(PyDict_Copy(object.ptr()));
  if (!copy.is_valid()) throw nb::python_error();
  for (const auto& [key, value] : copy) {
    const bool is_text = PyUnicode_Check(key.ptr()) != 0;
    members.push_back({is_text ? text_of(key) : text_of(nb::str(key)), value_of(value, depth)});
  }
  return members;
}

MetadataValue number_of(nb::handle object) {
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
  if (overflow == 0) return {static_cast<std::int64_t>(value)};
  if (overflow > 0) {
    const unsigned long long big = PyLong_AsUnsignedLongLong(object.ptr());
    if (PyErr_Occurred() == nullptr) return {static_cast<std::uint64_t>(big)};
    PyErr_Clear();
  }
  return {text_of(nb::str(object))};  // its digits: no number of ours holds it
}

MetadataValue value_of(nb::handle object, int depth) {
  if (depth > kMaxDepth) {
    throw nb::value_error("metadata is nested more than 64 deep, or holds itself");
  }
  if (object.is_none()) return {std::monostate()};
  if (nb::isinstance<nb::bool_>(object)) return {nb::cast<bool>(object)};
  if (nb::isinstance<nb::str>(object)) return {text_of(object)};
  if (nb::isinstance<nb::int_>(object)) return number_of(object);
  if (nb::isinstance<nb::float_>(object)) return {nb::cast<double>(object)};
  if (nb::isinstance<nb::dict>(object))
    return {members_of(nb::borrow<nb::dict>(object), depth + 1)};
  if (nb::isinstance<nb::list>(object) || nb::isinstance<nb::tuple>(object) ||
      PyAnySet_Check(object.ptr())) {
    MetadataList list;
    for (const nb::handle item : object) list.push_back(value_of(item, depth + 1));
    return {std::move(list)};
  }
  if (nb::hasattr(object, "item") && nb::hasattr(object, "dtype") && nb::hasattr(object, "ndim") &&
      nb::cast<int>(object.attr("ndim")) == 0) {
    return value_of(object.attr("item")(), depth + 1);  // a scalar of numpy
  }
  return {text_of(nb::str(object))};
}

}  // namespace

std::vector<Document> read_documents_with_metadata(const nb::list& documents) {
  std::vector<Document> out;
  out.reserve(documents.size());
  for (const nb::handle item : documents) {
    const auto pair = nb::cast<nb::tuple>(item);
    Texts texts;
    Document document;
    document.page_content = texts.view(pair[0], "page_content of document #", out.size());
    if (!pair[1].is_none()) document.metadata = members_of(nb::cast<nb::dict>(pair[1]), 0);
    out.push_back(std::move(document));
  }
  return out;
}

}  // namespace crossrank::python
