// Texts: Python strings as the views that the library reads, kept alive while it does.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "crossrank/document.h"

namespace crossrank::python {

// A str; U+FFFD where the bytes, of a path or a variable perhaps, are not UTF-8.
nanobind::object to_text(std::string_view bytes);

// Owns a reference to each string that it has a view of, so that the caller may change or drop his
// lists meanwhile. One thread; all but the destructor's caller, too, must hold the GIL.
class Texts {
 public:
  // A lone surrogate, which is no Unicode text, is read as U+FFFD. Throws InputTypeError for what
  // is no str; `what` names it, for example "the query".
  std::string_view view(nanobind::handle text, const char* what, std::size_t index);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }  // of all views

 private:
  std::vector<nanobind::object> kept_;
  std::size_t bytes_ = 0;
};

// The pairs [first, first + count) of a list or tuple of (query, document) lists or tuples. Throws
// TypeError that names the pair by its index.
std::vector<TextPair> read_pairs(Texts& texts, nanobind::handle pairs, std::size_t first,
                                 std::size_t count);

// All strings of a list or tuple. Throws InputTypeError.
std::vector<std::string_view> read_documents(Texts& texts, nanobind::handle documents);

}  // namespace crossrank::python
