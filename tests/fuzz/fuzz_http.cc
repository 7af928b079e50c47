// Fuzzes the server's side of a connection: the bytes go through loopback to a listener whose host
// reads bodies as the dialects do. No model.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "apps/server/dialects.h"
#include "apps/server/http_listener.h"
#include "apps/server/routes.h"
#include "base/utf8.h"
#include "json/json.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

namespace server = crossrank::server;
namespace json = crossrank::json;

constexpr std::size_t kMaxBody = 1 << 16;

// What a handler would do with the body, up to the scores.
server::Reply read_body(const server::Exchange& exchange) {
  const server::Dialect& dialect = server::dialect_of(exchange.head.path);
  FUZZ_CHECK(exchange.body.size() <= kMaxBody);
  auto body = json::parse(exchange.body, {.max_values = 10'000});
  if (!body.ok() || !body->is_object()) {
    return server::error_reply(dialect, {400, "no object", ""});
  }
  server::Fields fields(*body);
  server::ServerOptions options;
  options.max_documents = 100;
  const server::RerankRequest request = dialect.read(fields, options);
  if (fields.error()) return server::error_reply(dialect, *fields.error());
  FUZZ_CHECK(!request.documents.empty() && request.documents.size() <= 100);
  server::RerankOutcome outcome;
  for (std::size_t i = 0; i < request.documents.size(); ++i) {
    FUZZ_CHECK(crossrank::base::is_valid_utf8(request.documents[i].text));
    if (i % 4 == 0) outcome.ranked.push_back({i, {}, {}});
    if (i % 4 == 2) outcome.ranked.push_back({i, {}, crossrank::TextSpan{}});
    if (i % 2 == 1) outcome.unscored.push_back(i);
  }
  return {.status = 200, .body = json::dump(dialect.write(request, outcome))};
}

struct Loopback {
  boost::asio::io_context io{1};
  std::unique_ptr<server::HttpListener> listener;

  Loopback() {
    server::HttpHost host;
    host.limits.max_body_bytes = kMaxBody;
    host.limits.max_header_bytes = 4096;
    host.screen = [](const server::RequestHead& head) -> std::optional<server::Reply> {
      FUZZ_CHECK(head.path.find('?') == head.path.npos);
      if (server::find_route(head.path, head.method) != nullptr) return std::nullopt;
      return server::error_reply(server::dialect_of(head.path), {404, "no route", ""});
    };
    host.handle = [](const std::shared_ptr<server::Exchange>& exchange) {
      exchange->reply(read_body(*exchange));
    };
    host.error = [](std::string_view path, unsigned status, const std::string& message) {
      FUZZ_CHECK(status >= 400 && status < 600 && !message.empty());
      return server::error_reply(server::dialect_of(path), {status, message, ""});
    };
    host.decorate = [](const server::RequestHead&, server::Reply&) {};
    host.done = [](const server::RequestHead&, const server::Facts&, unsigned, std::size_t,
                   std::size_t, server::Clock::duration) {};
    listener = server::HttpListener::open(io, "127.0.0.1", 0, std::move(host)).value();
  }
};

// Sends `bytes` and closes the sending side, as a client that has no more to say.
int connect_and_send(std::uint16_t port, std::string_view bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  FUZZ_CHECK(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  FUZZ_CHECK(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  FUZZ_CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  // Loopback buffers hold what fits; the rest does not matter to a fuzzer.
  [[maybe_unused]] const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  shutdown(fd, SHUT_WR);
  return fd;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Loopback& loopback = *new Loopback;  // lives as long as the process
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const int fd = connect_and_send(loopback.listener->port(), bytes);
  const auto limit = server::Clock::now() + std::chrono::seconds(5);
  bool seen = false;
  char answer[4096];
  for (;;) {
    loopback.io.restart();
    loopback.io.run_for(std::chrono::milliseconds(1));
    const bool open = loopback.listener->connections() > 0;
    seen |= open;
    const auto got = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    if (got == 0 && (seen || !open)) break;  // the other side is done
    if (got < 0 && errno != EAGAIN) break;   // reset
    FUZZ_CHECK(server::Clock::now() < limit);
  }
  close(fd);
  while (loopback.listener->connections() > 0) {
    loopback.io.restart();
    loopback.io.run_for(std::chrono::milliseconds(1));
    FUZZ_CHECK(server::Clock::now() < limit);
  }
  return 0;
}
