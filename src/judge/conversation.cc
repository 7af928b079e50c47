// The course of one question, top to bottom in Conversation::run.
#include "judge/conversation.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/cancel.h"
#include "judge/prompt_text.h"

namespace crossrank::judge {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLeastCall{20};    // with less time left no call is made: no LLM is so fast
constexpr milliseconds kUnsaidWait{500};  // before a 429 or 503 without Retry-After is repeated
constexpr std::size_t kAnswerTokensBase = 64;  // braces, labels, and a model's preamble
constexpr std::size_t kAnswerTokensEach = 96;  // 200 characters are some 50 tokens, and 30 of JSON

bool mentions(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != text.npos; });
}

constexpr std::string_view kLate = "The judge did not answer in time.";
constexpr std::string_view kCancelled = "The call was cancelled.";

// An answer that rates fewer than half of the documents counts as none.
bool is_half(std::size_t rated, const Question& question) {
  return 2 * rated >= question.documents;
}

std::size_t answer_tokens(const Question& question, const JudgeOptions& options) {
  if (options.answer_tokens != 0) return options.answer_tokens;
  return kAnswerTokensBase + kAnswerTokensEach * question.candidates.size();
}

Prompt prompt_of(const Question& question, const JudgeOptions& options, TokenCount count) {
  const std::size_t answer = answer_tokens(question, options);
  PromptLimits limits;
  limits.prompt_tokens = options.context_tokens > answer ? options.context_tokens - answer : 0;
  limits.document_tokens = options.document_tokens;
  limits.count = count;
  return make_prompt(question.query, question.context, question.candidates, question.deal, limits);
}

RequestShape first_shape(const Question& question, const JudgeOptions& options,
                         const Learned& learned) {
  return {.format = learned.format,
          .logprobs = question.logprobs && !learned.no_logprobs,
          .answer_tokens = answer_tokens(question, options)};
}

ResponseFormat simpler(ResponseFormat format) {
  return format == ResponseFormat::kJsonSchema ? ResponseFormat::kJsonObject
                                               : ResponseFormat::kText;
}

// What a status that is not 2xx asks for. kUnclear may be of the format, too, but does not say so.
enum class Refusal { kTooLong, kLogprobs, kFormat, kUnclear, kLater, kFinal };

Refusal refusal_of(const JudgeHttpReply& reply) {
  if (reply.status == 429 || reply.status == 503) return Refusal::kLater;
  const std::string said = base::ascii_lower(error_text(reply.body));
  const bool of_request = reply.status == 400 || reply.status == 413 || reply.status == 422;
  if (of_request && mentions(said, {"context_length", "context length", "context size",
                                    "context window", "maximum context", "too many tokens",
                                    "prompt is too long", "exceeds the available context"})) {
    return Refusal::kTooLong;
  }
  if (reply.status == 413) return Refusal::kFinal;  // too large in any format
  if (of_request && mentions(said, {"logprobs"})) return Refusal::kLogprobs;
  const bool of_format = mentions(said, {"response_format", "schema", "grammar"});
  if (of_request || reply.status == 501) return of_format ? Refusal::kFormat : Refusal::kUnclear;
  return of_format && reply.status == 500 ? Refusal::kFormat : Refusal::kFinal;
}

class Conversation {
 public:
  Conversation(const Question& question, const JudgeOptions& options, const ChatServer& server,
               Learned& learned, Round& round)
      : question_(question),
        options_(options),
        server_(server),
        learned_(learned),
        deadline_(round.deadline),
        cancel_(round.cancel),
        traceparent_(round.traceparent),
        redact_([&server](std::string_view text) { return server.redact(text); }),
        turn_(round.pace),
        shape_(first_shape(question, options, learned)) {
    settled_.ratings.resize(question.candidates.size());
    settled_.chars_cut.resize(question.candidates.size());
    settled_.metadata_cut.resize(question.candidates.size());
  }

  Settled run() {
    compose(TokenCount::kEstimate);
    while (!finished_) ask();
    return std::move(settled_);
  }

 private:
  void compose(TokenCount count) {
    prompt_ = prompt_of(question_, options_, count);
    if (!is_half(prompt_.places(), question_)) {
      finish(JudgeOutcome::kBudgetExhausted,
             "Only " + std::to_string(prompt_.places()) + " of " +
                 std::to_string(question_.documents) +
                 " candidates fit the judge's prompt: JudgeOptions::context_tokens is " +
                 std::to_string(options_.context_tokens) + ", too few.");
      return;
    }
    settled_.query_chars_cut = prompt_.query_chars_cut;
    settled_.context_chars_cut = prompt_.context_chars_cut;
    settled_.chars_cut.assign(question_.candidates.size(), 0);
    settled_.metadata_cut.assign(question_.candidates.size(), false);
    for (std::size_t place = 0; place < prompt_.places(); ++place) {
      settled_.chars_cut[prompt_.order[place]] = prompt_.chars_cut[place];
      settled_.metadata_cut[prompt_.order[place]] = prompt_.metadata_cut[place];
    }
  }

  void ask() {
    if (!turn_.await(deadline_ - kLeastCall, cancel_)) return give_up_unsent();
    const milliseconds left = std::max(remaining(), kLeastCall);  // 0 would be for ever
    Prompt prompt = prompt_;
    prompt.user += repair_;
    const JudgeHttpReply reply =
        server_.post(request_body(prompt, options_.model, options_.seed, shape_, options_.params),
                     left, cancel_, traceparent_);
    ++settled_.calls;
    ++settled_.unmetered_calls;  // until it says what it took
    if (base::is_cancelled(cancel_)) return give_up(JudgeOutcome::kTimeout, kCancelled);
    if (reply.status == 0) {
      const bool late = reply.timed_out || remaining() < kLeastCall;
      return give_up(late ? JudgeOutcome::kTimeout : JudgeOutcome::kProviderError,
                     late ? kLate : reply.error);
    }
    if (reply.status / 100 != 2) return take_refusal(reply);
    turn_.served();
    if (!reply.error.empty()) return give_up(JudgeOutcome::kMalformed, reply.error);
    take_answer(reply.body);
  }

  void give_up_unsent() {
    if (base::is_cancelled(cancel_)) return give_up(JudgeOutcome::kTimeout, kCancelled);
    if (const std::string refusal = turn_.refusal(); !refusal.empty()) {
      return give_up(JudgeOutcome::kProviderError, refusal);
    }
    give_up(JudgeOutcome::kBudgetExhausted, "No time was left for the judge.");
  }

  void take_refusal(const JudgeHttpReply& reply) {
    const std::string said =
        reply.error.empty() ? error_text(reply.body, redact_) : reply.error;  // of 1 MB and more
    const std::string status = "The judge's server answered HTTP " + std::to_string(reply.status);
    const std::string sentence = said.empty() ? status + "." : status + ": " + said;
    const Refusal refusal = refusal_of(reply);
    if (refusal != Refusal::kLater) turn_.served();
    switch (refusal) {
      case Refusal::kLater: return wait_once(reply, sentence);
      case Refusal::kTooLong:
        if (repairs_ == 0) {  // the estimate was wrong for these texts: take what is always enough
          ++repairs_;
          return compose(TokenCount::kWorstCase);
        }
        break;
      case Refusal::kLogprobs:
        if (shape_.logprobs) {
          shape_.logprobs = false;
          learned_.no_logprobs = true;
          return;
        }
        [[fallthrough]];
      case Refusal::kFormat:
      case Refusal::kUnclear:
        if (shape_.format == ResponseFormat::kText) break;
        shape_.format = simpler(shape_.format);
        if (refusal == Refusal::kFormat) needed_format_ = shape_.format;
        return;
      case Refusal::kFinal: break;
    }
    give_up(JudgeOutcome::kProviderError, sentence);
  }

  // A 429 or 503 is repeated once, when the wait it asks for leaves time for the call.
  void wait_once(const JudgeHttpReply& reply, const std::string& sentence) {
    // A refusal for the sake of others is not the one after which it is given up.
    if (waited_ && !(turn_.overtaken() && excuses_-- > 0)) {
      turn_.refused(sentence);
      return give_up(JudgeOutcome::kProviderError, sentence);
    }
    const auto asked = retry_after_seconds(reply.retry_after);
    const milliseconds left = std::max(remaining(), milliseconds(0));
    const milliseconds wait = asked ? milliseconds(static_cast<milliseconds::rep>(std::min(
                                          *asked * 1000, static_cast<double>(left.count()))))
                                    : kUnsaidWait;
    const bool overtaken = turn_.pause(Clock::now() + wait);  // the ranking's other questions, too
    if (!waited_) waited_ = !(overtaken && excuses_-- > 0);
    if (wait + kLeastCall > left) {
      give_up(JudgeOutcome::kBudgetExhausted,
              sentence + (asked ? " (it asks for a longer wait than there is time)"
                                : " (no time is left to ask again)"));
    }
  }

  void take_answer(const std::string& body) {
    const bool wants_expected_relevance = shape_.logprobs && prompt_.places() == 1;
    auto completion = read_completion(body, wants_expected_relevance, redact_);
    if (!completion.ok()) {
      const std::string sentence = server_.redact(completion.error().message);
      if (completion.error().code == ErrorCode::kNetwork) {
        return give_up(JudgeOutcome::kProviderError, sentence);
      }
      return repair_or(sentence);
    }
    learn();
    settled_.format = shape_.format;
    if (completion->usage) {
      --settled_.unmetered_calls;
      settled_.usage.add(*completion->usage);
    }
    if (!completion->model.empty()) settled_.model = completion->model;
    if (completion->refused) return give_up(JudgeOutcome::kRefused, "The model refused to answer.");
    Ratings ratings = read_ratings(completion->content, prompt_.places(), redact_);
    if (ratings.size() == 1 && ratings[0] && completion->expected_relevance) {
      ratings[0]->relevance = *completion->expected_relevance;
    }
    for (std::size_t place = 0; place < ratings.size(); ++place) {
      auto& kept = settled_.ratings[prompt_.order[place]];
      if (!kept) kept = std::move(ratings[place]);
    }
    if (missing().empty()) {
      if (rated() == settled_.ratings.size()) {
        return finish(repairs_ > 0 ? JudgeOutcome::kRepaired : JudgeOutcome::kJudged, "");
      }
      return finish(JudgeOutcome::kPartial, "Not all candidates fit the judge's prompt.");
    }
    const bool cut = completion->finish_reason == "length";
    repair_or(cut ? "The judge's answer ended at its token limit."
                  : "The judge's answer has no valid rating for " +
                        std::to_string(prompt_.places() - rated()) + " of " +
                        std::to_string(prompt_.places()) + " documents.");
  }

  // The next question begins with what the server can do, unless it knows better already.
  void learn() {
    ResponseFormat known = learned_.format;
    while (known < needed_format_ &&
           !learned_.format.compare_exchange_weak(known, needed_format_)) {
    }
  }

  // The labels that were asked about and have no rating, with commas between.
  std::string missing() const {
    std::string labels;
    for (std::size_t place = 0; place < prompt_.places(); ++place) {
      if (settled_.ratings[prompt_.order[place]]) continue;
      if (!labels.empty()) labels += ", ";
      labels += label(place);
    }
    return labels;
  }

  // Asks once more, with what was wrong and more room for the answer.
  void repair_or(const std::string& sentence) {
    if (repairs_ > 0) return give_up(JudgeOutcome::kMalformed, sentence);
    ++repairs_;
    repair_ = "\n" + std::string(kRepair) + missing() + ".";
    const std::size_t used = count_tokens(prompt_.system, TokenCount::kEstimate) +
                             count_tokens(prompt_.user, TokenCount::kEstimate) +
                             count_tokens(repair_, TokenCount::kEstimate);
    const std::size_t room = options_.context_tokens - std::min(options_.context_tokens, used);
    shape_.answer_tokens = std::clamp(room, shape_.answer_tokens, 2 * shape_.answer_tokens);
  }

  std::size_t rated() const {
    return static_cast<std::size_t>(std::count_if(settled_.ratings.begin(), settled_.ratings.end(),
                                                  [](const auto& r) { return r.has_value(); }));
  }

  // Ends with what there is: partial when at least half of the documents are rated, else `outcome`
  // with none.
  void give_up(JudgeOutcome outcome, std::string_view sentence) {
    if (is_half(rated(), question_)) return finish(JudgeOutcome::kPartial, sentence);
    for (auto& rating : settled_.ratings) rating.reset();
    finish(outcome, sentence);
  }

  void finish(JudgeOutcome outcome, std::string_view sentence) {
    settled_.outcome = outcome;
    settled_.message = sentence;
    finished_ = true;
  }

  milliseconds remaining() const {
    return std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now());
  }

  const Question& question_;
  const JudgeOptions& options_;
  const ChatServer& server_;
  Learned& learned_;
  const Clock::time_point deadline_;
  const std::atomic<bool>* cancel_;
  const std::string_view traceparent_;
  const Redact redact_;
  Pace::Turn turn_;
  Prompt prompt_;
  RequestShape shape_;
  ResponseFormat needed_format_ = ResponseFormat::kJsonSchema;  // as far as the server has said so
  std::string repair_;
  int repairs_ = 0;
  bool waited_ = false;
  int excuses_ = 3;  // more than the others that can be under way need, but not for ever
  bool finished_ = false;
  Settled settled_;
};

}  // namespace

Settled settle(const Question& question, const JudgeOptions& options, const ChatServer& server,
               Learned& learned, Round& round) {
  return Conversation(question, options, server, learned, round).run();
}

Settled not_asked(const Question& question) {
  Settled settled;
  settled.outcome = JudgeOutcome::kTimeout;
  settled.message = kLate;
  settled.ratings.resize(question.candidates.size());
  settled.chars_cut.resize(question.candidates.size());
  settled.metadata_cut.resize(question.candidates.size());
  return settled;
}

std::string first_request(const Question& question, const JudgeOptions& options,
                          const Learned& learned) {
  const Prompt prompt = prompt_of(question, options, TokenCount::kEstimate);
  if (!is_half(prompt.places(), question)) return "";
  return request_body(prompt, options.model, options.seed, first_shape(question, options, learned),
                      options.params);
}

}  // namespace crossrank::judge
