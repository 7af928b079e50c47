// HttpListener: accepts connections and speaks HTTP/1.1 on them, within limits of size and time.
// What is asked and answered is its host's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "crossrank/result.h"
#include "exchange.h"

namespace crossrank::server {

struct HttpLimits {
  std::size_t max_connections = 1024;
  std::size_t max_header_bytes = std::size_t{16} << 10;
  std::size_t max_body_bytes = std::size_t{32} << 20;
  // Bodies that are held at a time, all connections together.
  std::size_t all_bodies_bytes = std::size_t{256} << 20;
  std::chrono::milliseconds header_timeout{10'000};   // from the first byte to the empty line
  std::chrono::milliseconds request_timeout{60'000};  // from the headers to the answer
  std::chrono::milliseconds idle_timeout{75'000};     // between requests
  std::chrono::milliseconds write_timeout{30'000};    // for the client to take an answer
};

// What the listener asks its host; all of it on the thread of the I/O, so nothing may take long.
struct HttpHost {
  HttpLimits limits;
  // An answer that needs no body: no such route, no right to it. nullopt: read on.
  std::function<std::optional<Reply>(const RequestHead&)> screen;
  // Takes the exchange on; answers from wherever.
  std::function<void(std::shared_ptr<Exchange>)> handle;
  // An error of the protocol, in the words of the route's dialect.
  std::function<Reply(std::string_view path, unsigned status, const std::string& message)> error;
  // Headers that every answer has.
  std::function<void(const RequestHead&, Reply&)> decorate;
  // An exchange has ended. `status` 499: the client left first.
  std::function<void(const RequestHead&, const Facts&, unsigned status, std::size_t bytes_in,
                     std::size_t bytes_out, Clock::duration elapsed)>
      done;
};

// Runs on the io_context's one thread. Must outlive the io_context's run().
class HttpListener {
 public:
  // Binds and listens. Errors: kInvalidArgument (no such address), kIoError (the port is taken).
  static Result<std::unique_ptr<HttpListener>> open(boost::asio::io_context& io,
                                                    const std::string& host, std::uint16_t port,
                                                    HttpHost callbacks);
  ~HttpListener();

  std::uint16_t port() const;
  std::size_t connections() const;
  // No new connections; those without a request are closed, the others after their answer. Calls
  // `drained` when none is left. On the io_context's thread.
  void stop(std::function<void()> drained);

  struct State;

 private:
  explicit HttpListener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace crossrank::server
