// The memory promise: predict and rank need at most 64 bytes a pair beyond a bounded working set.
// Counts what operator new hands out; the workspace has its own allocator and is bounded by design.
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <malloc.h>

#include <gtest/gtest.h>

#include "crossrank/cross_encoder.h"
#include "crossrank/rerankers.h"
#include "tests/unit/tiny_model.h"

namespace {

std::atomic<std::size_t> live{0};
std::atomic<std::size_t> peak{0};

void* counted(std::size_t bytes) noexcept {
  void* p = std::malloc(bytes == 0 ? 1 : bytes);
  if (p == nullptr) return nullptr;
  const std::size_t now = live += ::malloc_usable_size(p);
  std::size_t seen = peak;
  while (seen < now && !peak.compare_exchange_weak(seen, now)) {
  }
  return p;
}

void* counted_or_throw(std::size_t bytes) {
  void* p = counted(bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

void uncounted(void* p) noexcept {
  if (p != nullptr) live -= ::malloc_usable_size(p);
  std::free(p);
}

// Bytes that `body` had allocated at its worst moment.
template <typename Body>
double peak_of(const Body& body) {
  const std::size_t before = live;
  peak = before;
  body();
  return static_cast<double>(peak - before);
}

}  // namespace

void* operator new(std::size_t bytes) { return counted_or_throw(bytes); }
void* operator new[](std::size_t bytes) { return counted_or_throw(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void operator delete(void* p) noexcept { uncounted(p); }
void operator delete[](void* p) noexcept { uncounted(p); }
void operator delete(void* p, std::size_t) noexcept { uncounted(p); }
void operator delete[](void* p, std::size_t) noexcept { uncounted(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { uncounted(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { uncounted(p); }

namespace crossrank {
namespace {

constexpr std::size_t kFew = 10'000;
constexpr std::size_t kMany = 60'000;

class Memory : public testing::Test {
 protected:
  Memory()
      : model_({.hidden = 8, .layers = 1}),
        // One thread: with more, chance decides how large the buffers of each become.
        encoder_(CrossEncoder::load(model_.folder(), {.threads = 1}).value()),
        pairs_(kMany, {"w1", "w2"}),
        documents_(kMany, "w2") {}

  // The growth from kFew to kMany, a pair.
  template <typename Body>
  static double bytes_a_pair(const Body& body) {
    const double few = peak_of([&] { body(kFew); });
    const double many = peak_of([&] { body(kMany); });
    return (many - few) / static_cast<double>(kMany - kFew);
  }

  const TinyModel model_;
  const CrossEncoder encoder_;
  const std::vector<TextPair> pairs_;
  const std::vector<std::string_view> documents_;
};

TEST_F(Memory, PredictNeedsItsResultAlone) {
  EXPECT_LE(sizeof(ScoredPair), 28U);
  const auto predict = [&](Truncation truncation) {
    return bytes_a_pair([&](std::size_t count) {
      ScoreOptions options;
      options.truncation = truncation;
      ASSERT_EQ(encoder_.predict(std::span(pairs_).first(count), options).value().size(), count);
    });
  };
  EXPECT_LT(predict(Truncation::kLongestFirst), 29.0);
  EXPECT_LT(predict(Truncation::kChunkMax), 64.0);
}

// A query without tokens takes memory all the same, and must be forgotten like the others.
TEST_F(Memory, DistinctBlankQueriesAreForgotten) {
  std::vector<std::string> blanks(kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    for (std::size_t bit = 0; bit < 16; ++bit) blanks[i] += (i >> bit & 1) != 0 ? '\t' : ' ';
  }
  std::vector<TextPair> pairs;
  pairs.reserve(kMany);
  for (const std::string& blank : blanks) pairs.push_back({blank, "w2"});
  EXPECT_LT(bytes_a_pair([&](std::size_t count) {
              ASSERT_TRUE(encoder_.predict(std::span(pairs).first(count)).ok());
            }),
            64.0);
}

TEST_F(Memory, RankNeedsItsResultAlone) {
  const auto rank = [&](std::size_t top_k) {
    return bytes_a_pair([&](std::size_t count) {
      RankOptions options;
      options.top_k = top_k;
      ASSERT_EQ(encoder_.rank("w1", std::span(documents_).first(count), options).value().size(),
                top_k == 0 ? count : top_k);
    });
  };
  EXPECT_LE(rank(0), 64.0);
  EXPECT_LT(rank(4), 0.1);
}

TEST_F(Memory, RerankerHoldsTextsOfOnePartOnly) {
  std::vector<Document> documents(kMany);
  for (Document& document : documents) {
    document.page_content = "w2";
    document.metadata = {{"title", {"w3"}}};
  }
  for (const char* text_template : {"",
                                    "{title} {page_content} a text longer than 64 bytes, so it "
                                    "would show if all were there at once, w4 w5 w6 w7"}) {
    ReRankOptions options;
    options.metadata_template = text_template;
    const CrossEncoderReRanker reranker =
        CrossEncoderReRanker::load(model_.folder(), options, {.threads = 1}).value();
    EXPECT_LT(bytes_a_pair([&](std::size_t count) {
                ASSERT_EQ(
                    reranker.rank("w1", std::span(documents).first(count)).value().results.size(),
                    4U);
              }),
              0.1);
  }
}

TEST_F(Memory, OneGiantDocumentLeavesNothingBehind) {
  const CrossEncoder encoder = CrossEncoder::load(model_.folder(), {.threads = 2}).value();
  std::string giant;
  while (giant.size() < 4'000'000) giant += "w1 w2 abc ";
  for (const Truncation truncation : {Truncation::kLongestFirst, Truncation::kChunkMax}) {
    ScoreOptions options;
    options.truncation = truncation;
    std::vector<TextPair> pairs(3, {"w1", giant});
    const std::size_t before = live;
    const double peak_bytes = peak_of([&] { ASSERT_TRUE(encoder.predict(pairs, options).ok()); });
    EXPECT_LT(live - before, 100'000U);  // what stays is no more than the workers' buffers
    // Two workers tokenize at once, 4 bytes for each of 2 million tokens, 12 with spans, and while
    // a vector grows up to three times that. Nothing is held for the third.
    const double bytes_a_token = truncation == Truncation::kChunkMax ? 12.0 : 4.0;
    EXPECT_LT(peak_bytes, 2.0 * 3.0 * bytes_a_token * 2e6 + 4e6);
  }
}

}  // namespace
}  // namespace crossrank
