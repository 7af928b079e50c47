// HttpConnection: Boost.Beast's parser and serializer, with a limit on every wait.
#include "http_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <random>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include "crossrank/version.h"
#include "http_state.h"

namespace crossrank::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;

// After an answer that ends a connection the client may still be sending. Closing at once would
// make its system drop the answer that it has not read.
constexpr std::chrono::milliseconds kLingerTime{2000};
constexpr std::chrono::milliseconds kLookInterval{250};
constexpr std::size_t kMaxRequestIdLength = 128;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestIdLength &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7F && c != '"'; });
}

// W3C Trace Context, version 00: 00-<32 hex>-<16 hex>-<2 hex>.
bool is_traceparent(std::string_view text) {
  constexpr std::string_view kShape = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
  if (text.size() != kShape.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (kShape[i] == 'h' ? !hex : text[i] != kShape[i]) return false;
  }
  // No trace and no parent has the id 0.
  return text.substr(3, 32).find_first_not_of('0') != text.npos &&
         text.substr(36, 16).find_first_not_of('0') != text.npos;
}

// 128 random bits as 32 hex digits: names, not secrets.
std::string random_id() {
  thread_local std::mt19937_64 engine(std::random_device{}());
  std::string id;
  for (int word = 0; word < 2; ++word) {
    const std::uint64_t bits = engine();
    for (int shift = 60; shift >= 0; shift -= 4) id += "0123456789abcdef"[bits >> shift & 0xF];
  }
  return id;
}

// The time as RFC 9110 has it, for example "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %T GMT", &utc)};
}

// The path of a request's target, which proxies may send with scheme and host.
std::string_view path_of(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    target = slash == target.npos ? "/" : target.substr(slash);
    break;
  }
  return target.substr(0, target.find('?'));
}

// The status for a request that the parser refuses; 0 when nobody is there to be told.
unsigned status_of(boost::system::error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  if (error.category() == make_error_code(http::error::bad_value).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return 400;
  }
  return 0;
}

}  // namespace

HttpConnection::HttpConnection(tcp::socket socket, std::shared_ptr<HttpListener::State> state)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      state_(std::move(state)),
      limits_(state_->host.limits) {
  ++state_->connections;
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  if (const auto endpoint = socket_.remote_endpoint(ignored); !ignored) {
    remote_ = endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
  }
}

HttpConnection::~HttpConnection() {
  hold(0);
  state_->open.erase(this);
  --state_->connections;
  if (std::exchange(state_->accept_waits, false) && !state_->stopping) {
    asio::post(state_->acceptor.get_executor(), [state = state_] { accept_next(state); });
  }
  if (state_->stopping && state_->connections == 0 && state_->drained) {
    std::exchange(state_->drained, nullptr)();
  }
}

void HttpConnection::start() {
  state_->open.emplace(this, weak_from_this());
  await_request();
}

void HttpConnection::close_if_idle() {
  if (phase_ == Phase::kIdle) close();
}

// Cancels what the socket waits for when `limit` comes before the next expect().
void HttpConnection::expect(Phase phase, Clock::time_point limit) {
  phase_ = phase;
  timer_.expires_at(limit);
  timer_.async_wait([self = shared_from_this(), wait = ++waits_](boost::system::error_code error) {
    if (error || wait != self->waits_) return;
    self->timed_out_ = true;
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void HttpConnection::expect(Phase phase, std::chrono::milliseconds time) {
  expect(phase, Clock::now() + time);
}

void HttpConnection::await_request() {
  parser_.reset();
  response_.reset();
  hold(0);
  timed_out_ = false;
  facts_ = {};
  head_ = {};
  if (state_->stopping) return close();
  if (buffer_.size() > 0) return read_header();  // the client did not wait for its last answer
  expect(Phase::kIdle, requests_ == 0 ? limits_.header_timeout : limits_.idle_timeout);
  socket_.async_read_some(
      buffer_.prepare(4096),
      [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
        if (error) return self->close();
        self->buffer_.commit(bytes);
        self->read_header();
      });
}

void HttpConnection::read_header() {
  ++requests_;
  arrived_ = Clock::now();
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(limits_.max_header_bytes));
  parser_->body_limit(limits_.max_body_bytes);
  expect(Phase::kHeader, limits_.header_timeout);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](boost::system::error_code error,
                                                      std::size_t) { self->on_header(error); });
}

void HttpConnection::on_header(boost::system::error_code error) {
  if (timed_out_) {
    return refuse(408, "the headers did not come within " +
                           std::to_string(limits_.header_timeout.count()) + " ms");
  }
  // A body that is announced as too long is refused here too: the headers are there by then.
  head_ = request_head();
  http_1_0_ = parser_->get().version() == 10;
  if (error) {
    const unsigned status = status_of(error);
    if (status == 0) return close();
    return refuse(status,
                  status == 413 ? too_long() : "the request is not HTTP/1.1: " + error.message());
  }
  const auto& message = parser_->get();
  if (message.version() != 11 && message.version() != 10) {
    return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (message.count(http::field::expect) > 0 &&
      !boost::beast::iequals(message[http::field::expect], "100-continue")) {
    return refuse(417, "nothing but Expect: 100-continue is understood");
  }
  if (message.version() == 11 && message.count(http::field::host) != 1) {
    return refuse(400, "a request needs one Host header");
  }
  // Who reads one of the two and who reads the other would see different requests.
  if (message.count(http::field::transfer_encoding) > 0 &&
      (message.count(http::field::content_length) > 0 || message.version() == 10 ||
       message.count(http::field::transfer_encoding) > 1 ||
       !boost::beast::iequals(message[http::field::transfer_encoding], "chunked"))) {
    return refuse(400, "Transfer-Encoding may only be chunked, once, without Content-Length");
  }
  deadline_ = deadline_of(head_);
  if (auto reply = state_->host.screen(head_)) {
    const bool complete = parser_->is_done();
    return write(std::move(*reply), complete && message.keep_alive());
  }
  // An announcement takes no memory yet: who sends nothing more must not shut others out.
  if (const auto length = parser_->content_length(); length && is_too_long(*length)) return;
  // HTTP/1.0 knows no 100.
  const bool invited = message.version() == 11 && message.count(http::field::expect) > 0;
  if (invited && !parser_->is_done()) return invite_body();
  read_body();
}

void HttpConnection::invite_body() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  expect(Phase::kBody, std::min(deadline_, Clock::now() + limits_.request_timeout));
  asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                      if (error) return self->close();
                      self->read_body();
                    });
}

void HttpConnection::read_body() {
  if (parser_->is_done()) return handle();
  expect(Phase::kBody, std::min(deadline_, Clock::now() + limits_.request_timeout));
  http::async_read_some(socket_, buffer_, *parser_,
                        [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                          self->on_body(error);
                        });
}

void HttpConnection::on_body(boost::system::error_code error) {
  if (timed_out_) {
    const bool own_limit = deadline_ < arrived_ + limits_.request_timeout;
    return own_limit ? refuse(504, "the deadline came before the whole body did")
                     : refuse(408, "the body did not come in time");
  }
  if (error) {
    const unsigned status = status_of(error);
    if (status == 0) return close();
    return refuse(status, status == 413
                              ? too_long()
                              : "the body is not what its headers say: " + error.message());
  }
  if (!hold_body(parser_->get().body().size())) return;
  read_body();
}

// Counts a body of so many bytes; refuses it when all bodies together would be too much to hold.
bool HttpConnection::hold_body(std::size_t bytes) {
  if (bytes <= held_bytes_) return true;
  if (is_too_long(bytes)) return false;
  if (state_->body_bytes + bytes - held_bytes_ > limits_.all_bodies_bytes) {
    refuse(503, "the requests that are being answered fill the memory for them; try again");
    return false;
  }
  hold(bytes);
  return true;
}

// Refuses a body of so many bytes if it is longer than any may be.
bool HttpConnection::is_too_long(std::size_t bytes) {
  if (bytes <= limits_.max_body_bytes) return false;
  refuse(413, too_long());
  return true;
}

std::string HttpConnection::too_long() const {
  return "the body is longer than " + std::to_string(limits_.max_body_bytes) + " bytes";
}

// Counts so many bytes of this connection's instead of those before.
void HttpConnection::hold(std::size_t bytes) {
  state_->body_bytes += bytes - held_bytes_;
  held_bytes_ = bytes;
}

void HttpConnection::handle() {
  request_bytes_ = parser_->get().body().size();
  const bool keep_alive = parser_->get().keep_alive();
  // The answer comes from some other thread, when this connection may be gone.
  auto answer = [weak = weak_from_this(), executor = socket_.get_executor()](Reply reply,
                                                                             const Facts& facts) {
    asio::post(executor, [weak, reply = std::move(reply), facts]() mutable {
      if (const auto self = weak.lock()) self->answer(std::move(reply), facts);
    });
  };
  auto exchange = std::make_shared<Exchange>(head_, std::move(parser_->get().body()), arrived_,
                                             deadline_, std::move(answer));
  exchange_ = exchange;
  parser_->get().keep_alive(keep_alive);
  phase_ = Phase::kHandling;
  held_ = shared_from_this();
  ++waits_;  // the deadline is from now on for the handler to keep
  timer_.cancel();
  watch_for_leaving();
  state_->host.handle(std::move(exchange));
}

// While a request is handled the socket becomes readable when the client sends more or leaves.
void HttpConnection::watch_for_leaving() {
  socket_.async_wait(
      tcp::socket::wait_read, [self = shared_from_this()](boost::system::error_code error) {
        if (error || self->phase_ != Phase::kHandling) return;
        char byte = 0;
        const auto got = ::recv(self->socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got > 0) return self->look_for_leaving();  // the next request: it waits
        self->leave();
      });
}

// The socket stays readable when there is a next request, so now and then has to do.
void HttpConnection::look_for_leaving() {
  timer_.expires_after(kLookInterval);
  timer_.async_wait([self = shared_from_this(), wait = ++waits_](boost::system::error_code error) {
    if (error || wait != self->waits_ || self->phase_ != Phase::kHandling) return;
    pollfd socket = {self->socket_.native_handle(), POLLRDHUP, 0};
    if (::poll(&socket, 1, 0) == 0) return self->look_for_leaving();
    self->leave();
  });
}

// The client has left before its answer.
void HttpConnection::leave() {
  const auto released = std::exchange(held_, nullptr);
  if (const auto exchange = exchange_.lock()) exchange->client_left();
  state_->host.done(head_, {}, 499, request_bytes_, 0, Clock::now() - arrived_);
  close();
}

void HttpConnection::answer(Reply reply, const Facts& facts) {
  if (phase_ != Phase::kHandling) return;
  const auto released = std::exchange(held_, nullptr);
  facts_ = facts;
  boost::system::error_code ignored;
  socket_.cancel(ignored);  // of watch_for_leaving()
  write(std::move(reply), parser_->get().keep_alive() && !state_->stopping);
}

// An error of the protocol: what follows on the connection cannot be trusted.
void HttpConnection::refuse(unsigned status, const std::string& message) {
  timed_out_ = false;
  Reply reply = state_->host.error(head_.path, status, message);
  if (status == 503) reply.headers.emplace_back("Retry-After", "1");
  write(std::move(reply), false);
}

void HttpConnection::write(Reply reply, bool keep_alive) {
  state_->host.decorate(head_, reply);
  response_.emplace();
  response_->version(11);
  response_->result(reply.status);
  response_->set(http::field::server, "crossrank/" + std::string(version()));
  response_->set(http::field::date, http_date());
  if (!reply.content_type.empty()) response_->set(http::field::content_type, reply.content_type);
  if (!head_.request_id.empty()) response_->set("X-Request-Id", head_.request_id);
  if (!head_.traceparent.empty()) response_->set("traceparent", head_.traceparent);
  for (const auto& [name, value] : reply.headers) response_->set(name, value);
  response_->keep_alive(keep_alive);
  if (keep_alive && http_1_0_) response_->set(http::field::connection, "keep-alive");
  const std::size_t length = reply.body.size();
  if (head_.method != "HEAD") response_->body() = std::move(reply.body);
  if (reply.status != 204) response_->content_length(length);
  parser_.reset();  // with what came of a body that was refused
  hold(length);     // until whoever reads it has it
  state_->host.done(head_, facts_, reply.status, request_bytes_, length, Clock::now() - arrived_);
  expect(Phase::kWriting, limits_.write_timeout);
  http::async_write(
      socket_, *response_,
      [self = shared_from_this(), keep_alive](boost::system::error_code error, std::size_t) {
        self->on_written(error, keep_alive);
      });
}

void HttpConnection::on_written(boost::system::error_code error, bool keep_alive) {
  if (error) return close();
  if (keep_alive) return await_request();
  socket_.shutdown(tcp::socket::shutdown_send, error);
  expect(Phase::kLingering, kLingerTime);
  linger();
}

// Reads and forgets until the client has closed its side or kLingerTime is over.
void HttpConnection::linger() {
  socket_.async_read_some(
      asio::buffer(discarded_),
      [self = shared_from_this()](boost::system::error_code error, std::size_t) {
        if (error || self->timed_out_) return self->close();
        self->linger();
      });
}

void HttpConnection::close() {
  ++waits_;
  timer_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

RequestHead HttpConnection::request_head() const {
  const auto& message = parser_->get();
  RequestHead head;
  head.method = view(message.method_string());
  head.path = path_of(view(message.target()));
  head.content_type = view(message[http::field::content_type]);
  head.authorization = view(message[http::field::authorization]);
  head.timeout_ms = view(message["X-Request-Timeout-Ms"]);
  head.request_id = view(message["X-Request-Id"]);
  if (!is_request_id(head.request_id)) head.request_id = random_id();
  head.traceparent = view(message["traceparent"]);
  if (!is_traceparent(head.traceparent)) head.traceparent.clear();
  head.remote = remote_;
  return head;
}

// The client's own, but never later than the server's; a header that is no number is ignored here
// and refused by the host, which sees it too.
Clock::time_point HttpConnection::deadline_of(const RequestHead& head) const {
  std::chrono::milliseconds time = limits_.request_timeout;
  std::uint32_t asked = 0;
  const char* end = head.timeout_ms.data() + head.timeout_ms.size();
  const auto [p, error] = std::from_chars(head.timeout_ms.data(), end, asked);
  if (error == std::errc() && p == end) time = std::min(time, std::chrono::milliseconds(asked));
  return arrived_ + time;
}

}  // namespace crossrank::server
