// HttpListener: the acceptor, and the connections that are open.
#include "http_listener.h"

#include <system_error>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http_connection.h"
#include "http_state.h"

namespace crossrank::server {
namespace {

using boost::asio::ip::tcp;

// Out of file descriptors, most often: taking a breath beats spinning.
constexpr std::chrono::milliseconds kAcceptPause{50};

}  // namespace

HttpListener::HttpListener(std::shared_ptr<State> state) : state_(std::move(state)) {}
HttpListener::~HttpListener() {
  state_->stopping = true;  // connections that go later must not call back
  state_->drained = nullptr;
}

Result<std::unique_ptr<HttpListener>> HttpListener::open(boost::asio::io_context& io,
                                                         const std::string& host,
                                                         std::uint16_t port, HttpHost callbacks) {
  boost::system::error_code error;
  const auto address =
      boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + host +
                     "' is no IP address to listen on; 127.0.0.1 serves this machine, "
                     "0.0.0.0 and :: serve all others too"};
  }
  auto state = std::make_shared<State>(io, std::move(callbacks));
  const tcp::endpoint endpoint(address, port);
  state->acceptor.open(endpoint.protocol(), error);
  if (!error) state->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) state->acceptor.bind(endpoint, error);
  if (!error) state->acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) {
    return Error{ErrorCode::kIoError, "cannot listen on " + host + ":" + std::to_string(port) +
                                          ": " + error.message() +
                                          "; choose another --port, or end what has it"};
  }
  accept_next(state);
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(state)));
}

std::uint16_t HttpListener::port() const { return state_->acceptor.local_endpoint().port(); }
std::size_t HttpListener::connections() const { return state_->connections; }

void HttpListener::stop(std::function<void()> drained) {
  state_->stopping = true;
  state_->drained = std::move(drained);
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  for (const auto& [key, weak] : state_->open) {
    if (const auto connection = weak.lock()) connection->close_if_idle();
  }
  if (state_->connections == 0 && state_->drained) std::exchange(state_->drained, nullptr)();
}

void accept_next(const std::shared_ptr<HttpListener::State>& state) {
  if (state->stopping) return;
  if (state->connections >= state->host.limits.max_connections) {
    state->accept_waits = true;  // until a connection ends: the backlog holds those who come
    return;
  }
  state->accept_waits = false;
  state->acceptor.async_accept([state](boost::system::error_code error, tcp::socket socket) {
    if (state->stopping) return;
    if (error) {
      state->pause.expires_after(kAcceptPause);
      state->pause.async_wait([state](boost::system::error_code) { accept_next(state); });
      return;
    }
    std::make_shared<HttpConnection>(std::move(socket), state)->start();
    accept_next(state);
  });
}

}  // namespace crossrank::server
