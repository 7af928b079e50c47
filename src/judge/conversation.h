// One question to the judge, until it is answered or given up: format fallback, one repetition, one
// repair, within a deadline. Knows nothing of modes, caches or final orders.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/judge.h"
#include "judge/answer.h"
#include "judge/chat_server.h"
#include "judge/pace.h"
#include "judge/prompt.h"
#include "judge/request.h"

namespace crossrank::judge {

struct Question {
  std::string_view query;
  std::string_view context;
  std::span<const Candidate> candidates;  // 1 to kMaxCandidates
  // The candidates and what stands behind them, unasked: an answer is to rate half of all these.
  std::size_t documents = 0;
  Deal deal;
  bool logprobs = false;  // worth asking for: there is one candidate
};

// What the server was found to refuse, so that the next question does not ask for it again.
struct Learned {
  std::atomic<ResponseFormat> format{ResponseFormat::kJsonSchema};  // the strictest it may take
  std::atomic<bool> no_logprobs{false};
};

// What the questions of one ranking share.
struct Round {
  Clock::time_point deadline;
  const std::atomic<bool>* cancel = nullptr;
  std::string_view traceparent = {};
  Pace pace{};
};

struct Settled {
  JudgeOutcome outcome = JudgeOutcome::kJudged;
  std::string message;
  Ratings ratings;                     // by candidate
  std::vector<std::size_t> chars_cut;  // by candidate
  std::vector<bool> metadata_cut;      // by candidate
  std::size_t query_chars_cut = 0, context_chars_cut = 0;
  std::size_t calls = 0;
  Usage usage;
  std::size_t unmetered_calls = 0;       // of which no usage is known: no answer, or not said
  std::string model;                     // "" = not said
  std::optional<ResponseFormat> format;  // of the last answer
};

// kJudged, kRepaired and kPartial come with ratings; with every other outcome they are all empty.
Settled settle(const Question& question, const JudgeOptions& options, const ChatServer& server,
               Learned& learned, Round& round);

// What becomes of a question that is not asked since there is no time for its answer.
Settled not_asked(const Question& question);

// The body of the first request that settle() would send; "" when it would send none, since fewer
// than half of the documents fit.
std::string first_request(const Question& question, const JudgeOptions& options,
                          const Learned& learned);

}  // namespace crossrank::judge
