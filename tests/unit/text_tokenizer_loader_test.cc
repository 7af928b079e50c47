// tokenizer.json and tokenizer_config.json: what is read, and what is refused with which words.
#include "text/tokenizer_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/mapped_file.h"
#include "json/json.h"
#include "tests/support/error_of.h"
#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kModel = std::string(CROSSRANK_SOURCE_DIR) + "/models/minilm-l6-crossrank/";

// A small valid tokenizer.json; `patch` is merged into it (RFC 7396: null removes).
std::string document(const std::string& patch = "{}") {
  json::Value value = json::parse(R"({
    "version": "1.0",
    "added_tokens": [{"id": 2, "content": "[CLS]", "single_word": false, "lstrip": false,
                      "rstrip": false, "normalized": false, "special": true}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                   "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "a": 1, "[CLS]": 2, "[SEP]": 3, "##b": 4}}
  })")
                          .value();
  value.merge_patch(json::parse(patch).value());
  return json::dump(value);
}

Result<Tokenizer> load(const std::string& tokenizer, const std::string& config = "") {
  return Tokenizer::load(base::Blob("dir/tokenizer.json", tokenizer), {},
                         config.empty() ? base::Blob() : base::Blob("dir/config.json", config));
}

std::vector<std::int32_t> encode(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> ids;
  tokenizer.encode(text, ids);
  return ids;
}

TEST(TokenizerLoader, ReadsTheEmbeddedModel) {
  const Tokenizer tokenizer =
      Tokenizer::load(base::map_file(kModel + "tokenizer.json").value(), {},
                      base::map_file(kModel + "tokenizer_config.json").value())
          .value();
  EXPECT_EQ(tokenizer.vocab_size(), 30522u);
  EXPECT_EQ(tokenizer.layout().cls_id, 101);
  EXPECT_EQ(tokenizer.layout().sep_id, 102);
  EXPECT_EQ(tokenizer.model_max_length(), 512u);
  EXPECT_FALSE(tokenizer.truncate_left());
  EXPECT_EQ(tokenizer.token(7592), "hello");
  EXPECT_EQ(tokenizer.token(-1), "");
  EXPECT_EQ(tokenizer.token(30522), "");
  EXPECT_THAT(encode(tokenizer, "Hello, world!"), testing::ElementsAre(7592, 1010, 2088, 999));
}

TEST(TokenizerLoader, VocabTxtOfTheEmbeddedModelGivesTheSameIds) {
  const Tokenizer from_json =
      Tokenizer::load(base::map_file(kModel + "tokenizer.json").value(), {}, {}).value();
  const Tokenizer from_vocab =
      Tokenizer::load({}, base::map_file(kModel + "vocab.txt").value(), {}).value();
  EXPECT_EQ(from_vocab.vocab_size(), from_json.vocab_size());
  EXPECT_EQ(from_vocab.layout().cls_id, from_json.layout().cls_id);
  EXPECT_EQ(from_vocab.layout().sep_id, from_json.layout().sep_id);
  for (const char* text : {"Tokenizing caf\u00e9s [SEP] unaffably [MASK]", "\u4f60\u597d #1"}) {
    EXPECT_EQ(encode(from_vocab, text), encode(from_json, text));
  }
}

TEST(TokenizerLoader, ReadsBothPostProcessors) {
  const Tokenizer processing = load(document()).value();
  EXPECT_EQ(processing.layout().cls_id, 2);
  EXPECT_EQ(processing.layout().sep_id, 3);
  EXPECT_EQ(processing.layout().special_tokens(), 3u);
  const Tokenizer roberta =
      load(document(R"({"post_processor": {"type": "RobertaProcessing"}})")).value();
  EXPECT_EQ(roberta.layout().special_tokens(), 4u);
}

TEST(TokenizerLoader, LimitsOfTheConfig) {
  const auto limit = [](const std::string& config) {
    return load(document(), config).value().model_max_length();
  };
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(load(document()).value().model_max_length(), kNone);
  EXPECT_EQ(limit("{}"), kNone);
  EXPECT_EQ(limit(R"({"model_max_length": null})"), kNone);
  EXPECT_EQ(limit(R"({"model_max_length": 512})"), 512u);
  EXPECT_EQ(limit(R"({"model_max_length": 512.0})"), 512u);
  EXPECT_EQ(limit(R"({"max_len": 128})"), 128u);
  EXPECT_EQ(limit(R"({"model_max_length": 1e30})"), kNone);
  EXPECT_EQ(limit(R"({"model_max_length": 1000000000000000019884624838656})"), kNone);
  EXPECT_TRUE(load(document(), R"({"truncation_side": "left"})").value().truncate_left());
}

TEST(TokenizerLoader, TheStoredTruncationGivesTheSideWhereTheConfigGivesNone) {
  const auto left = [](const std::string& truncation, const std::string& config = "{}") {
    return load(document("{\"truncation\": " + truncation + "}"), config).value().truncate_left();
  };
  const std::string stored =
      R"({"direction": "Left", "max_length": 512, "strategy": "LongestFirst", "stride": 0})";
  EXPECT_TRUE(left(stored));
  EXPECT_FALSE(left(stored, R"({"truncation_side": "right"})"));
  EXPECT_TRUE(left(R"({"direction": "Right"})", R"({"truncation_side": "left"})"));
  EXPECT_FALSE(left(R"({"direction": "Right"})"));
  EXPECT_FALSE(left(R"({"max_length": 512})"));
  EXPECT_FALSE(left("null"));
  EXPECT_EQ(error_of(load(document(R"({"truncation": {"direction": "left"}})"))).code,
            ErrorCode::kBadTokenizer);
}

TEST(TokenizerLoader, AcceptsAModelWithoutATypeAsIn2020) {
  EXPECT_TRUE(load(document(R"({"model": {"type": null}})")).ok());
  const Error error =
      error_of(load(document(R"({"model": {"type": null, "continuing_subword_prefix": null}})")));
  EXPECT_EQ(error.code, ErrorCode::kUnsupportedModel);
}

struct Refusal {
  const char* patch;
  ErrorCode code;
  std::vector<const char*> words;
};

class TokenizerLoaderRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(TokenizerLoaderRefuses, WithTheReason) {
  const Error error = error_of(load(document(GetParam().patch)));
  EXPECT_EQ(error.code, GetParam().code) << error.message;
  EXPECT_THAT(error.message, HasSubstr("dir/tokenizer.json"));
  for (const char* word : GetParam().words) EXPECT_THAT(error.message, HasSubstr(word));
}

constexpr ErrorCode kBad = ErrorCode::kBadTokenizer;
constexpr ErrorCode kUnsupported = ErrorCode::kUnsupportedModel;

INSTANTIATE_TEST_SUITE_P(
    Files, TokenizerLoaderRefuses,
    testing::Values(
        Refusal{R"({"version": "2.0"})", kBad, {"`version`", "\"2.0\""}},
        Refusal{R"({"model": null})", kBad, {"`model`", "is missing"}},
        Refusal{R"({"model": {"type": "BPE"}})", kUnsupported, {"BPE"}},
        Refusal{R"({"model": {"type": "Unigram"}})", kBad, {"`model.vocab` must be an array"}},
        Refusal{R"({"model": {"unk_token": null}})", kBad, {"`model.unk_token`"}},
        Refusal{R"({"model": {"unk_token": "<unk>"}})", kBad, {"<unk>", "vocabulary"}},
        Refusal{R"({"model": {"continuing_subword_prefix": 3}})",
                kBad,
                {"key `model.continuing_subword_prefix` must be", ", not 3."}},
        Refusal{R"({"model": {"max_input_chars_per_word": -1}})",
                kBad,
                {"key `model.max_input_chars_per_word` must be", ", not -1."}},
        Refusal{R"({"model": {"vocab": ["a"]}})", kBad, {"`model.vocab`", "an array of 1"}},
        Refusal{R"({"model": {"vocab": {"a": -1}}})",
                kBad,
                {"key `model.vocab.a` must be", ", not -1."}},
        Refusal{R"({"model": {"vocab": {"a": 1.5}}})",
                kBad,
                {"key `model.vocab.a` must be", ", not 1.5."}},
        Refusal{R"({"model": {"vocab": {"a": 4194304}}})", kBad, {"4194304", "4194303"}},
        Refusal{R"({"model": {"vocab": {"a": "1"}}})",
                kBad,
                {"key `model.vocab.a` must be", ", not \"1\"."}},
        Refusal{R"({"normalizer": {"type": "NFC"}})", kUnsupported, {"normalizer NFC"}},
        Refusal{R"({"normalizer": {"type": null}})", kBad, {"`normalizer.type`"}},
        Refusal{R"({"normalizer": {"lowercase": "yes"}})",
                kBad,
                {"key `normalizer.lowercase` must be", ", not \"yes\".", "true or false"}},
        Refusal{R"({"normalizer": {"clean_text": null}})", kBad, {"`normalizer.clean_text`"}},
        Refusal{R"({"normalizer": {"strip_accents": 0}})", kBad, {"`normalizer.strip_accents`"}},
        Refusal{R"({"normalizer": {"type": "Sequence", "normalizers": [{}, {}]}})",
                kUnsupported,
                {"Sequence of 2"}},
        Refusal{R"({"normalizer": {"type": "Sequence"}})", kBad, {"`normalizer.normalizers`"}},
        Refusal{R"({"pre_tokenizer": {"type": "Whitespace"}})",
                kUnsupported,
                {"pre-tokenizer Whitespace"}},
        Refusal{R"({"pre_tokenizer": 5})", kBad, {"key `pre_tokenizer` must be", ", not 5."}},
        Refusal{R"({"post_processor": null})", kUnsupported, {"post_processor"}},
        Refusal{R"({"post_processor": {"type": "ByteLevel"}})", kUnsupported, {"ByteLevel"}},
        Refusal{R"({"post_processor": {"cls": ["[CLS]"]}})", kBad, {"`post_processor.cls`"}},
        Refusal{R"({"post_processor": {"sep": ["[SEP]", "3"]}})",
                kBad,
                {"key `post_processor.sep[1]` must be", ", not \"3\"."}},
        Refusal{
            R"({"added_tokens": {}})", kBad, {"key `added_tokens` must be", ", not an object."}},
        Refusal{R"({"added_tokens": [7]})", kBad, {"key `added_tokens[0]` must be", ", not 7."}},
        Refusal{R"({"added_tokens": [{"id": 2, "content": "x"}]})",
                kBad,
                {"`added_tokens[0].single_word`"}}));

TEST(TokenizerLoader, RefusesAnAddedTokenThatNormalizesToNothing) {
  const Error error = error_of(load(document(R"({"added_tokens": [
      {"id": 5, "content": "\u0301", "single_word": false, "lstrip": false, "rstrip": false,
       "normalized": true, "special": false}]})")));
  EXPECT_EQ(error.code, kBad);
  EXPECT_THAT(error.message, AllOf(HasSubstr("dir/tokenizer.json"), HasSubstr("to nothing")));
}

TEST(TokenizerLoader, RefusesWhatIsNoJsonObject) {
  for (const char* text : {"", "{", "[]", "null", "\xFF", "{\"model\": }"}) {
    const Error error = error_of(load(text));
    EXPECT_EQ(error.code, kBad) << text;
    EXPECT_THAT(error.message, HasSubstr("dir/tokenizer.json")) << text;
  }
  EXPECT_EQ(error_of(load(std::string(100000, '['))).code, kBad);
}

TEST(TokenizerLoader, RefusesABadConfig) {
  for (const char* config :
       {"[]", "{", R"({"model_max_length": "512"})", R"({"model_max_length": -1})",
        R"({"truncation_side": "up"})", R"({"truncation_side": 1})"}) {
    const Error error = error_of(load(document(), config));
    EXPECT_EQ(error.code, kBad) << config;
    EXPECT_THAT(error.message, HasSubstr("dir/config.json")) << config;
  }
}

TEST(TokenizerLoader, NeedsOneOfTheFiles) {
  const auto loaded = Tokenizer::load({}, {}, {});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, kBad);
  EXPECT_THAT(loaded.error().message, HasSubstr("vocab.txt"));
}

// The template's parts in turn replaced by something else.
TEST(TokenizerLoader, RefusesOtherTemplates) {
  const std::string good = R"({"post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
               {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
    "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
             {"Sequence": {"id": "A", "type_id": 0}},
             {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
             {"Sequence": {"id": "B", "type_id": 1}},
             {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                       "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}}})";
  EXPECT_EQ(load(document(good)).value().layout().sep_id, 3);
  const std::pair<const char*, const char*> changes[] = {
      {R"({"Sequence": {"id": "B", "type_id": 1}})", R"({"Sequence": {"id": "B", "type_id": 0}})"},
      {R"({"Sequence": {"id": "B", "type_id": 1}})", R"({"Sequence": {"id": "A", "type_id": 1}})"},
      {R"({"SpecialToken": {"id": "[SEP]", "type_id": 1}})",
       R"({"SpecialToken": {"id": "[CLS]", "type_id": 1}})"},
      {R"({"SpecialToken": {"id": "[SEP]", "type_id": 1}})",
       R"({"SpecialToken": {"id": "[SEP]", "type_id": 0}})"},
      {R"({"SpecialToken": {"id": "[SEP]", "type_id": 1}}],)",
       R"({"SpecialToken": {"id": "[SEP]", "type_id": 1}}, {"Sequence": {"id": "A", "type_id": 0}}],)"},
      {R"("ids": [3])", R"("ids": [3, 3])"},
  };
  for (const auto& [from, to] : changes) {
    std::string changed = good;
    const std::size_t pos = changed.rfind(from);
    ASSERT_NE(pos, changed.npos);
    changed.replace(pos, std::string_view(from).size(), to);
    EXPECT_EQ(error_of(load(document(changed))).code, kUnsupported) << to;
  }
}

AddedToken added(const char* content) {
  AddedToken out;
  out.content = content;
  out.id = 99;  // what a file says does not count
  return out;
}

std::string unchanged(std::string_view text) { return std::string(text); }

TEST(ResolveAddedTokens, NumbersUnknownTokensBehindTheVocabulary) {
  const auto resolved =
      resolve_added_tokens("f", {added("x"), added("a"), added(""), added("y"), added("x")},
                           {{"a", 7}, {"b", 1}}, unchanged)
          .value();
  ASSERT_EQ(resolved.tokens.size(), 3u);
  EXPECT_EQ(resolved.tokens[0].content, "x");
  EXPECT_EQ(resolved.tokens[0].id, 2);
  EXPECT_EQ(resolved.tokens[1].content, "y");
  EXPECT_EQ(resolved.tokens[1].id, 3);
  EXPECT_EQ(resolved.tokens[2].content, "a");
  EXPECT_EQ(resolved.tokens[2].id, 7);
}

// The vocabulary has gaps: the next number is one that it has given already.
TEST(ResolveAddedTokens, KeepsTheIdOfAReplacedToken) {
  const auto resolved =
      resolve_added_tokens("f", {added("a"), added("x")}, {{"a", 2}, {"b", 3}}, unchanged).value();
  ASSERT_EQ(resolved.tokens.size(), 1u);
  EXPECT_EQ(resolved.tokens[0].content, "x");
  EXPECT_EQ(resolved.ids.at("a"), 2);
  EXPECT_EQ(resolved.ids.at("x"), 2);
}

TEST(ResolveAddedTokens, NormalizesThePatternNotTheContent) {
  AddedToken token = added("\u00c9A");
  token.normalized = true;
  const auto normalizer = [](std::string_view text) {
    return normalize(text, {true, true, true, true});
  };
  const auto resolved = resolve_added_tokens("f", {token}, {{"a", 0}}, normalizer).value();
  EXPECT_EQ(resolved.tokens[0].pattern, "ea");
  EXPECT_EQ(resolved.tokens[0].content, "\u00c9A");
}

}  // namespace
}  // namespace crossrank::text
