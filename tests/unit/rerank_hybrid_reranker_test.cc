// HybridReRanker on a tiny model and a scripted judge: what each stage decides, and who stops it.
#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crossrank/rerankers.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_chat.h"
#include "tests/support/judge_rank.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Hybrid : public testing::Test {
 protected:
  Hybrid()
      : encoder_(std::make_shared<const CrossEncoder>(
            CrossEncoder::load(model_.folder(), {.threads = 2}).value())) {
    std::mt19937 random(8);
    for (std::size_t i = 0; i < 30; ++i) {
      Document document;
      document.id = "d" + std::to_string(i);
      document.page_content = "doc " + std::to_string(i) + " " + tiny_words(random, 2 + i % 20);
      documents_.push_back(document);
    }
  }

  CrossEncoderReRanker first_stage(const ReRankOptions& options = {.top_k = 10}) const {
    return CrossEncoderReRanker::create(encoder_, options).value();
  }

  HybridReRanker hybrid(const JudgeOptions& judge, const HybridOptions& options = {}) const {
    return HybridReRanker::create(first_stage(), LlmJudge::create(judge).value(), options).value();
  }

  // The finalists' places in documents_, best first.
  std::vector<std::size_t> finalists() const {
    return order(first_stage().rank("w1 w2", documents_).value());
  }

  const TinyModel model_;
  const std::shared_ptr<const CrossEncoder> encoder_;
  std::vector<Document> documents_;
};

TEST_F(Hybrid, TheJudgeOrdersTheFinalists) {
  const FakeChat chat({rates([](const std::string& c) { return number_in(c) % 3; })});
  const HybridReRanker reranker = hybrid(options_of(chat), {.top_k = 0});
  const JudgedRanking ranking = reranker.rank("w1 w2", documents_).value();
  const std::vector<std::size_t> first = finalists();
  std::vector<std::size_t> expected = first;
  std::stable_sort(expected.begin(), expected.end(),
                   [](std::size_t a, std::size_t b) { return a % 3 > b % 3; });
  EXPECT_EQ(order(ranking), expected);
  for (const RankedDocument& result : ranking.results) {
    EXPECT_EQ(result.stage, Stage::kJudge);
    EXPECT_EQ(first[result.first_stage_rank - 1], result.index);
    EXPECT_EQ(result.id, documents_[result.index].id);
  }
  EXPECT_EQ(hybrid(options_of(chat)).rank("w1 w2", documents_).value().results.size(), 4u);
  EXPECT_EQ(reranker.cross_encoder().options().top_k, 10u);
  EXPECT_EQ(reranker.judge().options().model, "m");
}

TEST_F(Hybrid, AJudgeThatFailsLeavesTheFirstStagesOrder) {
  const FakeChat chat({always(status(500))});
  const JudgedRanking ranking = hybrid(options_of(chat)).rank("w1 w2", documents_).value();
  std::vector<std::size_t> first = finalists();
  first.resize(4);
  EXPECT_EQ(order(ranking), first);
  EXPECT_TRUE(ranking.judge.degraded);
  EXPECT_EQ(ranking.results[0].stage, Stage::kCrossEncoder);
}

TEST_F(Hybrid, StrictMakesADegradedRankingAnError) {
  const FakeChat broken({always(status(500, "out of order"))});
  const HybridOptions strict{.strict = true};
  const Error error = error_of(hybrid(options_of(broken), strict).rank("w1 w2", documents_));
  EXPECT_EQ(error.code, ErrorCode::kJudgeFailed);
  EXPECT_THAT(error.message, HasSubstr("provider_error"));
  EXPECT_THAT(error.message, HasSubstr("HTTP 500: out of order"));
  const FakeChat good({kByNumber});
  EXPECT_TRUE(hybrid(options_of(good), strict).rank("w1 w2", documents_).ok());
  // Partial, but nothing that is returned is unjudged.
  const std::size_t last = finalists().back();
  const FakeChat most({rates(
      [&](const std::string& c) { return number_in(c) == static_cast<int>(last) ? -1 : 5; })});
  const auto partial = hybrid(options_of(most), strict).rank("w1 w2", documents_);
  ASSERT_TRUE(partial.ok());
  EXPECT_EQ(partial->judge.outcome, JudgeOutcome::kPartial);
  // A judge that was skipped on purpose has not failed.
  JudgeOptions skipping = options_of(broken);
  skipping.skip_if_gap = 0.0F;
  EXPECT_TRUE(hybrid(skipping, strict).rank("w1 w2", documents_).ok());
}

TEST_F(Hybrid, CreateWantsEnoughFinalists) {
  const FakeChat chat({kByNumber});
  const auto create = [&](std::size_t kept, std::size_t top_k) {
    return HybridReRanker::create(first_stage({.top_k = kept}),
                                  LlmJudge::create(options_of(chat)).value(), {.top_k = top_k});
  };
  const Error error = error_of(create(3, 4));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("keeps 3 documents"));
  EXPECT_TRUE(create(4, 4).ok());
  EXPECT_TRUE(create(0, 4).ok());  // all
  EXPECT_TRUE(create(3, 0).ok());
}

TEST_F(Hybrid, ADecisiveGapNeedsNoJudge) {
  const FakeChat chat({kByNumber});
  const Ranking first = first_stage().rank("w1 w2", documents_).value();
  const float gap = first.results[3].logit - first.results[4].logit;
  JudgeOptions options = options_of(chat);
  options.skip_if_gap = gap;
  const JudgedRanking skipped = hybrid(options).rank("w1 w2", documents_).value();
  EXPECT_EQ(skipped.judge.outcome, JudgeOutcome::kSkippedConfident);
  EXPECT_FALSE(skipped.judge.degraded);
  EXPECT_EQ(skipped.judge.model, "m");
  EXPECT_EQ(skipped.judge.prompt_version, "1");
  EXPECT_EQ(skipped.results.size(), 4u);
  EXPECT_EQ(skipped.results[0].index, first.results[0].index);
  EXPECT_THAT(hybrid(options).dry_run("w1 w2", documents_).value(), IsEmpty());
  EXPECT_THAT(chat.requests(), IsEmpty());

  options.skip_if_gap = gap + 0.01F;
  EXPECT_EQ(hybrid(options).rank("w1 w2", documents_).value().judge.outcome, JudgeOutcome::kJudged);
  EXPECT_EQ(hybrid(options).dry_run("w1 w2", documents_).value().size(), 1u);
  // Without a document behind the last one nothing is decided.
  options.skip_if_gap = 0.0F;
  EXPECT_EQ(hybrid(options, {.top_k = 10}).rank("w1 w2", documents_).value().judge.calls, 1u);
  EXPECT_EQ(hybrid(options, {.top_k = 0}).rank("w1 w2", documents_).value().judge.calls, 1u);
}

TEST_F(Hybrid, ACallsOwnCancelStopsTheFirstStage) {
  const FakeChat chat({kByNumber});
  JudgeOptions skipping = options_of(chat);
  skipping.skip_if_gap = 0.0F;
  const std::atomic<bool> cancel{true};
  const JudgeCall call{.cancel = &cancel};
  for (const JudgeOptions& options : {options_of(chat), skipping}) {
    const HybridReRanker reranker = hybrid(options);
    EXPECT_EQ(error_of(reranker.rank("w1 w2", documents_, call)).code, ErrorCode::kCancelled);
    EXPECT_EQ(error_of(reranker.dry_run("w1 w2", documents_, call)).code, ErrorCode::kCancelled);
    EXPECT_EQ(error_of(reranker.rank("w1 w2", {}, call)).code, ErrorCode::kCancelled);
    EXPECT_TRUE(reranker.rank("w1 w2", documents_).ok());
  }
  EXPECT_EQ(chat.requests().size(), 1u);  // of the one that was not cancelled
}

TEST_F(Hybrid, CancelFlagsAreSeenWhileScoring) {
  // One thread, so that a batch is over when the next one begins.
  const auto encoder = std::make_shared<const CrossEncoder>(
      CrossEncoder::load(model_.folder(), {.threads = 1}).value());
  const FakeChat chat({kByNumber});
  std::atomic<bool> of_call{false}, of_options{false};
  struct Case {
    std::atomic<bool>* options_flag;  // null: there is none
    std::atomic<bool>* set;           // after the first batch
  };
  for (const Case& c : {Case{nullptr, &of_call}, Case{&of_options, &of_call},
                        Case{&of_options, &of_options}, Case{&of_call, &of_call}}) {
    of_call = of_options = false;
    std::size_t scored = 0;
    ReRankOptions options{.top_k = 10, .batch_size = 1};
    options.cancel = c.options_flag;
    options.progress = [&](std::size_t done, std::size_t) {
      scored = done;
      *c.set = true;
    };
    const HybridReRanker reranker =
        HybridReRanker::create(CrossEncoderReRanker::create(encoder, options).value(),
                               LlmJudge::create(options_of(chat)).value())
            .value();
    const JudgeCall call{.cancel = &of_call};
    EXPECT_EQ(error_of(reranker.rank("w1 w2", documents_, call)).code, ErrorCode::kCancelled);
    EXPECT_EQ(scored, 1u);
    EXPECT_EQ(error_of(reranker.rank("w1 w2", documents_, call)).code, ErrorCode::kCancelled);
    EXPECT_EQ(scored, 1u);  // it was set from the start
  }
  EXPECT_THAT(chat.requests(), IsEmpty());
}

TEST_F(Hybrid, ACancelDuringTheJudgesCallIsAnError) {
  std::atomic<bool> cancel{false};
  const FakeChat chat({[&](const JudgeHttpRequest& request) {
    cancel = true;
    return kByNumber(request);
  }});
  EXPECT_EQ(error_of(hybrid(options_of(chat)).rank("w1 w2", documents_, {.cancel = &cancel})).code,
            ErrorCode::kCancelled);
}

TEST_F(Hybrid, NothingToRankIsAnEmptyRanking) {
  const FakeChat chat({kByNumber});
  const JudgedRanking ranking = hybrid(options_of(chat)).rank("w1 w2", {}).value();
  EXPECT_THAT(ranking.results, IsEmpty());
  EXPECT_FALSE(ranking.judge.degraded);
  EXPECT_THAT(chat.requests(), IsEmpty());
}

}  // namespace
}  // namespace crossrank
