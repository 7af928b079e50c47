// ShardIndex: which files an index may name, and what it says of its tensors.
#include "json/shard_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace crossrank::json {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

Result<ShardIndex> index_of(const std::string& text) {
  return parse_shard_index(base::Blob("x.json", text));
}

std::string refusal(const std::string& text) {
  const auto index = index_of(text);
  EXPECT_FALSE(index.ok()) << text;
  if (index.ok()) return "";
  EXPECT_EQ(index.error().code, ErrorCode::kBadSafetensors);
  EXPECT_THAT(index.error().message, StartsWith("x.json: "));
  return index.error().message;
}

TEST(ShardIndex, FilesAndTensors) {
  const auto index = index_of(
      R"({"metadata": {}, "weight_map": {"b": "2.safetensors", "a": "1.safetensors",
          "c": "1.safetensors"}})");
  ASSERT_TRUE(index.ok()) << index.error().message;
  EXPECT_THAT(index->files, ElementsAre("1.safetensors", "2.safetensors"));
  EXPECT_THAT(index->tensors, ElementsAre(Pair("b", 1), Pair("a", 0), Pair("c", 0)));
}

TEST(ShardIndex, NamesFilesBesideItselfOnly) {
  const std::string long_name = std::string(189, 'a') + ".safetensors";  // 201 bytes
  for (const std::string& name :
       {std::string("../1.safetensors"), std::string("/1.safetensors"),
        std::string("b/1.safetensors"), std::string(R"(..\\1.safetensors)"), std::string(".."),
        std::string("."), std::string(), std::string("/etc/passwd"), std::string("1.bin"),
        std::string(".safetensors"), std::string(R"(a\u0000.safetensors)"),
        std::string("a b.safetensors"), std::string("\u00e9.safetensors"), long_name}) {
    EXPECT_THAT(refusal(R"({"weight_map": {"t": ")" + name + "\"}}"),
                HasSubstr("tensor \"t\" names \""))
        << name;
  }
  EXPECT_TRUE(index_of(R"({"weight_map": {"t": ")" + long_name.substr(1) + "\"}}").ok());
}

TEST(ShardIndex, MalformedOnes) {
  for (const char* text : {"", "[]", "{", "{}", R"({"weight_map":[]})", R"({"weight_map":{}})",
                           R"({"weight_map":{"a":1}})", R"({"weight_map":{"a":null}})"}) {
    refusal(text);
  }
  EXPECT_THAT(refusal(R"({"weight_map":{"a":"x.safetensors","a":"y.safetensors"}})"),
              HasSubstr("the key \"a\" is repeated"));
}

TEST(ShardIndex, Bounds) {
  const auto with_files = [](int count) {
    std::string text = R"({"weight_map": {)";
    for (int i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      text.append(i == 0 ? "\"" : ",\"").append(n).append("\":\"").append(n);
      text.append(".safetensors\"");
    }
    return text + "}}";
  };
  EXPECT_TRUE(index_of(with_files(1000)).ok());
  EXPECT_THAT(refusal(with_files(1001)), HasSubstr("more than 1000 files"));
  std::string large = with_files(1);
  large.resize(kMaxIndexBytes, ' ');
  EXPECT_TRUE(index_of(large).ok());
  EXPECT_THAT(refusal(large + " "), HasSubstr("exceeds 16 MB"));
}

}  // namespace
}  // namespace crossrank::json
