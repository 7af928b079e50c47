// HttpConnection: one client's connection: reads a request, has it answered, writes the answer,
// again and again. On the io_context's thread alone.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "exchange.h"
#include "http_listener.h"

namespace crossrank::server {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(boost::asio::ip::tcp::socket socket, std::shared_ptr<HttpListener::State> state);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void start();
  void close_if_idle();

 private:
  using ErrorCodeOf = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Phase { kIdle, kHeader, kBody, kHandling, kWriting, kLingering };

  void await_request();
  void read_header();
  void on_header(ErrorCodeOf error);
  void invite_body();
  void read_body();
  void on_body(ErrorCodeOf error);
  void handle();
  void watch_for_leaving();
  void answer(Reply reply, const Facts& facts);
  void refuse(unsigned status, const std::string& message);
  void write(Reply reply, bool keep_alive);
  void on_written(ErrorCodeOf error, bool keep_alive);
  void linger();
  void close();

  void expect(Phase phase, Clock::time_point limit);
  void expect(Phase phase, std::chrono::milliseconds time);
  RequestHead request_head() const;
  Clock::time_point deadline_of(const RequestHead& head) const;
  bool hold_body(std::size_t bytes);
  bool is_too_long(std::size_t bytes);
  std::string too_long() const;
  void hold(std::size_t bytes);
  void look_for_leaving();
  void leave();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<HttpListener::State> state_;
  const HttpLimits& limits_;
  std::string remote_;

  // The parser leaves in it what it cannot use yet: a line of headers, of a chunk's size or of
  // trailers, none of which has a length of its own.
  boost::beast::flat_buffer buffer_{std::size_t{64} << 10};
  std::optional<Parser> parser_;
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> response_;
  std::array<char, 4096> discarded_{};

  Phase phase_ = Phase::kIdle;
  std::size_t waits_ = 0;  // numbers expect()'s timers: one that was replaced does nothing
  bool timed_out_ = false;
  bool http_1_0_ = false;  // the request
  RequestHead head_;
  Facts facts_;
  Clock::time_point arrived_, deadline_;
  std::size_t held_bytes_ = 0, request_bytes_ = 0, requests_ = 0;
  std::weak_ptr<Exchange> exchange_;
  std::shared_ptr<HttpConnection> held_;  // itself, while nothing but a handler works for it
};

}  // namespace crossrank::server
