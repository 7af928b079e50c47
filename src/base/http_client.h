// HttpClient: one HTTP request at a time over libcurl, its answer given to a sink. Follows no
// redirect, repeats nothing, knows neither hubs nor judges.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crossrank/result.h"

namespace crossrank::base {

struct HttpTimeouts {
  std::chrono::milliseconds connect{10'000};
  std::chrono::seconds stall{30};  // with less than 1 KB/s for that long a transfer has failed
};

struct HttpRequest {
  enum class Method : std::uint8_t { kGet, kHead, kPost };
  std::string url;  // http or https
  Method method = Method::kGet;
  std::vector<std::string> headers = {};  // "Name: value"
  std::string body = {};                  // of a POST
  // From the name's look-up to the last byte; 0 = no limit but HttpTimeouts.
  std::chrono::milliseconds deadline{0};
  std::string proxy = {};      // "" = the environment's (https_proxy, no_proxy)
  std::string ca_bundle = {};  // a PEM file; "" = the system's
  bool read_errors = false;    // the sink gets the body of an answer that is not 2xx too
  // A POST may use and leave an open connection, as GET and HEAD always may: libcurl then sends it
  // again by itself when a connection that was kept turns out to be reset.
  bool keep_connection = false;
  const std::atomic<bool>* cancel = nullptr;  // beside the client's own
};

struct HttpReply {
  long status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string redirect;  // Location made absolute, when status is 3xx

  // The value of the last header of that name, which is given in lower case; "" = absent.
  [[nodiscard]] const std::string& header(std::string_view name) const;
};

// Whether another attempt may cure a failed one.
enum class Retry : std::uint8_t {
  kNever,    // cancelled, refused by the sink, a certificate that does not fit
  kPatient,  // nobody there, or no answer in time: worth it only in the middle of a download
  kSoon,     // the connection broke
};

struct HttpOutcome {
  HttpReply reply;             // complete unless `error`
  std::optional<Error> error;  // the sink's own, kCancelled, kNetwork or kOutOfMemory
  Retry retry = Retry::kNever;
  bool timed_out = false;  // `error` is one of time: connect, stall or deadline
};

// Receives the body of an answer piece by piece; an error stops the transfer.
using BodySink = std::function<Result<void>(const HttpReply& reply, std::string_view bytes)>;

// Keeps connections open between requests; see HttpRequest::keep_connection for those of a POST.
// Movable; one thread at a time.
class HttpClient {
 public:
  // Error: kNetwork when libcurl cannot be opened. `cancel` may be null and is looked at ten times
  // a second.
  static Result<HttpClient> create(HttpTimeouts timeouts, const std::atomic<bool>* cancel);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  HttpOutcome perform(const HttpRequest& request, const BodySink& sink);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Takes one line of an answer's head, a status line or a header, into `reply`. Headers that are
// absurdly long or many are left out.
void read_header(HttpReply& reply, std::string_view line);

// Scheme, host and port of a URL, lower case, as in "https://huggingface.co:443"; "" when it is no
// http or https URL. Parsed by the library that connects, so the two agree on the host.
std::string url_origin(const std::string& url);

// Everything but letters, digits and "-._~" as %XX.
std::string url_escape(std::string_view text);

}  // namespace crossrank::base
