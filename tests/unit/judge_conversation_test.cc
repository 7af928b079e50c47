// One question to a scripted judge: which outcomes come with ratings.
#include "judge/conversation.h"

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/fake_chat.h"
#include "tests/support/judge_rank.h"

namespace crossrank::judge {
namespace {

using namespace std::chrono_literals;

Settled settle_scripted(const std::vector<FakeChat::Step>& script, std::size_t candidates,
                        const std::atomic<bool>* cancel) {
  const FakeChat chat(script);
  JudgeOptions options = options_of(chat);
  const auto server = ChatServer::create(options).value();
  const std::vector<Document> list = documents(candidates);
  std::vector<Candidate> shown;
  for (const Document& document : list)
    shown.push_back({.content = document.page_content, .metadata = {}});
  const Question question{.query = "q",
                          .context = "",
                          .candidates = shown,
                          .documents = candidates,
                          .deal = deal(candidates, 1).value()};
  Learned learned;
  Round round{.deadline = Clock::now() + 5s, .cancel = cancel};
  return settle(question, options, *server, learned, round);
}

std::size_t rated(const Settled& settled) {
  std::size_t count = 0;
  for (const auto& rating : settled.ratings) count += rating.has_value();
  return count;
}

TEST(Conversation, RatingsComeWithTheOutcomesThatSaySo) {
  for (const int first : {1, 3}) {  // of 4 documents
    std::atomic<bool> cancel{false};
    const FakeChat::Step some =
        rates([=](const std::string& c) { return number_in(c) < first ? 5 : -1; });
    const Settled settled =
        settle_scripted({some,
                         [&](const JudgeHttpRequest&) {
                           cancel = true;
                           return JudgeHttpReply{.status = 0, .error = "cancelled"};
                         }},
                        4, &cancel);
    EXPECT_EQ(settled.calls, 2u);
    EXPECT_EQ(to_string(settled.outcome), first == 1 ? "timeout" : "partial");
    EXPECT_EQ(rated(settled), first == 1 ? 0u : 3u);
  }
}

TEST(Conversation, UnusedRatingsAreDropped) {
  const FakeChat::Step one = rates([](const std::string& c) { return number_in(c) == 0 ? 5 : -1; });
  const Settled settled = settle_scripted({one}, 4, nullptr);
  EXPECT_EQ(settled.outcome, JudgeOutcome::kMalformed);
  EXPECT_EQ(rated(settled), 0u);
}

}  // namespace
}  // namespace crossrank::judge
