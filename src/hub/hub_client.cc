// HubClient: addresses, headers and errors of a Hugging Face hub, as huggingface_hub uses them.
#include "hub/hub_client.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/try.h"
#include "hub/hub_cache.h"
#include "json/json.h"

namespace crossrank::hub {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxRedirects = 10;
constexpr std::size_t kMaxJsonBytes = 16u << 20;  // of an answer that is read whole; real: 1 MB
constexpr std::size_t kMaxListedFiles = 100'000;
constexpr unsigned kMaxRetryAfterSeconds = 60;
constexpr milliseconds kMaxDelay{8'000};

// A number of bytes or seconds in a header; empty when it is none, or absurd.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value >> 62 != 0) return {};
  return value;
}

// W/"abc" and "abc" are abc.
std::string normalize_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  while (etag.starts_with('"')) etag.remove_prefix(1);
  while (etag.ends_with('"')) etag.remove_suffix(1);
  return std::string(etag);
}

}  // namespace

Result<Listing> parse_listing(std::string_view text) {
  const auto bad = [](const std::string& what) {
    return Error{ErrorCode::kNetwork, "The hub's answer about the model is unusable: " + what};
  };
  const auto answer = json::parse(text);
  if (!answer.ok()) return bad(answer.error().message);
  if (!answer->is_object()) return bad("it is not a JSON object.");
  const auto sha = answer->find("sha");
  const auto siblings = answer->find("siblings");
  if (sha == answer->end() || !sha->is_string() || !is_commit(sha->get_ref<const std::string&>())) {
    return bad("\"sha\" is not a commit.");
  }
  if (siblings == answer->end() || !siblings->is_array() || siblings->size() > kMaxListedFiles) {
    return bad("\"siblings\" is not a list of files.");
  }
  Listing listing;
  listing.commit = sha->get<std::string>();
  for (const auto& sibling : *siblings) {
    const auto name = sibling.is_object() ? sibling.find("rfilename") : sibling.end();
    if (name == sibling.end() || !name->is_string()) return bad("a file has no \"rfilename\".");
    listing.files.push_back(name->get<std::string>());
  }
  return listing;
}

bool is_passing(const base::HttpReply& reply) {
  if (parse_number(reply.header("retry-after")).value_or(0) > kMaxRetryAfterSeconds) return false;
  return reply.status == 408 || reply.status == 429 || reply.status / 100 == 5;
}

HubClient::HubClient(HubOptions options, base::HttpClient http)
    : options_(std::move(options)), http_(std::move(http)) {
  // As in huggingface_hub: a mirror in HF_ENDPOINT may send us to the real hub, with the token.
  for (const char* url : {options_.endpoint.c_str(), "https://huggingface.co", "https://hf.co"}) {
    hub_origins_.push_back(base::url_origin(url));
  }
}

Result<HubClient> HubClient::create(HubOptions options) {
  const bool printable = std::all_of(options.token.begin(), options.token.end(),
                                     [](char c) { return c > ' ' && c <= '~'; });
  if (!printable) {
    return Error{ErrorCode::kInvalidArgument,
                 "The hub token holds a character that no token has. Check HF_TOKEN."};
  }
  CR_TRY_ASSIGN(base::HttpClient http, base::HttpClient::create(options.timeouts, options.cancel));
  if (base::url_origin(options.endpoint).empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "HF_ENDPOINT is \"" + options.endpoint +
                     "\", which is no address. It should look like https://huggingface.co."};
  }
  return HubClient(std::move(options), std::move(http));
}

bool HubClient::is_hub(std::string_view origin) const {
  return std::find(hub_origins_.begin(), hub_origins_.end(), origin) != hub_origins_.end();
}

base::HttpOutcome HubClient::follow(base::HttpRequest request, bool leave_hub,
                                    const base::BodySink& sink) {
  const std::vector<std::string> plain_headers = request.headers;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    const std::string origin = base::url_origin(request.url);
    request.headers = plain_headers;
    if (is_hub(origin) && !options_.token.empty()) {
      request.headers.push_back("Authorization: Bearer " + options_.token);
    }
    base::HttpOutcome outcome = http_.perform(request, sink);
    if (outcome.error && outcome.retry == base::Retry::kPatient) {  // it could not be reached
      outcome.error->message += " HF_ENDPOINT is the hub's address.";
    }
    if (outcome.error || outcome.reply.redirect.empty()) return outcome;
    const std::string next = base::url_origin(outcome.reply.redirect);
    if (!leave_hub && !is_hub(next)) return outcome;
    if (next.empty() || (origin.starts_with("https:") && !next.starts_with("https:"))) {
      outcome.error = {ErrorCode::kNetwork,
                       origin + " redirects to an address that is not https. Refused."};
      return outcome;
    }
    request.url = std::move(outcome.reply.redirect);
  }
  base::HttpOutcome outcome;
  outcome.error = {ErrorCode::kNetwork, shown_endpoint() + " redirects in a circle."};
  return outcome;
}

Result<base::HttpReply> HubClient::ask(const base::HttpRequest& request, bool leave_hub,
                                       std::string* body) {
  const base::BodySink sink = [&](const base::HttpReply&, std::string_view bytes) -> Result<void> {
    if (body == nullptr) return {};
    if (body->size() + bytes.size() > kMaxJsonBytes) {
      return Error{ErrorCode::kNetwork, shown_endpoint() + " answers with more than 16 MB."};
    }
    body->append(bytes);
    return {};
  };
  for (unsigned attempt = 1;; ++attempt) {
    if (body != nullptr) body->clear();
    base::HttpOutcome outcome = follow(request, leave_hub, sink);
    const bool again =
        outcome.error ? outcome.retry == base::Retry::kSoon : is_passing(outcome.reply);
    if (!again || attempt == kMaxAttempts) {
      if (outcome.error) return *std::move(outcome.error);
      return std::move(outcome.reply);
    }
    CR_TRY(wait(attempt, outcome.reply));
  }
}

Result<std::optional<Listing>> HubClient::list(std::string_view id, std::string_view revision) {
  base::HttpRequest request;
  request.url = options_.endpoint + "/api/models/" + std::string(id) + "/revision/" +
                base::url_escape(revision);
  request.headers = {"Accept: application/json", "Accept-Encoding: identity"};
  std::string body;
  CR_TRY_ASSIGN(const base::HttpReply reply, ask(request, true, &body));
  if (reply.status == 404 && reply.header("x-error-code").empty()) return std::optional<Listing>();
  if (reply.status / 100 != 2) return refusal(id, revision, reply);
  CR_TRY_ASSIGN(Listing listing, parse_listing(body));
  return std::optional<Listing>(std::move(listing));
}

Result<std::optional<RemoteFile>> HubClient::look_up(std::string_view id, std::string_view revision,
                                                     std::string_view file) {
  base::HttpRequest request;
  request.url = file_url(id, revision, file);
  request.method = base::HttpRequest::Method::kHead;
  request.headers = {"Accept-Encoding: identity"};  // the size and the ETag of the file itself
  CR_TRY_ASSIGN(const base::HttpReply reply, ask(request, false, nullptr));
  const bool leaves = !reply.redirect.empty();
  if (reply.status == 404 &&
      (reply.header("x-error-code").empty() || reply.header("x-error-code") == "EntryNotFound")) {
    return std::optional<RemoteFile>();
  }
  if (reply.status / 100 != 2 && !leaves) return refusal(id, revision, reply);
  RemoteFile out;
  out.name = file;
  out.commit = reply.header("x-repo-commit");
  out.etag = normalize_etag(reply.header("x-linked-etag").empty() ? reply.header("etag")
                                                                  : reply.header("x-linked-etag"));
  // The length of a redirect's body says nothing about the file.
  const std::string own_length = leaves ? "" : reply.header("content-length");
  const auto size = parse_number(
      reply.header("x-linked-size").empty() ? own_length : reply.header("x-linked-size"));
  const std::string what = shown_endpoint() + " announces no usable ";
  const std::string of = " of " + out.name + " in " + std::string(id) + ", so it is not fetched.";
  if (!is_digest(out.etag)) return Error{ErrorCode::kNetwork, what + "digest (ETag)" + of};
  if (!size) return Error{ErrorCode::kNetwork, what + "size" + of};
  if (!out.commit.empty() && !is_commit(out.commit)) {
    return Error{ErrorCode::kNetwork, what + "commit" + of};
  }
  out.size = *size;
  return std::optional<RemoteFile>(std::move(out));
}

base::HttpOutcome HubClient::read(std::string_view id, std::string_view commit,
                                  std::string_view file, std::uint64_t offset,
                                  const base::BodySink& sink) {
  base::HttpRequest request;
  request.url = file_url(id, commit, file);
  request.headers = {"Accept-Encoding: identity"};
  if (offset > 0) request.headers.push_back("Range: bytes=" + std::to_string(offset) + "-");
  return follow(std::move(request), true, sink);
}

Error HubClient::refusal(std::string_view id, std::string_view revision,
                         const base::HttpReply& reply) const {
  const std::string hub = shown_endpoint();
  const std::string name(id);
  const std::string token_page = " (" + hub + "/settings/tokens)";
  if (reply.header("x-error-code") == "RevisionNotFound") {
    return {ErrorCode::kModelNotFound,
            name + " has no revision \"" + std::string(revision) + "\" at " + hub + "."};
  }
  if (reply.status == 404 || reply.header("x-error-code") == "RepoNotFound") {
    return {ErrorCode::kModelNotFound,
            "There is no model " + name + " at " + hub +
                ", or it is private. Check the spelling; for a private model set HF_TOKEN."};
  }
  if (reply.header("x-error-code") == "GatedRepo" || reply.status == 403) {
    return {ErrorCode::kNetwork, name + " is gated or closed to you (HTTP " +
                                     std::to_string(reply.status) + "). Ask for access at " + hub +
                                     "/" + name + ", then set HF_TOKEN to a token of that account" +
                                     token_page + "."};
  }
  if (reply.status == 401) {
    return {ErrorCode::kNetwork,
            options_.token.empty()
                ? hub + " wants a token for " + name + " (HTTP 401). Check the spelling, or set " +
                      "HF_TOKEN to a token that may read it" + token_page + "."
                : hub + " refuses the token for " + name +
                      " (HTTP 401). Set HF_TOKEN to a valid one" + token_page + "."};
  }
  if (reply.status == 429) {
    return {ErrorCode::kNetwork, hub + " limits how much you may ask (HTTP 429). Wait " +
                                     (parse_number(reply.header("retry-after"))
                                          ? reply.header("retry-after") + " seconds"
                                          : std::string("a few minutes")) +
                                     ", or set HF_TOKEN for a higher limit."};
  }
  return {ErrorCode::kNetwork, hub + " answered HTTP " + std::to_string(reply.status) + " for " +
                                   name + ". Try again later, or check HF_ENDPOINT."};
}

Result<void> HubClient::wait(unsigned attempt, const base::HttpReply& reply) const {
  milliseconds left = std::min(options_.retry_delay * (1u << (attempt - 1)), kMaxDelay);
  if (const auto asked = parse_number(reply.header("retry-after")); asked && is_passing(reply)) {
    left = std::max(left, milliseconds(1000 * *asked));  // at most kMaxRetryAfterSeconds
  }
  if (!base::sleep_unless_cancelled(left, options_.cancel)) return download_cancelled();
  return {};
}

std::string HubClient::file_url(std::string_view id, std::string_view revision,
                                std::string_view file) const {
  return options_.endpoint + "/" + std::string(id) + "/resolve/" + base::url_escape(revision) +
         "/" + base::url_escape(file);
}

std::string HubClient::shown_endpoint() const {
  const std::size_t scheme = options_.endpoint.find("://");
  const std::size_t at = options_.endpoint.find('@');
  if (scheme == std::string::npos || at == std::string::npos) return options_.endpoint;
  return options_.endpoint.substr(0, scheme + 3) + options_.endpoint.substr(at + 1);
}

}  // namespace crossrank::hub
