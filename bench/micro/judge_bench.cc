// judge_bench: what a judging takes besides the LLM's own time. The LLM is a function that answers
// at once: prompt, request, answer, checks and order are real, and there is no network.
//
//   judge_bench [REQUESTS]
//
// Ten documents of 2,000 characters each, with metadata, one caller, no cache. Prints for each mode
//   MODE median_us p95_us calls
// of REQUESTS (2000) rankings, and fails where one of them is not judged as the answer says.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "crossrank/rerankers.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kDocuments = 10;
constexpr std::size_t kCharacters = 2000;

std::vector<crossrank::Document> documents() {
  constexpr std::array kWords = {"sleep", "is",   "a",     "state", "of",     "reduced",
                                 "and",   "mind", "cats,", "often", "energy", "hunting",
                                 "short", "they", "spend", "hours", "a day.", "researchers"};
  std::vector<crossrank::Document> out(kDocuments);
  std::size_t word = 0;
  for (std::size_t i = 0; i < kDocuments; ++i) {
    std::string& text = out[i].page_content;
    while (text.size() < kCharacters) {
      text.append(kWords[word % kWords.size()]) += ' ';
      word += 1 + i;
    }
    text.resize(kCharacters);
    out[i].metadata = {{"title", {"On the sleep of cats"}}, {"year", {1969}}};
  }
  return out;
}

// Rates c01 .. c10 by 1 .. 10.
std::string answer() {
  std::string ratings;
  for (std::size_t i = 1; i <= kDocuments; ++i) {
    ratings += std::string(ratings.empty() ? "" : ", ") + (i < 10 ? R"(\"c0)" : R"(\"c)") +
               std::to_string(i) + R"(\": {\"relevance\": )" + std::to_string(i) +
               R"(, \"reason\": \"It says how long cats sleep, and why they do.\"})";
  }
  return R"({"model": "none", "choices": [{"message": {"content": "{)" + ratings +
         R"(}"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})";
}

void run(const char* name, crossrank::JudgeOptions options, std::size_t requests) {
  options.top_k = 0;
  options.url = "http://localhost/v1";
  options.model = "none";
  options.cache_entries = 0;
  options.transport = [body = answer()](const crossrank::JudgeHttpRequest&) {
    return crossrank::JudgeHttpReply{.status = 200, .body = body};
  };
  const auto judge = crossrank::LlmJudge::create(options).value();
  const std::vector<crossrank::Document> list = documents();
  const bool listwise = options.mode == crossrank::JudgeMode::kListwise;
  std::vector<double> microseconds;
  std::size_t calls = 0;
  for (std::size_t i = 0; i < requests; ++i) {
    const Clock::time_point start = Clock::now();
    const auto ranking = judge.rank("why do cats sleep so much", list).value();
    microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    calls = ranking.judge.calls;
    const auto& best = ranking.results.front();
    const bool right = ranking.judge.outcome == crossrank::JudgeOutcome::kJudged &&
                       ranking.results.size() == kDocuments && best.judge &&
                       (!listwise || best.judge->relevance >= 5.5);
    if (!right) throw std::runtime_error(std::string(name) + ": not judged as the answer says");
  }
  std::sort(microseconds.begin(), microseconds.end());
  std::printf("%s %.0f %.0f %zu\n", name, microseconds[requests / 2],
              microseconds[requests * 95 / 100], calls);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t requests = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2000;
  if (requests == 0 || argc > 2) {
    std::fputs("usage: judge_bench [REQUESTS]\n", stderr);
    return 2;
  }
  try {
    run("listwise", {}, requests);
    run("two_pass", {.order_bias = crossrank::OrderBias::kTwoPass}, requests);
    run("pointwise", {.mode = crossrank::JudgeMode::kPointwise}, requests);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "judge_bench: %s\n", e.what());
    return 1;
  }
  return 0;
}
