// What sentence-transformers saves beside a cross-encoder, and when it counts.
#include "model/saved_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "tests/support/error_of.h"

namespace crossrank::model {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kModules =
    R"([{"idx":0,"name":"0","path":"","type":"sentence_transformers.base.modules.transformer.Transformer"}])";

// An empty text stands for a file that is not there.
Result<SavedSettings> saved(const std::string& own, const std::string& transformer = "",
                            const std::string& modules = kModules) {
  const auto blob = [](const char* name, const std::string& text) {
    return text.empty() ? base::Blob() : base::Blob(name, text);
  };
  return parse_saved_settings(blob("modules.json", modules),
                              blob("config_sentence_transformers.json", own),
                              blob("sentence_bert_config.json", transformer));
}

Error saved_error(const std::string& own, const std::string& transformer = "",
                  const std::string& modules = kModules) {
  return error_of(saved(own, transformer, modules));
}

constexpr const char* kCrossEncoder = R"({"model_type":"CrossEncoder"})";

TEST(SavedSettings, ThePromptIsTheOneThatIsNamed) {
  const auto prompt = [](const std::string& members) {
    return saved(R"({"model_type":"CrossEncoder",)" + members + "}").value().query_prompt;
  };
  const std::string prompts = R"("prompts":{"a":"find: ","b":"Ü ","c":null})";
  EXPECT_EQ(prompt(prompts + R"(,"default_prompt_name":"a")"), "find: ");
  EXPECT_EQ(prompt(prompts + R"(,"default_prompt_name":"b")"), "Ü ");
  EXPECT_EQ(prompt(prompts + R"(,"default_prompt_name":"c")"), "");
  EXPECT_EQ(prompt(prompts + R"(,"default_prompt_name":null)"), "");
  EXPECT_EQ(prompt(prompts), "");
  EXPECT_EQ(saved(kCrossEncoder).value().query_prompt, "");
  EXPECT_TRUE(saved(kCrossEncoder).value().present);
}

TEST(SavedSettings, APromptThatIsNotThereIsNamed) {
  for (const char* members :
       {R"("prompts":{"a":"x"})", R"("prompts":{})", R"("prompts":null)", R"("prompts":{"b":1})"}) {
    const Error error = saved_error(R"({"model_type":"CrossEncoder","default_prompt_name":"b",)" +
                                    std::string(members) + "}");
    EXPECT_EQ(error.code, ErrorCode::kBadConfig);
    EXPECT_EQ(
        error.message,
        "config_sentence_transformers.json: key `default_prompt_name` is \"b\", but `prompts` "
        "has no such text.");
  }
  EXPECT_THAT(saved_error(R"({"model_type":"CrossEncoder","default_prompt_name":"b","prompts":[]})")
                  .message,
              HasSubstr("key `prompts` must be an object"));
}

TEST(SavedSettings, TheLengthIsTheTransformers) {
  EXPECT_EQ(saved(kCrossEncoder, R"({"max_seq_length":64})").value().max_seq_length, 64U);
  EXPECT_EQ(saved(kCrossEncoder, R"({"max_seq_length":null})").value().max_seq_length,
            std::nullopt);
  EXPECT_EQ(saved(kCrossEncoder, "{}").value().max_seq_length, std::nullopt);
  EXPECT_EQ(saved(kCrossEncoder).value().max_seq_length, std::nullopt);
  const Error error = saved_error(kCrossEncoder, R"({"max_seq_length":"64"})");
  EXPECT_EQ(error.code, ErrorCode::kBadConfig);
  EXPECT_THAT(error.message, StartsWith("sentence_bert_config.json: key `max_seq_length`"));
}

// The reference then goes by config.json and the tokenizer alone.
TEST(SavedSettings, CountOnlyForACrossEncoderWithModules) {
  const std::string prompt = R"("default_prompt_name":"a","prompts":{"a":"x"})";
  const std::string own = R"({"model_type":"CrossEncoder",)" + prompt + "}";
  const std::string length = R"({"max_seq_length":64})";
  EXPECT_TRUE(saved(own, length).value().present);
  const std::string other = R"({"model_type":"SentenceTransformer",)" + prompt + "}";
  const std::string none = "{" + prompt + "}";
  for (const auto& settings : {saved(own, length, ""), saved("", length), saved(other, length),
                               saved(none, length), saved(other, length, "[{}]")}) {
    ASSERT_TRUE(settings.ok()) << settings.error().message;
    EXPECT_FALSE(settings->present);
    EXPECT_EQ(settings->query_prompt, "");
    EXPECT_EQ(settings->max_seq_length, std::nullopt);
  }
}

TEST(SavedSettings, OtherModulesAreNamed) {
  const auto module = [](const std::string& type, const std::string& path) {
    return R"({"type":"sentence_transformers.)" + type + R"(","path":")" + path + "\"}";
  };
  const std::string transformer = module("models.Transformer", "");
  EXPECT_TRUE(saved(kCrossEncoder, "", "[" + transformer + "]").ok());
  for (const std::string& modules :
       {"[" + transformer + "," + module("models.Dense", "1_Dense") + "]",
        "[" + module("models.Dense", "1_Dense") + "]"}) {
    const Error error = saved_error(kCrossEncoder, "", modules);
    EXPECT_EQ(error.code, ErrorCode::kUnsupportedModel);
    EXPECT_THAT(error.message, HasSubstr("\"sentence_transformers.models.Dense\" in folder "
                                         "\"1_Dense\", is not supported"));
  }
  std::string twice = "[" + transformer;
  twice.append(",").append(transformer).append("]");
  for (const std::string& modules :
       {"[" + module("models.Transformer", "0_Transformer") + "]", twice,
        std::string(R"([{"type":"mine.Transformer","path":""}])")}) {
    EXPECT_EQ(saved_error(kCrossEncoder, "", modules).code, ErrorCode::kUnsupportedModel);
  }
  for (const char* modules :
       {"[]", "{}", "[", "[1]", R"([{"type":"a"}])", R"([{"type":1,"path":""}])"}) {
    const Error error = saved_error(kCrossEncoder, "", modules);
    EXPECT_EQ(error.code, ErrorCode::kBadConfig) << modules;
    EXPECT_THAT(error.message, StartsWith("modules.json: "));
  }
}

TEST(SavedSettings, WhatChangesTheInputIsNamed) {
  const std::pair<const char*, const char*> settings[] = {
      {"do_lower_case", R"({"do_lower_case":true})"},
      {"transformer_task", R"({"transformer_task":"fill-mask"})"},
      {"processing_kwargs", R"({"processing_kwargs":{"max_length":3}})"},
      {"processor_kwargs", R"({"processor_kwargs":{"max_length":3}})"},
      {"tokenizer_args", R"({"tokenizer_args":{"max_length":3}})"}};
  for (const auto& [key, file] : settings) {
    const Error error = saved_error(kCrossEncoder, file);
    EXPECT_EQ(error.code, ErrorCode::kUnsupportedModel) << key;
    EXPECT_THAT(error.message, HasSubstr(key));
  }
  EXPECT_TRUE(saved(kCrossEncoder,
                    R"({"do_lower_case":false,"processing_kwargs":{},"tokenizer_args":null,)"
                    R"("transformer_task":"sequence-classification","modality_config":{}})")
                  .ok());
}

}  // namespace
}  // namespace crossrank::model
