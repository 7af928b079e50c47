// The prompt of one question: candidates in a dealt order, fenced, cut so that they fit. Sends
// nothing and reads no answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/result.h"
#include "judge/untrusted.h"

namespace crossrank::judge {

// More would not fit two-digit labels, nor any reader's patience.
inline constexpr std::size_t kMaxCandidates = 99;

// What the judge is shown of a document. Views: they outlive the question.
struct Candidate {
  std::string_view content;  // any bytes
  struct Field {
    std::string_view name;
    std::string value;
  };
  std::vector<Field> metadata;
};

// "c01" for 0.
std::string label(std::size_t place);

// What makes two questions differ in form alone: the fence and the order of the candidates.
struct Deal {
  std::string fence;               // 32 hex digits: nobody guesses one of 2^128 for one call
  std::vector<std::size_t> order;  // a permutation of the candidates
};

// 64 random bits a call.
using RandomSource = std::function<std::uint64_t()>;

// The operating system's, opened at its first call. Throws what std::random_device throws.
RandomSource system_random();

// A random fence and a random order, from `system`; with a seed from that alone. Error: kIoError
// when `system` throws.
Result<Deal> deal(std::size_t candidates, std::optional<std::uint64_t> seed,
                  const RandomSource& system = system_random());

struct PromptLimits {
  std::size_t prompt_tokens = 0;    // for both messages
  std::size_t document_tokens = 0;  // of each candidate's content; half as many of its metadata
  TokenCount count = TokenCount::kEstimate;
};

struct Prompt {
  std::string system;
  std::string user;
  // order[place] = candidate; label(place) names it. These are the first candidates, as many as
  // there is room for, in the order of the deal.
  std::vector<std::size_t> order;
  // By place: code points of the candidate's content that are left out, and whether some of its
  // metadata is.
  std::vector<std::size_t> chars_cut;
  std::vector<bool> metadata_cut;
  std::size_t query_chars_cut = 0, context_chars_cut = 0;

  std::size_t places() const { return order.size(); }
};

// The prompt, with at most limits.prompt_tokens tokens; without a place when not even one candidate
// fits. Query and context are cut to a quarter of the prompt each.
Prompt make_prompt(std::string_view query, std::string_view context,
                   std::span<const Candidate> candidates, const Deal& deal,
                   const PromptLimits& limits);

// {"type": "object", ...} that an answer about `places` candidates must meet. The same for the same
// number of candidates, so that providers compile it once.
std::string answer_schema(std::size_t places);

}  // namespace crossrank::judge
