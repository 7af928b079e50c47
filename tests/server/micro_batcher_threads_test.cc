// MicroBatcher: scores, turns, deadlines and ends of jobs that come from many threads.
#include "apps/server/micro_batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/tiny_model.h"

namespace crossrank::server {
namespace {

using testing::HasSubstr;

struct Texts {
  std::string query;
  std::vector<std::string> documents;
};

std::string words(std::mt19937& random, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "w" + std::to_string(random() % 100) + " ";
  return text;
}

std::shared_ptr<Texts> texts(unsigned seed, std::size_t documents, std::size_t longest = 60) {
  std::mt19937 random(seed);
  auto out = std::make_shared<Texts>();
  out->query = words(random, 1 + random() % 5);
  for (std::size_t i = 0; i < documents; ++i) {
    out->documents.push_back(words(random, random() % longest));
  }
  return out;
}

// A job, and a future that says when it has ended.
struct Running {
  std::shared_ptr<Job> job;
  std::future<void> ended;
};

Running make(const std::shared_ptr<Texts>& texts) {
  Running running{std::make_shared<Job>(), {}};
  running.job->texts = texts;
  for (const std::string& document : texts->documents) {
    running.job->pairs.push_back({texts->query, document});
  }
  auto promise = std::make_shared<std::promise<void>>();
  running.ended = promise->get_future();
  running.job->finished = [promise](Job&) { promise->set_value(); };
  return running;
}

class MicroBatcherTest : public testing::Test {
 protected:
  explicit MicroBatcherTest(const TinyModelOptions& options = {}) : model_(options) {
    LoadOptions load;
    load.threads = 2;
    encoder_ =
        std::make_shared<const CrossEncoder>(CrossEncoder::load(model_.folder(), load).value());
  }

  Result<std::unique_ptr<MicroBatcher>> start(BatcherOptions options = {}) {
    return MicroBatcher::start(
        encoder_, options, [this](const MicroBatchReport& report) { reports_.push_back(report); },
        [this](const Error& error) { fatal_ = error.message; });
  }
  std::unique_ptr<MicroBatcher> batcher(BatcherOptions options = {}) {
    return start(options).value();
  }

  void expect_library_scores(const Job& job) {
    const auto expected = encoder_->predict(job.pairs).value();
    ASSERT_EQ(job.scored_pairs, job.pairs.size());
    for (std::size_t i = 0; i < job.pairs.size(); ++i) {
      ASSERT_EQ(job.scored[i].logit, expected[i].logit) << "pair " << i;  // to the bit
      ASSERT_EQ(job.scored[i].truncation.tokens_used, expected[i].truncation.tokens_used);
    }
  }

  TinyModel model_;
  std::shared_ptr<const CrossEncoder> encoder_;
  std::vector<MicroBatchReport> reports_;  // read only when the batcher is gone
  std::string fatal_;
};

TEST_F(MicroBatcherTest, JobsOfManyThreadsHaveTheLibrarysScores) {
  for (const std::size_t cache_bytes : {0, 1 << 20}) {
    auto shared = batcher({.cache_bytes = cache_bytes});
    std::vector<std::thread> clients;
    std::atomic<int> done{0};
    for (unsigned client = 0; client < 4; ++client) {
      clients.emplace_back([&, client] {
        for (unsigned round = 0; round < 10; ++round) {
          // Rounds of different clients share texts, so that the cache has something to do.
          Running running = make(texts(round % 5 * 7 + client / 2, 1 + round * 37 % 120));
          ASSERT_FALSE(shared->submit(running.job).has_value());
          running.ended.wait();
          ASSERT_EQ(running.job->end, JobEnd::kScored);
          expect_library_scores(*running.job);
          ++done;
        }
      });
    }
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(done, 40);
    EXPECT_EQ(shared->queued_tokens(), 0u);
    EXPECT_EQ(shared->queued_jobs(), 0u);
    EXPECT_TRUE(shared->ready());
    shared.reset();
    std::size_t hits = 0;
    for (const MicroBatchReport& report : reports_) hits += report.cache_hits;
    EXPECT_EQ(hits > 0, cache_bytes > 0);
    EXPECT_EQ(fatal_, "");
  }
}

TEST_F(MicroBatcherTest, ChunksHaveTheLibrarysScoresAndSpans) {
  ScoreOptions options;
  options.truncation = Truncation::kChunkMax;
  options.chunk = {.tokens = 8, .overlap = 2, .max_chunks = 4};
  for (const std::size_t cache_bytes : {0, 1 << 20}) {
    auto shared = batcher({.cache_bytes = cache_bytes});
    for (const bool chunks : {true, false, true, true}) {  // with a cache the last ones are hits
      Running running = make(texts(3, 50));
      if (chunks) {
        running.job->rules.truncation = options.truncation;
        running.job->rules.chunk = options.chunk;
      }
      ASSERT_FALSE(shared->submit(running.job).has_value());
      running.ended.wait();
      const Job& job = *running.job;
      ASSERT_EQ(job.end, JobEnd::kScored);
      ASSERT_EQ(job.spans.size(), chunks ? job.pairs.size() : 0);
      if (!chunks) {
        expect_library_scores(job);
        continue;
      }
      const auto expected = encoder_->predict(job.pairs, options).value();
      for (std::size_t i = 0; i < job.pairs.size(); ++i) {
        ASSERT_EQ(job.scored[i].logit, expected[i].logit) << "pair " << i;  // to the bit
        ASSERT_EQ(job.ranked(i).span->begin_byte, expected.span(i)->begin_byte);
        ASSERT_EQ(job.ranked(i).span->end_char, expected.span(i)->end_char);
      }
    }
  }
}

TEST_F(MicroBatcherTest, JobsShareAMicroBatch) {
  auto shared = batcher();
  Running large = make(texts(1, 3000));  // keeps the thread busy while the others come
  ASSERT_FALSE(shared->submit(large.job).has_value());
  std::vector<Running> small;
  for (unsigned i = 0; i < 20; ++i) {
    small.push_back(make(texts(10 + i, 2, 5)));
    ASSERT_FALSE(shared->submit(small.back().job).has_value());
  }
  for (Running& job : small) job.ended.wait();
  large.ended.wait();
  shared.reset();
  std::size_t most = 0;
  for (const MicroBatchReport& report : reports_) most = std::max(most, report.jobs);
  EXPECT_GT(most, 1u);
}

TEST_F(MicroBatcherTest, ShortJobsDoNotWaitForLongOnes) {
  auto shared = batcher();
  Running large = make(texts(1, 20000));
  ASSERT_FALSE(shared->submit(large.job).has_value());
  Running small = make(texts(2, 3));
  ASSERT_FALSE(shared->submit(small.job).has_value());
  small.ended.wait();
  EXPECT_EQ(large.ended.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  large.job->cancelled = true;
  large.ended.wait();
  EXPECT_EQ(large.job->end, JobEnd::kCancelled);
  EXPECT_LT(large.job->scored_pairs, large.job->pairs.size());
  EXPECT_EQ(shared->queued_tokens(), 0u);
}

TEST_F(MicroBatcherTest, ADeadlineEndsAJobWithWhatItHas) {
  auto shared = batcher();
  Running job = make(texts(1, 60000));
  job.job->deadline = Clock::now() + std::chrono::milliseconds(150);
  ASSERT_FALSE(shared->submit(job.job).has_value());
  job.ended.wait();
  EXPECT_LT(Clock::now(), job.job->deadline + std::chrono::seconds(2));
  EXPECT_EQ(job.job->end, JobEnd::kDeadline);
  EXPECT_GT(job.job->scored_pairs, 0u);
  EXPECT_LT(job.job->scored_pairs, job.job->pairs.size());
  const auto expected =
      encoder_->predict(std::span(job.job->pairs).first(job.job->scored_pairs)).value();
  for (std::size_t i = 0; i < job.job->scored_pairs; ++i) {
    ASSERT_EQ(job.job->scored[i].logit, expected[i].logit);
  }
}

TEST_F(MicroBatcherTest, WhatCannotBeDoneInTimeIsRefused) {
  auto shared = batcher();
  Running first = make(texts(1, 3000));
  ASSERT_FALSE(shared->submit(first.job).has_value());
  Running late = make(texts(2, 3));
  late.job->deadline = Clock::now();  // which even the small share of the first one is behind
  const auto refusal = shared->submit(late.job);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_GE(refusal->retry_after.count(), 1);
  EXPECT_THAT(refusal->message, HasSubstr("tokens wait"));
  first.ended.wait();
}

TEST_F(MicroBatcherTest, ALargeJobDoesNotShutOutSmallOnes) {
  auto shared = batcher();
  Running large = make(texts(1, 200000));
  ASSERT_FALSE(shared->submit(large.job).has_value());
  Running small = make(texts(2, 3));
  small.job->deadline =
      Clock::now() + std::chrono::seconds(2);  // much less than the large one takes
  ASSERT_FALSE(shared->submit(small.job).has_value());
  small.ended.wait();
  EXPECT_EQ(small.job->end, JobEnd::kScored);
  large.job->cancelled = true;
  large.ended.wait();
}

TEST_F(MicroBatcherTest, MoreThanItHoldsIsRefusedButNeverTheFirst) {
  auto shared = batcher({.max_queued_tokens = 100});
  Running first = make(texts(1, 3000));
  ASSERT_FALSE(shared->submit(first.job).has_value());
  EXPECT_TRUE(shared->submit(make(texts(2, 300)).job).has_value());
  first.ended.wait();
}

TEST_F(MicroBatcherTest, APairThatCannotBeScoredFailsItsOwnJobAlone) {
  for (const std::size_t cache_bytes : {0, 1 << 20}) {
    auto shared = batcher({.cache_bytes = cache_bytes});
    Running busy = make(texts(9, 2000));
    ASSERT_FALSE(shared->submit(busy.job).has_value());
    auto bad_texts = texts(3, 5, 6);
    for (int i = 0; i < 100; ++i) bad_texts->documents[3] += " w1";
    std::vector<Running> jobs;
    for (unsigned i = 0; i < 6; ++i) jobs.push_back(make(i == 2 ? bad_texts : texts(20 + i, 4, 6)));
    for (Running& running : jobs) {
      running.job->rules.truncation = Truncation::kError;
      ASSERT_FALSE(shared->submit(running.job).has_value());
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].ended.wait();
      if (i != 2) {
        ASSERT_EQ(jobs[i].job->end, JobEnd::kScored);
        continue;
      }
      ASSERT_EQ(jobs[i].job->end, JobEnd::kFailed);
      EXPECT_EQ(jobs[i].job->error.code, ErrorCode::kTooLong);
      EXPECT_THAT(jobs[i].job->error.message, HasSubstr("pair 3 "));
    }
    busy.ended.wait();
    EXPECT_TRUE(shared->ready());
  }
}

TEST_F(MicroBatcherTest, ItsEndCancelsWhatWaits) {
  auto shared = batcher();
  std::vector<Running> jobs;
  for (unsigned i = 0; i < 5; ++i) {
    jobs.push_back(make(texts(i, 5000)));
    ASSERT_FALSE(shared->submit(jobs.back().job).has_value());
  }
  shared.reset();
  for (Running& running : jobs) {
    ASSERT_EQ(running.ended.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_EQ(running.job->end, JobEnd::kCancelled);
  }
}

TEST_F(MicroBatcherTest, AnEmptyJobEndsScored) {
  auto shared = batcher();
  Running empty = make(texts(1, 0));
  ASSERT_FALSE(shared->submit(empty.job).has_value());
  empty.ended.wait();
  EXPECT_EQ(empty.job->end, JobEnd::kScored);
}

class LabelsTest : public MicroBatcherTest {
 protected:
  LabelsTest() : MicroBatcherTest({.labels = 3}) {}
};

TEST_F(LabelsTest, HaveAllTheirLogits) {
  auto shared = batcher({.cache_bytes = 1 << 20});
  Running running = make(texts(1, 200));
  ASSERT_FALSE(shared->submit(running.job).has_value());
  running.ended.wait();
  const auto expected = encoder_->predict(running.job->pairs).value();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    for (std::size_t label = 0; label < 3; ++label) {
      ASSERT_EQ(running.job->logits[i * 3 + label], expected.logits(i)[label]);
      ASSERT_EQ(running.job->probabilities[i * 3 + label], expected.probabilities(i)[label]);
    }
  }
}

class BrokenTest : public MicroBatcherTest {
 protected:
  BrokenTest() : MicroBatcherTest({.classifier_scale = 3e38F}) {}
};

TEST_F(BrokenTest, AModelThatGivesNoNumbersIsNotServed) {
  const auto started = start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, ErrorCode::kInternal);
  EXPECT_THAT(started.error().message, HasSubstr("not a finite number"));
}

}  // namespace
}  // namespace crossrank::server
