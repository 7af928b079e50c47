// The transport over libcurl: which times are over when there is no answer. On the loopback.
#include "judge/transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>  // setenv
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "crossrank/judge.h"

namespace crossrank::judge {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Takes connections, as the kernel does, and never says a word.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, generic, size) != 0 || ::listen(socket_, 16) != 0 ||
        ::getsockname(socket_, generic, &size) != 0) {
      ADD_FAILURE() << "no socket";
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { ::close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  std::string url(const std::string& scheme) const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + "/v1";
  }

 private:
  int socket_;
  int port_ = 0;
};

struct Ended {
  JudgeHttpReply reply;
  Clock::duration elapsed;
};

Ended post(const std::string& url, std::chrono::milliseconds connect,
           std::chrono::milliseconds timeout) {
  ::setenv("no_proxy", "127.0.0.1", 1);
  const auto transport = curl_transport({.proxy = "", .ca_bundle = "", .connect = connect}).value();
  const auto start = Clock::now();
  JudgeHttpReply reply =
      transport({.url = url, .headers = {}, .body = "{}", .timeout = timeout, .cancel = nullptr});
  return {std::move(reply), Clock::now() - start};
}

// A handshake that gets no answer belongs to the connection.
TEST(Transport, AConnectionThatNobodyTakesIsNoTimeout) {
  const SilentServer server;
  const Ended ended = post(server.url("https"), 200ms, 20s);
  EXPECT_EQ(ended.reply.status, 0);
  EXPECT_NE(ended.reply.error, "");
  EXPECT_FALSE(ended.reply.timed_out);
  EXPECT_LT(ended.elapsed, 10s);
}

TEST(Transport, TheRequestsTimeIsATimeoutWhereverItEnds) {
  const SilentServer server;
  for (const char* scheme : {"http", "https"}) {
    const Ended ended = post(server.url(scheme), 20s, 200ms);
    EXPECT_EQ(ended.reply.status, 0);
    EXPECT_TRUE(ended.reply.timed_out) << scheme << ": " << ended.reply.error;
    EXPECT_GE(ended.elapsed, 190ms);
    EXPECT_LT(ended.elapsed, 10s);
  }
}

TEST(Transport, NobodyThereIsNoTimeout) {
  std::string url;
  {
    const SilentServer gone;
    url = gone.url("http");
  }
  const Ended ended = post(url, 20s, 20s);
  EXPECT_EQ(ended.reply.status, 0);
  EXPECT_FALSE(ended.reply.timed_out);
}

}  // namespace
}  // namespace crossrank::judge
