// Estimated costs against the cuts that the engine makes of as many tokens.
#include "apps/server/token_estimate.h"

#include <gtest/gtest.h>

#include <string>

#include "text/pair_encoder.h"

namespace crossrank::server {
namespace {

constexpr std::size_t kModel = 512;

std::size_t estimate(std::size_t query, std::size_t document, const ScoringRules& rules) {
  const std::string a(query * kBytesPerToken, 'a'), b(document * kBytesPerToken, 'b');
  return estimated_tokens({a, b}, rules, kModel);
}

text::CutRules engine_rules(const ScoringRules& rules) {
  text::CutRules cut;
  cut.max_length = rules.max_length == 0 ? kModel : std::min(rules.max_length, kModel);
  cut.max_document_tokens = rules.max_document_tokens;
  cut.policy = rules.truncation;
  cut.chunk = rules.chunk;
  return cut;
}

TEST(TokenEstimate, OfWholePairsIsWhatIsLeftOfThem) {
  ScoringRules rules;
  for (const std::size_t bound : {0, 100}) {
    rules.max_document_tokens = bound;
    for (const std::size_t query : {0, 1, 20, 300, 600}) {
      for (const std::size_t document : {0, 1, 90, 300, 9000}) {
        EXPECT_EQ(estimate(query, document, rules),
                  text::cut_pair(query, document, engine_rules(rules)).value().length());
      }
    }
  }
}

TEST(TokenEstimate, OfChunksIsTheirSum) {
  std::size_t most = 0;
  for (const Truncation truncation : {Truncation::kChunkMax, Truncation::kFirst}) {
    for (const std::size_t max_length : {0, 64, 100'000}) {
      for (const std::size_t overlap : {0, 32}) {
        for (const std::size_t bound : {0, 500}) {
          ScoringRules rules;
          rules.truncation = truncation;
          rules.max_length = max_length;
          rules.max_document_tokens = bound;
          rules.chunk.overlap = overlap;
          for (const std::size_t query : {0, 5, 40, 60, 400, 500}) {
            for (const std::size_t document : {0, 1, 160, 256, 257, 2000, 20'000}) {
              const auto chunks = text::chunk_pair(query, document, {}, engine_rules(rules));
              if (!chunks.ok()) continue;  // the query leaves no room
              std::size_t sum = 0;
              for (const text::PairCut& chunk : *chunks) sum += chunk.length();
              EXPECT_EQ(estimate(query, document, rules), sum)
                  << "query " << query << ", document " << document << ", max_length " << max_length
                  << ", overlap " << overlap;
              most = std::max(most, sum);
            }
          }
        }
      }
    }
  }
  EXPECT_GT(most, 8000u);
}

TEST(TokenEstimate, OfAQueryWithoutRoomIsBounded) {
  ScoringRules rules;
  rules.truncation = Truncation::kChunkMax;
  EXPECT_EQ(estimate(600, 9000, rules), kModel);
}

}  // namespace
}  // namespace crossrank::server
