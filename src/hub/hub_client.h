// HubClient: the questions a download asks of a Hugging Face hub. Writes no files.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/http_client.h"
#include "crossrank/result.h"

namespace crossrank::hub {

// What a hub says is in a repository.
struct Listing {
  std::string commit;
  std::vector<std::string> files;  // as the hub spells them: not to be used as paths unchecked
};

// Reads the hub's JSON about a model. Error: kNetwork.
Result<Listing> parse_listing(std::string_view text);

// One file. `etag` is what Hugging Face names a blob by: the SHA-256 of the content of a large
// file (64 hex digits), or the SHA-1 of a git blob (40).
struct RemoteFile {
  std::string name;
  std::string commit;  // "" when the hub does not say
  std::string etag;
  std::uint64_t size = 0;
};

struct HubOptions {
  std::string endpoint;  // "https://huggingface.co"
  std::string token;     // "" = none; sent to the hub alone
  base::HttpTimeouts timeouts;
  std::chrono::milliseconds retry_delay{500};  // before the second attempt; doubles each time
  const std::atomic<bool>* cancel = nullptr;
};

inline Error download_cancelled() { return {ErrorCode::kCancelled, "The download was cancelled."}; }

// Attempts at one request, or at bringing a download forward, before giving up.
inline constexpr unsigned kMaxAttempts = 5;

// True when the server may well answer otherwise within a minute: 408, 429 and 5xx.
bool is_passing(const base::HttpReply& reply);

// Movable; one thread at a time. Redirects are followed; the token goes to no host but the hub's.
class HubClient {
 public:
  // Errors: kInvalidArgument for an endpoint that is no address or a token with odd characters,
  // kNetwork without libcurl.
  static Result<HubClient> create(HubOptions options);

  // The files of `id` at `revision`; empty when the server has no such service (mirrors that serve
  // files alone). Errors: kModelNotFound, kNetwork, kCancelled.
  Result<std::optional<Listing>> list(std::string_view id, std::string_view revision);

  // Where `file` stands; empty when there is no such file. Errors as above.
  Result<std::optional<RemoteFile>> look_up(std::string_view id, std::string_view revision,
                                            std::string_view file);

  // One attempt to read a file from `offset` on, at a commit.
  base::HttpOutcome read(std::string_view id, std::string_view commit, std::string_view file,
                         std::uint64_t offset, const base::BodySink& sink);

  // The error that an answer other than 2xx means to the user.
  Error refusal(std::string_view id, std::string_view revision, const base::HttpReply& reply) const;

  // Waits before attempt number `attempt` (the second is 1): what the hub asked for, at least a
  // delay that doubles each time. Error: kCancelled.
  Result<void> wait(unsigned attempt, const base::HttpReply& reply) const;

  const std::atomic<bool>* cancel() const { return options_.cancel; }
  bool cancelled() const { return base::is_cancelled(options_.cancel); }

 private:
  HubClient(HubOptions options, base::HttpClient http);

  // Whether the token may go to `origin`.
  bool is_hub(std::string_view origin) const;
  // Follows redirects from hub to hub, and to other hosts too when `leave_hub`; otherwise the
  // redirect that leaves is the answer.
  base::HttpOutcome follow(base::HttpRequest request, bool leave_hub, const base::BodySink& sink);
  // follow() with further attempts for broken connections and passing troubles of the server. The
  // body goes to `body`, at most 16 MB.
  Result<base::HttpReply> ask(const base::HttpRequest& request, bool leave_hub, std::string* body);
  std::string file_url(std::string_view id, std::string_view revision, std::string_view file) const;
  std::string shown_endpoint() const;  // without a password

  HubOptions options_;
  base::HttpClient http_;
  std::vector<std::string> hub_origins_;
};

}  // namespace crossrank::hub
