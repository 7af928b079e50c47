// What the connections of one HttpListener share. Touched by the io_context's thread alone, but for
// the atomics.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http_listener.h"

namespace crossrank::server {

class HttpConnection;

struct HttpListener::State {
  State(boost::asio::io_context& io, HttpHost callbacks)
      : acceptor(io), pause(io), host(std::move(callbacks)) {}

  boost::asio::ip::tcp::acceptor acceptor;
  boost::asio::steady_timer pause;
  HttpHost host;
  std::map<const HttpConnection*, std::weak_ptr<HttpConnection>> open;
  std::atomic<std::size_t> connections{0};
  std::size_t body_bytes = 0;  // held by all connections
  bool accept_waits = false;   // for a connection to end
  bool stopping = false;
  std::function<void()> drained;
};

// Accepts one connection after another, as long as there may be more.
void accept_next(const std::shared_ptr<HttpListener::State>& state);

}  // namespace crossrank::server
