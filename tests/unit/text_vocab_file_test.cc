// vocab.txt: lines, and the keys of tokenizer_config.json beside it. Ids against transformers are
// in tokenizer_golden_test.
#include "text/vocab_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace crossrank::text {
namespace {

using testing::HasSubstr;

const std::string kVocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n";

Result<TokenizerSpec> read(const std::string& vocab, const std::string& config = "{}") {
  static const std::string kName = "dir/tokenizer_config.json";
  const json::Value value = json::parse(config).value();
  return read_vocab_file(base::Blob("dir/vocab.txt", vocab),
                         json::Reader(kName, value, ErrorCode::kBadTokenizer));
}

TEST(VocabFile, DefaultsAreThoseOfAnUncasedBert) {
  const TokenizerSpec spec = read(kVocab).value();
  EXPECT_TRUE(spec.normalizer.clean_text);
  EXPECT_TRUE(spec.normalizer.handle_chinese_chars);
  EXPECT_TRUE(spec.normalizer.strip_accents);
  EXPECT_TRUE(spec.normalizer.lowercase);
  EXPECT_EQ(spec.pre_tokenizer, PreTokenizer::kBert);
  EXPECT_EQ(spec.layout.cls_id, 2);
  EXPECT_EQ(spec.layout.sep_id, 3);
  EXPECT_EQ(spec.vocab.size(), 6u);
  EXPECT_EQ(spec.added_tokens.size(), 5u);
}

TEST(VocabFile, ReadsTheConfig) {
  const TokenizerSpec spec =
      read(kVocab, R"({"do_lower_case": false, "tokenize_chinese_chars": false,
                       "strip_accents": true, "tokenizer_class": "ElectraTokenizerFast"})")
          .value();
  EXPECT_FALSE(spec.normalizer.lowercase);
  EXPECT_FALSE(spec.normalizer.handle_chinese_chars);
  EXPECT_TRUE(spec.normalizer.strip_accents);
  EXPECT_FALSE(read(kVocab, R"({"do_lower_case": false})").value().normalizer.strip_accents);
}

TEST(VocabFile, LinesEndInAnyWay) {
  const TokenizerSpec spec = read("[UNK]\r\na \t\n\u00a0b\u3000\n\nlast").value();
  ASSERT_EQ(spec.vocab.size(), 5u);
  EXPECT_EQ(spec.vocab[0].token, "[UNK]");
  EXPECT_EQ(spec.vocab[1].token, "a");
  EXPECT_EQ(spec.vocab[2].token, "\u00a0b");
  EXPECT_EQ(spec.vocab[3].token, "");
  EXPECT_EQ(spec.vocab[4].token, "last");
  EXPECT_EQ(spec.vocab[4].id, 4);
}

TEST(VocabFile, ARepeatedTokenHasTheLastNumber) {
  const TokenizerSpec spec = read("[UNK]\na\nb\na\n").value();
  ASSERT_EQ(spec.vocab.size(), 3u);
  EXPECT_EQ(spec.vocab[1].token, "a");
  EXPECT_EQ(spec.vocab[1].id, 3);
}

TEST(VocabFile, SpecialTokensTheVocabularyLacksAreNumberedBehindIt) {
  const TokenizerSpec spec = read("[UNK]\na\n").value();  // in the order sep, pad, cls, mask
  EXPECT_EQ(spec.layout.sep_id, 2);
  EXPECT_EQ(spec.layout.cls_id, 4);
}

TEST(VocabFile, RefusesWithTheKey) {
  const auto message = [](const std::string& config, ErrorCode code) {
    const auto spec = read(kVocab, config);
    EXPECT_FALSE(spec.ok()) << config;
    EXPECT_EQ(spec.error().code, code) << config;
    return spec.error().message;
  };
  constexpr ErrorCode kBad = ErrorCode::kBadTokenizer;
  EXPECT_THAT(
      message(R"({"tokenizer_class": "BertJapaneseTokenizer"})", ErrorCode::kUnsupportedModel),
      HasSubstr("BertJapaneseTokenizer"));
  EXPECT_THAT(message(R"({"do_lower_case": "no"})", kBad), HasSubstr("`do_lower_case`"));
  EXPECT_THAT(message(R"({"cls_token": 5})", kBad), HasSubstr("`cls_token`"));
  EXPECT_THAT(message(R"({"cls_token": ""})", kBad), HasSubstr("`cls_token`"));
  EXPECT_THAT(message(R"({"added_tokens_decoder": []})", kBad), HasSubstr("added_tokens_decoder"));
  EXPECT_THAT(message(R"({"added_tokens_decoder": {"x": {"content": "y"}}})", kBad),
              HasSubstr("`added_tokens_decoder` must be token ids, not \"x\"."));
  EXPECT_THAT(message(R"({"added_tokens_decoder": {"1": "y"}})", kBad),
              HasSubstr("`added_tokens_decoder.1`"));
  EXPECT_THAT(message(R"({"additional_special_tokens": [1]})", kBad),
              HasSubstr("`additional_special_tokens[0]`"));
}

TEST(VocabFile, RefusesBytesThatAreNotUtf8) {
  const auto spec = read("[UNK]\n\xFF\n");
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(spec.error().message, HasSubstr("byte 6"));
}

}  // namespace
}  // namespace crossrank::text
