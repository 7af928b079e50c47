// The server's log: one JSON object a line on standard error. The one place that knows spdlog.
#pragma once

#include <memory>
#include <string_view>

#include "json/json.h"

namespace crossrank::server {

// May be used from any thread; a line is written whole. A standard error that nobody reads costs
// lines, never a request.
class Log {
 public:
  Log();
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `members`, an object, behind "ts", "level" and "event".
  void info(std::string_view event, const json::Value& members = json::Value::object());
  void error(std::string_view event, const json::Value& members = json::Value::object());

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace crossrank::server
