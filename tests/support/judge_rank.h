// Documents, options and rankings for tests of LlmJudge over a FakeChat.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "crossrank/rerankers.h"
#include "tests/support/fake_chat.h"

namespace crossrank {

// "doc 0", "doc 1", ...
inline std::vector<Document> documents(std::size_t n) {
  std::vector<Document> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    out[i].id = "d" + std::to_string(i);
    out[i].page_content = "doc " + std::to_string(i);
  }
  return out;
}

// The number in "| doc 7\n".
inline int number_in(const std::string& content) {
  const std::size_t at = content.find("doc ");
  return at == std::string::npos ? 0 : std::stoi(content.substr(at + 4));
}

inline const FakeChat::Step kByNumber =
    rates([](const std::string& c) { return number_in(c) % 11; });

inline JudgeOptions options_of(const FakeChat& chat) {
  JudgeOptions options;
  options.url = "http://judge.example/v1";
  options.model = "m";
  options.top_k = 0;
  options.transport = chat.transport();
  options.cache_entries = 0;
  options.timeout = std::chrono::seconds(5);
  return options;
}

inline JudgedRanking rank(std::size_t n, JudgeOptions options) {
  const LlmJudge judge = LlmJudge::create(std::move(options)).value();
  return judge.rank("query", documents(n)).value();
}

inline JudgedRanking rank(const FakeChat& chat, std::size_t n = 6) {
  return rank(n, options_of(chat));
}

inline std::vector<std::size_t> order(const Ranking& ranking) {
  std::vector<std::size_t> out;
  for (const RankedDocument& result : ranking.results) out.push_back(result.index);
  return out;
}

}  // namespace crossrank
