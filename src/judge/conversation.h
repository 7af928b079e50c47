// One question to the judge, until it is answered or given up: format fallback, one repetition, one
// repair, within a deadline. Knows nothing of modes, caches or final orders.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crossrank/judge.h"
#include "judge/answer.h"
#include "judge/chat_server.h"
#include "judge/prompt.h"
#include "judge/request.h"

namespace crossrank::judge {

using Clock = std::chrono::steady_clock;

struct Question {
  std::string_view query;
  std::string_view context;
  std::span<const Candidate> candidates;  // 1 to kMaxCandidates
  Deal deal;
  bool logprobs = false;  // worth asking for: there is one candidate
};

// What the server was found to refuse, so that the next question does not ask for it again.
struct Learned {
  std::atomic<ResponseFormat> format{ResponseFormat::kJsonSchema};
  std::atomic<bool> no_logprobs{false};
};

struct Settled {
  JudgeOutcome outcome = JudgeOutcome::kJudged;
  std::string message;
  Ratings ratings;                     // by candidate
  std::vector<std::size_t> chars_cut;  // by candidate
  std::size_t query_chars_cut = 0, context_chars_cut = 0;
  std::size_t calls = 0;
  Usage usage;
  std::size_t unmetered_calls = 0;       // of which no usage is known: no answer, or not said
  std::string model;                     // "" = not said
  std::optional<ResponseFormat> format;  // of the last answer
};

// kJudged, kRepaired and kPartial come with ratings; with every other outcome they are all empty.
Settled settle(const Question& question, const JudgeOptions& options, const ChatServer& server,
               Learned& learned, Clock::time_point deadline, const std::atomic<bool>* cancel);

// What becomes of a question that is not asked since there is no time for its answer.
Settled not_asked(const Question& question);

// The body of the first request that settle() would send; "" when it would send none, since fewer
// than half of the candidates fit.
std::string first_request(const Question& question, const JudgeOptions& options,
                          const Learned& learned);

}  // namespace crossrank::judge
