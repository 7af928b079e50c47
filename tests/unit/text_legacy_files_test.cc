// special_tokens_map.json and added_tokens.json beside vocab.txt. The ids are those of transformers
// 5.24 for the same files.
#include "text/legacy_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kVocab = "[PAD]\n[UNK]\n<s>\n</s>\n[MASK]\n[CLS]\n[SEP]\ntea\nnew\n##tok\n";
constexpr const char* kMap = R"({"cls_token": "<s>", "sep_token": {"content": "</s>",
    "lstrip": false, "normalized": false, "rstrip": false, "single_word": false},
    "additional_special_tokens": ["[X]"]})";
constexpr const char* kAdded = R"({"[Y]": 11, "newtok": 10})";

Result<Tokenizer> load(const std::string& map, const std::string& added,
                       const std::string& config = "{}") {
  return Tokenizer::load(
      {}, base::Blob("dir/vocab.txt", kVocab), base::Blob("dir/tokenizer_config.json", config),
      {base::Blob("dir/special_tokens_map.json", map), base::Blob("dir/added_tokens.json", added)});
}

std::vector<std::int32_t> ids(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> out;
  tokenizer.encode(text, out);
  return out;
}

TEST(LegacyFiles, NameTheTokensOfAVocabulary) {
  const Tokenizer tokenizer = load(kMap, kAdded).value();
  EXPECT_EQ(tokenizer.layout().cls_id, 2);
  EXPECT_EQ(tokenizer.layout().sep_id, 3);
  EXPECT_THAT(ids(tokenizer, "tea newtok [X] [Y] </s>"), ElementsAre(7, 10, 12, 11, 3));
  EXPECT_THAT(ids(load("{}", "{}").value(), "newtok"), ElementsAre(8, 9));
  EXPECT_EQ(load("{}", "{}").value().layout().cls_id, 5);
}

TEST(LegacyFiles, DoNotCountBesideADecoder) {
  const Tokenizer tokenizer = load(kMap, kAdded, R"({"added_tokens_decoder": {}})").value();
  EXPECT_EQ(tokenizer.layout().cls_id, 5);
  EXPECT_THAT(ids(tokenizer, "newtok"), ElementsAre(8, 9));
}

TEST(LegacyFiles, ErrorsNameTheFile) {
  for (const auto& [map, added, where] :
       {std::tuple("[]", "{}", "dir/special_tokens_map.json"),
        std::tuple("{}", "{", "dir/added_tokens.json"),
        std::tuple("{}", R"({"a": "b"})", "dir/added_tokens.json"),
        std::tuple("{}", R"({"a": -1})", "dir/added_tokens.json")}) {
    const auto loaded = load(map, added);
    ASSERT_FALSE(loaded.ok()) << map << added;
    EXPECT_EQ(loaded.error().code, ErrorCode::kBadTokenizer);
    EXPECT_THAT(loaded.error().message, HasSubstr(where));
  }
}

}  // namespace
}  // namespace crossrank::text
