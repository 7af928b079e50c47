// Metadata of any kind, value by value.
#include "documents.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "errors.h"
#include "texts.h"

namespace crossrank::python {
namespace nb = nanobind;
namespace {

// Deeper than people write; a dict that holds itself ends here.
constexpr int kMaxDepth = 64;
// Of one document. Lists that share lists have exponentially many.
constexpr std::size_t kMaxValues = 100'000;
// Likewise: one string that a list holds many times is copied as often.
constexpr std::size_t kMaxMegabytes = 16;

// A scalar of numpy as Python's own bool, int or float; null for anything else, for example a
// datetime64, whose str() is the better text.
nb::object plain_number(nb::handle object) {
  const nb::object numpy = nb::module_::import_("sys").attr("modules").attr("get")("numpy");
  // Half of numpy is there while another thread imports it.
  const nb::object generic = nb::getattr(numpy, "generic", nb::none());
  if (generic.is_none() || !nb::isinstance(object, generic)) return {};
  nb::object plain = object.attr("item")();
  const bool known = nb::isinstance<nb::int_>(plain) || nb::isinstance<nb::float_>(plain);
  const bool is_time = nb::isinstance(object, numpy.attr("timedelta64")) ||
                       nb::isinstance(object, numpy.attr("datetime64"));
  return known && !is_time ? plain : nb::object();
}

// The metadata of one document, value by value.
class MetadataReader {
 public:
  // The members that `fields` name; all where it names none.
  Metadata read(const nb::dict& metadata, const std::vector<std::string>& fields) {
    return members_of(metadata, 0, fields);
  }

 private:
  Metadata members_of(const nb::dict& object, int depth,
                      const std::vector<std::string>& fields = {}) {
    Metadata members;
    // Of a copy, which nobody else knows: str() of a key or a value may run code that changes the
    // dict.
    const auto copy = nb::steal<nb::dict>(PyDict_Copy(object.ptr()));
    if (!copy.is_valid()) throw nb::python_error();
    for (const auto& [key, value] : copy) {
      const bool is_text = PyUnicode_Check(key.ptr()) != 0;
      std::string name = is_text ? text_of(key) : str_of(key);
      const bool wanted = fields.empty() || std::count(fields.begin(), fields.end(), name) > 0;
      if (wanted) members.push_back({std::move(name), value_of(value, depth)});
    }
    return members;
  }

  MetadataValue value_of(nb::handle object, int depth) {
    if (depth > kMaxDepth) {
      raise_input_type("metadata is nested more than " + std::to_string(kMaxDepth) +
                       " deep, or holds itself");
    }
    if (++values_ > kMaxValues) {
      raise_input_type("the metadata of a document has more than " + std::to_string(kMaxValues) +
                       " values");
    }
    if (object.is_none()) return {std::monostate()};
    if (nb::isinstance<nb::bool_>(object)) return {nb::cast<bool>(object)};
    if (nb::isinstance<nb::str>(object)) return {text_of(object)};
    if (nb::isinstance<nb::int_>(object)) return number_of(object);
    if (nb::isinstance<nb::float_>(object)) return {nb::cast<double>(object)};
    if (nb::isinstance<nb::dict>(object)) {
      return {members_of(nb::borrow<nb::dict>(object), depth + 1)};
    }
    if (nb::isinstance<nb::list>(object) || nb::isinstance<nb::tuple>(object)) {
      return list_of(object, depth);
    }
    if (PyAnySet_Check(object.ptr()) != 0) return list_of(sorted_by_text(object), depth);
    if (const nb::object plain = plain_number(object)) return value_of(plain, depth + 1);
    return {str_of(object)};
  }

  MetadataValue list_of(nb::handle items, int depth) {
    MetadataList list;
    for (const nb::handle item : items) list.push_back(value_of(item, depth + 1));
    return {std::move(list)};
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
    return {str_of(object)};  // its digits: no number of ours holds it
  }

  // str(object), which for a caller's object, and for a huge int, may fail.
  std::string str_of(nb::handle object) {
    const nb::object text = nb::steal(PyObject_Str(object.ptr()));
    if (!text.is_valid()) throw nb::python_error();
    return text_of(text);
  }

  std::string text_of(nb::handle text) {
    Texts texts;
    const std::string_view view = texts.view(text, "a text", 0);
    bytes_ += view.size();
    if (bytes_ > kMaxMegabytes << 20) {
      raise_input_type("the metadata of a document has more than " + std::to_string(kMaxMegabytes) +
                       " MB of text; leave out what is not needed");
    }
    return std::string(view);
  }

  // A set's own order is another in each process.
  static nb::object sorted_by_text(nb::handle set) {
    const nb::handle text(reinterpret_cast<PyObject*>(&PyUnicode_Type));
    return nb::module_::import_("builtins").attr("sorted")(set, nb::arg("key") = text);
  }

  std::size_t values_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace

std::vector<Document> read_documents_with_metadata(const nb::list& documents,
                                                   const std::vector<std::string>& fields) {
  std::vector<Document> out;
  out.reserve(documents.size());
  for (const nb::handle item : documents) {
    const auto pair = nb::cast<nb::tuple>(item);
    Texts texts;
    Document document;
    document.page_content = texts.view(pair[0], "page_content of document #", out.size());
    if (!pair[1].is_none()) {
      document.metadata = MetadataReader().read(nb::cast<nb::dict>(pair[1]), fields);
    }
    out.push_back(std::move(document));
  }
  return out;
}

}  // namespace crossrank::python
