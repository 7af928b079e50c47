// Services: what the handlers of a server's routes work with. References alone: the server owns it
// all, and joins the pools before any of it goes.
#pragma once

#include <cstddef>
#include <functional>

#include <boost/asio/thread_pool.hpp>

#include "crossrank/rerankers.h"
#include "log.h"
#include "metrics.h"
#include "model_registry.h"
#include "options.h"

namespace crossrank::server {

struct Services {
  const ServerOptions& options;
  ModelRegistry& models;
  Metrics& metrics;
  Log& log;
  const LlmJudge* judge;  // null: there is none
  // Large bodies are parsed and scored jobs answered here, away from the thread of the I/O.
  boost::asio::thread_pool& handlers;
  // Models are loaded here, one after another.
  boost::asio::thread_pool& loads;
  // Calls of the judge wait here for their server.
  boost::asio::thread_pool& judges;
  std::function<std::size_t()> connections;
};

}  // namespace crossrank::server
