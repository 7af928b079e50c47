// HttpClient: one HTTP request at a time over libcurl, its body given to a sink. Follows no
// redirect, repeats nothing, knows nothing of hubs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"

namespace crossrank::hub {

struct HttpTimeouts {
  std::chrono::milliseconds connect{10'000};
  std::chrono::seconds stall{30};  // with less than 1 KB/s for that long a transfer has failed
};

struct HttpRequest {
  std::string url;  // http or https
  bool head = false;
  std::vector<std::string> headers;  // "Name: value"
};

// The headers that matter here; "" = absent.
struct HttpReply {
  long status = 0;
  std::string etag;
  std::string content_length;
  std::string content_range;
  std::string retry_after;
  std::string repo_commit;  // X-Repo-Commit
  std::string linked_etag;  // X-Linked-Etag
  std::string linked_size;  // X-Linked-Size
  std::string error_code;   // X-Error-Code
  std::string redirect;     // Location made absolute, when status is 3xx
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
};

inline Error download_cancelled() { return {ErrorCode::kCancelled, "The download was cancelled."}; }

// Receives the body of a 2xx answer piece by piece; an error stops the transfer.
using BodySink = std::function<Result<void>(const HttpReply& reply, std::string_view bytes)>;

// Keeps connections open between requests. Movable; one thread at a time.
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

// Takes one line of an answer's head, a status line or a header, into `reply`. Lines that mean
// nothing here are left out.
void read_header(HttpReply& reply, std::string_view line);

// Scheme, host and port of a URL, lower case, as in "https://huggingface.co:443"; "" when it is no
// http or https URL. Parsed by the library that connects, so the two agree on the host.
std::string url_origin(const std::string& url);

// Everything but letters, digits and "-._~" as %XX.
std::string url_escape(std::string_view text);

}  // namespace crossrank::hub
