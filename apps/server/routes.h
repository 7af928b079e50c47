// Routes: which path is what, and who may ask for it.
#pragma once

#include <string>
#include <string_view>

#include "handlers.h"

namespace crossrank::server {

struct Route {
  std::string_view path;
  std::string_view method;  // GET stands for HEAD too
  void (*handle)(const Services& services, const ExchangePtr& exchange);
  const Dialect* dialect;  // of its errors
  bool open = false;       // asked for without a key
};

// Null when there is none.
const Route* find_route(std::string_view path, std::string_view method);
// The methods of a path, for Allow; "" when the path is unknown.
std::string methods_of(std::string_view path);
// The dialect in which errors on a path are told, whether or not it is one of a route.
const Dialect& dialect_of(std::string_view path);
// The path when it is that of a route, else "other": what labels of metrics may say.
std::string route_label(std::string_view path);

}  // namespace crossrank::server
