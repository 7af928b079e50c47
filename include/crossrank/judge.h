// Options and results of the LLM judge: plain data. LlmJudge itself is in rerankers.h.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crossrank {

/// What became of the judging. Every ranking has one.
enum class JudgeOutcome : std::uint8_t {
  kJudged,            ///< Every candidate has a valid verdict.
  kRepaired,          ///< The same, after a second question for what the first answer lacked.
  kPartial,           ///< At least half of the documents have one; or one of two passes failed.
  kRefused,           ///< The model refused to answer.
  kTimeout,           ///< No answer came within the time budget.
  kMalformed,         ///< The answers cover fewer than half of the documents.
  kProviderError,     ///< The server could not be reached, or answered with an error.
  kBudgetExhausted,   ///< No time for a call that was due, or no room for half of the documents.
  kSkippedConfident,  ///< No call: the cross-encoder's gap was decisive (skip_if_gap).
};

/// The name of an outcome, for example "skipped_confident". Never empty.
[[nodiscard]] std::string_view to_string(JudgeOutcome outcome) noexcept;

/// One call for all candidates, or one for each.
enum class JudgeMode : std::uint8_t { kListwise, kPointwise };

/// kTwoPass asks twice, the second time with the candidates in reverse order, and takes the mean.
enum class OrderBias : std::uint8_t { kIgnore, kTwoPass };

/// A member of the request's body: added, replaced, or with "null" removed.
struct JudgeParam {
  std::string name = {};
  std::string json = {};  ///< The value as JSON, for example "0.2".
};

/// One request and what came back, without secrets: the key and the values of the caller's own
/// headers, whole and in pieces of 8 characters and more, are "[redacted]". `status` 0 = no answer.
struct JudgeExchange {
  std::string url = {};
  std::vector<std::string> headers = {};
  std::string request = {};  ///< The body, JSON.
  long status = 0;
  std::string response = {};  ///< The body, as far as it was read.
  std::string error = {};     ///< Why there is no answer; "" when there is one.
  std::chrono::microseconds elapsed{0};
};

/// An HTTP POST as a transport of the caller's own gets it. The key is among the headers.
struct JudgeHttpRequest {
  std::string url = {};
  std::vector<std::string> headers = {};  ///< "Name: value".
  std::string body = {};
  std::chrono::milliseconds timeout{0};  ///< To be kept: nobody stops a transport that does not.
  const std::atomic<bool>* cancel = nullptr;
};

struct JudgeHttpReply {
  long status = 0;               ///< 0 = no answer, see `error`.
  std::string body = {};         ///< Of any status. Unusable when there is an `error`.
  std::string retry_after = {};  ///< The header, "" when absent.
  std::string error = {};
  bool timed_out = false;  ///< JudgeHttpRequest::timeout is over; then no other call follows.
};

using JudgeTransport = std::function<JudgeHttpReply(const JudgeHttpRequest& request)>;

/// Options of LlmJudge. An empty url, model or key is taken from CROSSRANK_JUDGE_URL, _MODEL and
/// _API_KEY.
struct JudgeOptions {
  std::size_t top_k = 4;          ///< 0 = all.
  std::string url = {};           ///< "https://api.openai.com/v1": what /chat/completions follows.
  std::string model = {};         ///< What the server calls the model.
  std::string api_key_env = {};   ///< The variable that holds the key.
  std::string api_key_file = {};  ///< Or a file that holds it; white space around is cut.
  std::vector<std::string> headers = {};      ///< More headers, "Name: value"; never shown.
  std::string proxy = {};                     ///< "" = the environment's (https_proxy, no_proxy).
  std::string ca_bundle = {};                 ///< A PEM file; "" = the system's.
  std::chrono::milliseconds timeout{30'000};  ///< For all calls of one ranking; 24 hours at most.
  JudgeMode mode = JudgeMode::kListwise;
  OrderBias order_bias = OrderBias::kIgnore;
  std::size_t concurrency = 4;  ///< Calls at a time (pointwise, two passes).
  /// Fixes fences and the order of the candidates, and is the request's `seed`: for tests and dry
  /// runs only, since whoever knows the seed knows the fences.
  std::optional<std::uint64_t> seed = {};
  std::vector<JudgeParam> params = {};
  std::size_t context_tokens = 8192;  ///< The model's window: prompt and answer together.
  std::size_t document_tokens = 512;  ///< Of each text at most, by a careful estimate; half as many
                                      ///< of its metadata.
  std::size_t answer_tokens = 0;      ///< 0 = 64 and 96 for each candidate.
  /// No call when the logits at rank top_k and behind it differ by this much (HybridReRanker).
  std::optional<float> skip_if_gap = {};
  /// JSON: {"MODEL": {"input_per_million": 0.15, "output_per_million": 0.6}}. "" = no cost.
  std::string price_file = {};
  std::size_t cache_entries = 256;  ///< Judged lists that are remembered; 0 = none.
  /// Called by one thread at a time. A std::exception that it throws is dropped.
  std::function<void(const JudgeExchange&)> trace = {};
  /// Instead of libcurl. Called by several threads. A std::exception that it throws is an `error`.
  JudgeTransport transport = {};
};

/// What belongs to one call of rank().
struct JudgeCall {
  std::string_view context = {};  ///< For the judge alone: a conversation, a user's profile.
  /// What the caller has for all of it; half of that, and at most JudgeOptions::timeout, is the
  /// judge's. 0 = no limit of the caller's.
  std::chrono::milliseconds deadline{0};
  std::chrono::milliseconds spent{0};  ///< Of the deadline, before rank() was called.
  /// W3C Trace Context, a header of the requests for this call; "" = none. Printable ASCII.
  std::string_view traceparent = {};
  const std::atomic<bool>* cancel = nullptr;  ///< Set it to stop with ErrorCode::kCancelled.
};

/// What the judge says of one document.
struct JudgeVerdict {
  double relevance = 0;     ///< 0 to 10; whole but for means of two passes and expected values.
  std::string reason = {};  ///< At most 200 code points; the model's words.
  std::optional<double> disagreement = {};  ///< Difference of the two passes.
  std::size_t chars_cut = 0;  ///< Code points of page_content that the judge did not see.
};

/// How a ranking was judged, and at what price.
struct JudgeReport {
  JudgeOutcome outcome = JudgeOutcome::kJudged;
  bool degraded = false;     ///< A call was due, and a returned position is not judged.
  std::string message = {};  ///< What went wrong, a sentence; "" when nothing did.
  std::size_t calls = 0;     ///< Requests that were sent.
  std::size_t prompt_tokens = 0, completion_tokens = 0;  ///< As the server counts.
  /// In the price file's currency; empty when unknown, as it is when a call had no answer or one
  /// that does not count its tokens.
  std::optional<double> cost = {};
  std::string response_format = {};  ///< json_schema, json_object or text; "" without an answer.
  std::string prompt_version = {};
  std::string model = {};                   ///< As the server calls it, else as was asked for.
  std::optional<double> disagreement = {};  ///< Mean of the documents', of two passes.
  std::size_t cut_documents = 0;            ///< Candidates whose text or metadata it saw in part.
  std::size_t query_chars_cut = 0;          ///< Code points of the query that it did not see.
  std::size_t context_chars_cut = 0;        ///< The same of the context.
  bool cached = false;                      ///< Remembered, or shared with a call under way.
  std::chrono::microseconds elapsed{0};
};

}  // namespace crossrank
