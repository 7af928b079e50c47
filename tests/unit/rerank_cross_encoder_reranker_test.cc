// CrossEncoderReRanker on a tiny model: what is scored, in which order, and what is reported.
#include "crossrank/rerankers.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ReRanker : public testing::Test {
 protected:
  ReRanker()
      : encoder_(std::make_shared<const CrossEncoder>(
            CrossEncoder::load(model_.folder(), {.threads = 2}).value())) {
    std::mt19937 random(8);
    for (std::size_t i = 0; i < 30; ++i) {
      Document document;
      if (i % 3 != 0) document.id = "d" + std::to_string(i);
      document.page_content = tiny_words(random, 2 + i % 20);
      if (i % 2 == 0) document.metadata = {{"title", {tiny_words(random, 2)}}};
      documents_.push_back(document);
    }
  }

  CrossEncoderReRanker reranker(const ReRankOptions& options) const {
    return CrossEncoderReRanker::create(encoder_, options).value();
  }

  float logit_of(const std::string& text) const {
    const TextPair pair = {"w1 w2", text};
    return encoder_->predict({&pair, 1}).value()[0].logit;
  }

  const TinyModel model_;
  const std::shared_ptr<const CrossEncoder> encoder_;
  std::vector<Document> documents_;
};

TEST_F(ReRanker, RanksWhatScoredTextShows) {
  std::vector<ReRankOptions> cases(4);
  cases[1].metadata_fields = {"title"};
  cases[2].metadata_template = "{title}: {page_content} w9";
  cases[3].max_chars = 7;
  for (ReRankOptions& options : cases) {
    options.top_k = 0;
    const CrossEncoderReRanker ranker = reranker(options);
    std::vector<std::pair<float, std::size_t>> expected;
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      expected.emplace_back(-logit_of(ranker.scored_text(documents_[i])), i);
    }
    std::sort(expected.begin(), expected.end());
    const Ranking ranking = ranker.rank("w1 w2", documents_).value();
    ASSERT_EQ(ranking.results.size(), documents_.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(ranking.results[i].rank, i + 1);
      EXPECT_EQ(ranking.results[i].index, expected[i].second);
      EXPECT_EQ(ranking.results[i].logit, -expected[i].first);
      EXPECT_EQ(ranking.results[i].id, documents_[expected[i].second].id);
      EXPECT_EQ(ranking.results[i].stage, Stage::kCrossEncoder);
    }
    EXPECT_TRUE(ranking.warnings.empty());
  }
}

TEST_F(ReRanker, DefaultsAreFourOfTheFirst400Characters) {
  documents_[0].page_content = std::string(400, 'a') + "bcd";
  const Ranking ranking = reranker({}).rank("w1 w2", documents_).value();
  EXPECT_EQ(ranking.results.size(), 4U);
  EXPECT_EQ(reranker({}).scored_text(documents_[0]), std::string(400, 'a'));
}

TEST_F(ReRanker, CountsDocumentsThatWereNotScoredWhole) {
  std::vector<Document> documents(5);
  documents[0].page_content = "w1 w2 w3";     // whole
  documents[1].page_content = "w1 w2 w3 w4";  // cut by characters
  documents[2].page_content = "abcdefgh";     // too many tokens
  documents[3].page_content = "w4";           // whole
  documents[4].page_content = "é\xFFö w2";    // six code points
  for (const char* text_template : {"", "{page_content}."}) {
    ReRankOptions options;
    options.top_k = 0;
    options.max_chars = 8;
    options.max_length = 11;
    options.metadata_template = text_template;
    const Ranking ranking = reranker(options).rank("w1", documents).value();
    EXPECT_EQ(ranking.truncated_documents, 2U) << text_template;
    for (const RankedDocument& result : ranking.results) {
      EXPECT_EQ(result.truncation.chars_cut, result.index == 1 ? 3U : 0U);
      EXPECT_EQ(result.truncation.truncated(), result.index == 1 || result.index == 2);
    }
    // Also when the truncated ones are not among the best.
    options.top_k = 1;
    EXPECT_EQ(reranker(options).rank("w1", documents).value().truncated_documents, 2U);
  }
}

TEST_F(ReRanker, MaxCharsIsACutThatTheErrorPolicyForbids) {
  std::vector<Document> documents(2);
  documents[0].page_content = "w1 w2 é";  // eight bytes
  documents[1].page_content = "w1 w2 éw3";
  for (const char* text_template : {"", "{page_content}."}) {
    ReRankOptions options;
    options.truncation = Truncation::kError;
    options.metadata_template = text_template;
    options.max_chars = 7;
    EXPECT_TRUE(reranker(options).rank("w1", {documents.data(), 1}).ok());
    const Error error = error_of(reranker(options).rank("w1", documents));
    EXPECT_EQ(error.code, ErrorCode::kTooLong);
    EXPECT_THAT(error.message,
                HasSubstr("pair 1 (counting from 0): The document has 9 characters"));
    options.max_chars = 0;
    EXPECT_TRUE(reranker(options).rank("w1", documents).ok());
  }
}

TEST_F(ReRanker, WarnsOfTextThatNoChunkHas) {
  ReRankOptions options;
  options.truncation = Truncation::kChunkMax;
  options.max_chars = 8;
  documents_.resize(3);
  documents_[1].page_content = "w1 w2 w3 w4";
  documents_[2].page_content = documents_[0].page_content = "w1";
  EXPECT_THAT(reranker(options).rank("w1", documents_).value().warnings,
              ElementsAre(HasSubstr("first 8 characters of 1 document:")));
  options.max_chars = 0;
  EXPECT_TRUE(reranker(options).rank("w1", documents_).value().warnings.empty());
}

TEST_F(ReRanker, WarnsOfFieldsThatNoDocumentHas) {
  ReRankOptions options;
  options.metadata_fields = {"title", "author"};
  EXPECT_THAT(reranker(options).rank("w1", documents_).value().warnings,
              ElementsAre(HasSubstr("\"author\"")));
  EXPECT_TRUE(reranker(options).rank("w1", {}).value().warnings.empty());
}

TEST_F(ReRanker, NothingGivesNothing) {
  const Ranking ranking = reranker({}).rank("w1", {}).value();
  EXPECT_TRUE(ranking.results.empty());
  EXPECT_EQ(ranking.truncated_documents, 0U);
}

TEST_F(ReRanker, ThresholdsAndTies) {
  for (std::size_t i = 0; i < 5; ++i) documents_.push_back(documents_[i]);
  ReRankOptions options;
  options.top_k = 0;
  const Ranking all = reranker(options).rank("w1 w2", documents_).value();
  options.min_logit = all.results[9].logit;
  const Ranking some = reranker(options).rank("w1 w2", documents_).value();
  ASSERT_GE(some.results.size(), 10U);
  ASSERT_LT(some.results.size(), all.results.size());
  for (std::size_t i = 0; i < some.results.size(); ++i) {
    EXPECT_EQ(some.results[i].index, all.results[i].index);
    EXPECT_GE(some.results[i].logit, *options.min_logit);
  }
  std::size_t ties = 0;
  for (std::size_t i = 1; i < all.results.size(); ++i) {
    if (all.results[i].logit != all.results[i - 1].logit) continue;
    ++ties;
    EXPECT_LT(all.results[i - 1].index, all.results[i].index);
  }
  EXPECT_GE(ties, 5U);
}

TEST_F(ReRanker, ChunkSpansLieInPageContent) {
  Document document;
  document.page_content = "é w1 w2 w3 w4 w5 w6 w7 w8 w9";
  document.metadata = {{"title", {"ü w10 w11 w12"}}};
  std::vector<Document> documents(1, document);
  for (const char* text_template : {"", "{title} {page_content} w13 w14 w15"}) {
    for (int window = 0; window < 20; ++window) {
      ReRankOptions options;
      options.truncation = Truncation::kChunkMax;
      options.chunk = {.tokens = 3, .overlap = 0, .max_chunks = 32};
      options.metadata_template = text_template;
      const std::string query = "w" + std::to_string(window);
      const Ranking ranking = reranker(options).rank(query, documents).value();
      ASSERT_TRUE(ranking.results[0].span.has_value());
      const TextSpan span = *ranking.results[0].span;
      ASSERT_LE(span.begin_byte, span.end_byte);
      ASSERT_LE(span.end_byte, document.page_content.size());
      EXPECT_EQ(span.begin_char, span.begin_byte == 0 ? 0 : span.begin_byte - 1);
      EXPECT_EQ(span.end_char, span.end_byte == 0 ? 0 : span.end_byte - 1);
    }
  }
}

TEST_F(ReRanker, DocumentsWhoseWindowsHoldThemWholeAreNotTruncated) {
  std::vector<Document> documents(3);
  documents[0].page_content = "w1 w2 w3";
  documents[1].page_content = "w1 w2 w3 w4 w5 w6";
  documents[2].page_content = "w1 w2 w3 w4 w5 w6 w7";
  ReRankOptions options;
  options.truncation = Truncation::kChunkMax;
  options.chunk = {.tokens = 3, .overlap = 0, .max_chunks = 2};
  const Ranking ranking = reranker(options).rank("w8", documents).value();
  EXPECT_EQ(ranking.truncated_documents, 1U);
  for (const RankedDocument& result : ranking.results) {
    EXPECT_EQ(result.truncation.truncated(), result.index == 2);
  }
}

TEST_F(ReRanker, PartsOfALongListMakeNoDifference) {
  std::vector<Document> documents;
  std::vector<std::string_view> texts;
  for (std::size_t i = 0; i < 9000; ++i) documents.push_back(documents_[i * 7 % 30]);
  texts.reserve(documents.size());
  for (const Document& document : documents) texts.push_back(document.page_content);
  ReRankOptions options;
  options.top_k = 700;
  std::vector<std::size_t> seen;
  options.progress = [&](std::size_t done, std::size_t total) {
    EXPECT_EQ(total, 9000U);
    seen.push_back(done);
  };
  const Ranking ranking = reranker(options).rank("w1 w2", documents).value();
  const std::vector<RankedIndex> expected = encoder_->rank("w1 w2", texts, {.top_k = 700}).value();
  ASSERT_EQ(ranking.results.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(ranking.results[i].index, expected[i].index);
    ASSERT_EQ(ranking.results[i].logit, expected[i].pair.logit);
  }
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 9000U);

  for (int i = 0; i < 90; ++i) documents[8000].page_content += " w1";
  options.truncation = Truncation::kError;
  EXPECT_THAT(error_of(reranker(options).rank("w1", documents)).message, HasSubstr("pair 8000 "));
}

TEST_F(ReRanker, Cancel) {
  const std::atomic<bool> cancel{true};
  ReRankOptions options;
  options.cancel = &cancel;
  EXPECT_EQ(error_of(reranker(options).rank("w1", documents_)).code, ErrorCode::kCancelled);
}

TEST_F(ReRanker, DocumentsStayAsTheyAre) {
  documents_[1].page_content = "w1 \xFF w2";
  documents_[2].metadata = {{"title", {std::string("\xC3(")}}};
  std::vector<std::string> before;
  for (const Document& document : documents_) before.push_back(document.page_content);
  ReRankOptions options;
  options.max_chars = 3;
  options.metadata_fields = {"title"};
  EXPECT_TRUE(reranker(options).rank("w1", documents_).ok());
  for (std::size_t i = 0; i < documents_.size(); ++i) {
    EXPECT_EQ(documents_[i].page_content, before[i]);
  }
  EXPECT_EQ(std::get<std::string>(documents_[2].metadata[0].value.value), "\xC3(");
}

TEST_F(ReRanker, RefusesWhatCannotWork) {
  ReRankOptions options;
  options.metadata_template = "{title}";
  EXPECT_EQ(error_of(CrossEncoderReRanker::create(encoder_, options)).code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(CrossEncoderReRanker::load("no/such-model", options)).code,
            ErrorCode::kInvalidArgument);  // said before anything is looked for
  EXPECT_EQ(error_of(CrossEncoderReRanker::create(nullptr)).code, ErrorCode::kInvalidArgument);
  options = {};
  options.min_probability = 2.0F;
  EXPECT_EQ(error_of(CrossEncoderReRanker::create(encoder_, options)).code,
            ErrorCode::kInvalidArgument);
  const TinyModel labels({.labels = 2});
  EXPECT_EQ(error_of(CrossEncoderReRanker::load(labels.folder())).code,
            ErrorCode::kUnsupportedModel);
}

}  // namespace
}  // namespace crossrank
