// The module crossrank._core. Its classes and functions are in the other files.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "crossrank/version.h"
#include "interruptible.h"

namespace nb = nanobind;

NB_MODULE(_core, module) {
  using namespace crossrank::python;
  // Threads that look for signals, and the objects of the module, belong to one interpreter.
  if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
    throw nb::import_error("crossrank works in the main interpreter alone, not in subinterpreters");
  }
  // A daemon thread's frame keeps what it sees alive until the process ends, which is no leak.
  nb::set_leak_warnings(false);
  module.doc() = "The compiled part of crossrank; use the package instead.";
  module.def("version", &crossrank::version);
  module.def("build_info", &crossrank::build_info);
  module.def("available_isas", &crossrank::available_isas);
  nb::class_<CancelToken>(module, "CancelToken")
      .def(nb::init<>())
      .def("cancel", &CancelToken::cancel);
  bind_options(module);
  bind_cross_encoder(module);
  bind_rerankers(module);
}
