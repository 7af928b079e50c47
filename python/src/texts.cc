// Python strings as UTF-8 views.
#include "texts.h"

#include <nanobind/stl/string.h>

#include <string>

#include "errors.h"

namespace crossrank::python {
namespace nb = nanobind;
namespace {

nb::object valid(PyObject* made) {
  if (made == nullptr) throw nb::python_error();
  return nb::steal(made);
}

// UTF-8 as bytes of its own: PyUnicode_AsUTF8AndSize would keep it in the caller's string for good.
// U+FFFD for each lone surrogate, by way of UTF-16, in which pairs of them are characters.
nb::object utf8_of(nb::handle text) {
  if (PyObject* bytes = PyUnicode_AsUTF8String(text.ptr())) return nb::steal(bytes);
  if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError) == 0) throw nb::python_error();
  PyErr_Clear();
  const nb::object utf16 =
      valid(PyUnicode_AsEncodedString(text.ptr(), "utf-16-le", "surrogatepass"));
  const nb::object repaired =
      valid(PyUnicode_FromEncodedObject(utf16.ptr(), "utf-16-le", "replace"));
  return valid(PyUnicode_AsUTF8String(repaired.ptr()));
}

bool is_ascii(nb::handle text) {
  static PyObject* const kIsAscii = PyUnicode_InternFromString("isascii");
  const nb::object found = valid(PyObject_CallMethodObjArgs(
      reinterpret_cast<PyObject*>(&PyUnicode_Type), kIsAscii, text.ptr(), nullptr));
  return found.ptr() == Py_True;
}

std::string name_of_type(nb::handle object) {
  return nb::cast<std::string>(object.type().attr("__name__"));
}

bool is_list(nb::handle object) {
  return nb::isinstance<nb::list>(object) || nb::isinstance<nb::tuple>(object);
}

}  // namespace

nb::object to_text(std::string_view bytes) {
  return valid(
      PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace"));
}

std::string_view Texts::view(nb::handle text, const char* what, std::size_t index) {
  if (PyUnicode_Check(text.ptr()) == 0) {
    std::string name = what;
    if (const std::size_t at = name.find('#'); at != std::string::npos) {
      name.replace(at, 1, std::to_string(index));
    }
    raise_input_type(name + " is of type " + name_of_type(text) + "; it must be a str");
  }
  Py_ssize_t size = 0;
  const char* bytes = nullptr;
  if (is_ascii(text)) {
    kept_.push_back(nb::borrow(text));
    bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
    if (bytes == nullptr) throw nb::python_error();
  } else {
    kept_.push_back(utf8_of(text));
    char* at = nullptr;
    if (PyBytes_AsStringAndSize(kept_.back().ptr(), &at, &size) != 0) throw nb::python_error();
    bytes = at;
  }
  bytes_ += static_cast<std::size_t>(size);
  return {bytes, static_cast<std::size_t>(size)};
}

std::vector<TextPair> read_pairs(Texts& texts, nb::handle pairs, std::size_t first,
                                 std::size_t count) {
  std::vector<TextPair> out;
  out.reserve(count);
  for (std::size_t i = first; i < first + count; ++i) {
    const nb::object pair = nb::steal(PySequence_GetItem(pairs.ptr(), static_cast<Py_ssize_t>(i)));
    if (!pair.is_valid()) throw nb::python_error();
    if (!is_list(pair) || nb::len(pair) != 2) {
      raise_input_type(
          "pair " + std::to_string(i) + " is of type " + name_of_type(pair) +
          (is_list(pair) ? " with " + std::to_string(nb::len(pair)) + " elements" : "") +
          "; it must be a list or tuple of a query and a document");
    }
    const std::string_view query = texts.view(pair[0], "the query of pair #", i);
    out.push_back({query, texts.view(pair[1], "the document of pair #", i)});
  }
  return out;
}

std::vector<std::string_view> read_documents(Texts& texts, nb::handle documents) {
  std::vector<std::string_view> out;
  out.reserve(nb::len(documents));
  std::size_t index = 0;
  for (const nb::handle document : documents) {
    out.push_back(texts.view(document, "document #", index++));
  }
  return out;
}

}  // namespace crossrank::python
