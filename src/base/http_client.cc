// HttpClient on curl's multi interface, whose poll lets a cancel flag be seen while nothing moves.
#include "base/http_client.h"

#include <pthread.h>
#include <signal.h>  // NOLINT: sigset_t and sigtimedwait are POSIX

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <exception>
#include <utility>

#include "base/ascii.h"
#include "base/ca_bundle.h"
#include "base/cancel.h"
#include "base/curl_api.h"
#include "base/try.h"

namespace crossrank::base {
namespace {

constexpr int kPollMs = 100;                           // cancel is seen within this
constexpr long kStallBytesPerSecond = 1024;            // slower than this counts as stalled
constexpr long kReadBufferBytes = 256L << 10;          // fewer calls of the sink than 16 KB
constexpr std::size_t kMaxErrorBodyBytes = 64u << 10;  // of an answer that nobody reads
constexpr std::size_t kMaxHeaderBytes = 8u << 10;      // of one line
constexpr std::size_t kMaxHeaders = 200;               // curl bounds their sum
// CURLOPT_QUICK_EXIT, since libcurl 7.87; the headers that we compile against may be older.
constexpr auto kQuickExit = static_cast<CURLoption>(322);

// Blocks SIGPIPE in this thread: some TLS libraries write to sockets that the peer has closed, and
// a library must neither die of that nor change the program's signal handlers.
class SigpipeBlock {
 public:
  SigpipeBlock() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeBlock() {
    if (!was_pending_) {
      const timespec now{};
      sigtimedwait(&pipe_, nullptr, &now);  // takes back the one that we caused, if any
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeBlock(const SigpipeBlock&) = delete;
  SigpipeBlock& operator=(const SigpipeBlock&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// What curl's callbacks see of a transfer.
struct Transfer {
  const BodySink* sink;
  bool read_errors = false;
  HttpReply reply = {};
  std::optional<Error> error = {};
  std::exception_ptr thrown = {};
  std::size_t unread = 0;  // bytes of an error's body
  bool enough = false;     // more of an error's body than anyone wants
};

// False stops the transfer.
bool take_body(Transfer& transfer, std::string_view bytes) {
  if (transfer.reply.status / 100 != 2 && !transfer.read_errors) {
    transfer.unread += bytes.size();
    transfer.enough = transfer.unread > kMaxErrorBodyBytes;
    return !transfer.enough;
  }
  auto taken = (*transfer.sink)(transfer.reply, bytes);
  if (taken.ok()) return true;
  transfer.error = std::move(taken).error();
  return false;
}

// Carries an exception (std::bad_alloc, or what a caller's progress function throws) around
// libcurl's frames; perform() throws it again.
template <typename Step>
std::size_t guarded(Transfer& transfer, std::size_t size, const Step& step) {
  try {
    return step() ? size : 0;
  } catch (...) {
    transfer.thrown = std::current_exception();
    return 0;
  }
}

// CURLOPT_HEADERFUNCTION, with one line. Anything but the size stops the transfer.
std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  return guarded(transfer, size * count, [&] {
    read_header(transfer.reply, {data, size * count});
    return true;
  });
}

// CURLOPT_WRITEFUNCTION.
std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  return guarded(transfer, size * count, [&] { return take_body(transfer, {data, size * count}); });
}

struct EasyDeleter {
  const CurlApi* api;
  void operator()(CURL* handle) const { api->easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;

struct ListDeleter {
  const CurlApi* api;
  void operator()(curl_slist* list) const { api->slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

Retry worth_retrying(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST: return Retry::kPatient;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR: return Retry::kSoon;
    default: return Retry::kNever;
  }
}

std::string advice(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return " Install the package ca-certificates, or name the file that has the server's or your "
             "proxy's certificate in SSL_CERT_FILE.";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return " Check the address, the network and, behind a proxy, https_proxy.";
    default: return "";
  }
}

// libcurl's words without what stands before an "@" in an address: it quotes proxies that it does
// not understand, also those of the environment, whose passwords nobody else here knows.
std::string without_passwords(std::string_view text) {
  constexpr std::string_view kEnds = " '\"";
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(kEnds), text.size());
    std::string_view word = text.substr(0, end);
    if (const std::size_t at = word.rfind('@'); at != word.npos) {
      const std::size_t scheme = word.find("://");
      if (scheme < at) out += word.substr(0, scheme + 3);
      word.remove_prefix(at + 1);
    }
    out.append(word).append(text.substr(end, 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string host_of(const std::string& url) {
  const std::string origin = url_origin(url);
  return origin.empty() ? url : origin;
}

}  // namespace

void read_header(HttpReply& reply, std::string_view line) {
  if (line.starts_with("HTTP/")) {
    reply = {};  // an interim answer (100, 103) came before this one
    if (const std::size_t space = line.find(' '); space != line.npos) {
      for (const char c : line.substr(space + 1, 3)) {
        if (c >= '0' && c <= '9') reply.status = reply.status * 10 + (c - '0');
      }
    }
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == line.npos || line.size() > kMaxHeaderBytes) return;
  if (reply.headers.size() == kMaxHeaders) return;
  reply.headers.emplace_back(ascii_lower(trim(line.substr(0, colon))),
                             trim(line.substr(colon + 1)));
}

const std::string& HttpReply::header(std::string_view name) const {
  static const std::string kAbsent;
  const auto found = std::find_if(headers.rbegin(), headers.rend(),
                                  [&](const auto& header) { return header.first == name; });
  return found == headers.rend() ? kAbsent : found->second;
}

struct HttpClient::State {
  const CurlApi* api = nullptr;
  CURLM* multi = nullptr;
  HttpTimeouts timeouts;
  const std::atomic<bool>* cancel = nullptr;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (multi != nullptr) api->multi_cleanup(multi);
  }

  // Applies everything to `handle`; false when libcurl refuses or memory is short.
  bool configure(CURL* handle, const HttpRequest& request, const HeaderList& headers,
                 Transfer& transfer, char* message) const {
    bool ok = true;
    const auto set = [&](CURLoption option, auto value) {
      ok = ok && api->easy_setopt(handle, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, request.url.c_str());
    if (request.method == HttpRequest::Method::kHead) set(CURLOPT_NOBODY, 1L);
    if (request.method == HttpRequest::Method::kPost) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.data());
      // On a connection that was kept and is reset, libcurl sends the request again by itself. Who
      // pays for each POST, and counts them, wants none that nobody asked for.
      if (!request.keep_connection) {
        set(CURLOPT_FRESH_CONNECT, 1L);
        set(CURLOPT_FORBID_REUSE, 1L);
      }
    }
    if (!request.proxy.empty()) set(CURLOPT_PROXY, request.proxy.c_str());
    const std::string trusted = default_ca_bundle(api->ca_bundles);
    if (const std::string& own = request.ca_bundle.empty() ? trusted : request.ca_bundle;
        !own.empty()) {
      set(CURLOPT_CAINFO, own.c_str());
    }
    // Of an https proxy. Not `set`: some builds of libcurl know none.
    if (!trusted.empty()) api->easy_setopt(handle, CURLOPT_PROXY_CAINFO, trusted.c_str());
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.deadline.count()));
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, message);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeouts.connect.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerSecond);
    set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(timeouts.stall.count()));
    set(CURLOPT_BUFFERSIZE, kReadBufferBytes);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
    // A name server that does not answer holds the thread that asks it for 10 s and more; a
    // transfer that has ended must not wait for that thread. Older libraries do not know this.
    api->easy_setopt(handle, kQuickExit, 1L);
    return ok;
  }

  // Runs the one transfer in `multi` to its end. Empty when cancelled.
  std::optional<CURLcode> run(const std::atomic<bool>* cancel_request) const {
    for (int running = 1; running != 0;) {
      if (is_cancelled(cancel) || is_cancelled(cancel_request)) return std::nullopt;
      if (api->multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
      if (running == 0) break;
      if (api->multi_poll(multi, nullptr, 0, kPollMs, nullptr) != CURLM_OK) {
        return CURLE_FAILED_INIT;
      }
    }
    int left = 0;
    while (const CURLMsg* message = api->multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    return CURLE_FAILED_INIT;
  }
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::create(HttpTimeouts timeouts, const std::atomic<bool>* cancel) {
  CR_TRY_ASSIGN(const CurlApi* api, curl_api());
  auto state = std::make_unique<State>();
  state->api = api;
  state->multi = api->multi_init();
  state->timeouts = timeouts;
  state->cancel = cancel;
  if (state->multi == nullptr) {
    return Error{ErrorCode::kOutOfMemory, "libcurl could not start: out of memory."};
  }
  return HttpClient(std::move(state));
}

HttpOutcome HttpClient::perform(const HttpRequest& request, const BodySink& sink) {
  const CurlApi& api = *state_->api;
  HttpOutcome outcome;
  if (url_origin(request.url).empty()) {
    outcome.error = {ErrorCode::kNetwork, "Not an http or https address: " + request.url};
    return outcome;
  }
  HeaderList headers(nullptr, {&api});
  bool ok = true;
  for (const std::string& header : request.headers) {
    curl_slist* longer = api.slist_append(headers.get(), header.c_str());
    if (longer == nullptr) {
      ok = false;
      break;
    }
    headers.release();  // NOLINT: `longer` is the same list
    headers.reset(longer);
  }
  Transfer transfer{.sink = &sink, .read_errors = request.read_errors};
  std::array<char, CURL_ERROR_SIZE> message{};
  const Easy easy(api.easy_init(), {&api});
  ok = ok && easy && state_->configure(easy.get(), request, headers, transfer, message.data());
  ok = ok && api.multi_add_handle(state_->multi, easy.get()) == CURLM_OK;
  if (!ok) {
    outcome.error = {ErrorCode::kOutOfMemory, "libcurl could not prepare a request."};
    return outcome;
  }
  std::optional<CURLcode> code;
  {
    const SigpipeBlock block;
    code = state_->run(request.cancel);
    const char* redirect = nullptr;
    if (api.easy_getinfo(easy.get(), CURLINFO_REDIRECT_URL, &redirect) == CURLE_OK && redirect) {
      transfer.reply.redirect = redirect;
    }
    api.multi_remove_handle(state_->multi, easy.get());
  }
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  outcome.reply = std::move(transfer.reply);
  if (!code) {
    outcome.error = {ErrorCode::kCancelled, "The transfer was cancelled."};
  } else if (transfer.error) {
    outcome.error = std::move(transfer.error);
  } else if (*code != CURLE_OK && !transfer.enough) {
    const std::string_view what =
        message[0] != '\0' ? std::string_view(message.data()) : api.easy_strerror(*code);
    outcome.error = {ErrorCode::kNetwork, host_of(request.url) + ": " +
                                              without_passwords(trim(what)) + "." + advice(*code)};
    outcome.retry = worth_retrying(*code);
    outcome.timed_out = *code == CURLE_OPERATION_TIMEDOUT;
  }
  return outcome;
}

std::string url_origin(const std::string& url) {
  const auto loaded = curl_api();
  if (!loaded.ok()) return "";
  const CurlApi& api = **loaded;
  const auto close = [&](CURLU* handle) { api.url_cleanup(handle); };
  const std::unique_ptr<CURLU, decltype(close)> handle(api.url(), close);
  if (!handle || api.url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "";
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    if (api.url_get(handle.get(), which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
      return std::string();
    std::string out = ascii_lower(text);
    api.free(text);
    return out;
  };
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return "";
  return scheme + "://" + part(CURLUPART_HOST) + ":" + part(CURLUPART_PORT);
}

std::string url_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x80 && std::isalnum(byte) != 0) || std::string_view("-._~").find(c) != text.npos) {
      out += c;
    } else {
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 0xF];
    }
  }
  return out;
}

}  // namespace crossrank::base
