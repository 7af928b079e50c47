// What a chat server answers, taken apart and checked; trusts nothing in it. Sends nothing.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"

namespace crossrank::judge {

// What stands for a secret.
inline constexpr std::string_view kRedacted = "[redacted]";

// Takes what must not be shown out of a text; an empty one takes nothing.
using Redact = std::function<std::string(std::string_view text)>;

struct Rating {
  double relevance = 0;  // 0 to 10; whole unless from log-probabilities
  std::string reason;    // valid UTF-8, at most 200 code points
};

// By place. An empty one: missing, repeated as a key, not an integer, or out of range.
using Ratings = std::vector<std::optional<Rating>>;

// Ratings of c01 .. c(places) in what a model wrote: an object, alone or amid prose; of several the
// one with the most ratings, of equals the last, since drafts come first. Members with other names
// are ignored. All empty when there is no such object.
Ratings read_ratings(std::string_view content, std::size_t places, const Redact& redact = {});

struct Usage {
  std::size_t prompt_tokens = 0, completion_tokens = 0;

  void add(const Usage& other) {
    prompt_tokens += other.prompt_tokens;
    completion_tokens += other.completion_tokens;
  }
};

// The parts of a chat completion that count.
struct Completion {
  std::string content;
  std::string finish_reason;
  std::string model;           // "" = not said
  std::optional<Usage> usage;  // empty unless both numbers are there
  bool refused = false;        // by its refusal member, or filtered
  // The mean of 0..10 under the log-probabilities where c01's rating is written, where it is wanted
  // and the server gives them.
  std::optional<double> expected_relevance;
};

// Errors: kBadInput with a sentence, for a body that is no chat completion; kNetwork for an error
// that came with a 200.
Result<Completion> read_completion(std::string_view body, bool wants_expected_relevance = false,
                                   const Redact& redact = {});

// What an error body says, as {"error": {"message"}}, {"error"}, {"detail"} or {"message"} or plain
// text: one line of at most 300 bytes; "" for none.
std::string error_text(std::string_view body, const Redact& redact = {});

// Seconds in a Retry-After header: a number, or a date seen from now. Empty for anything else;
// never negative.
std::optional<double> retry_after_seconds(std::string_view header);

}  // namespace crossrank::judge
