// Tokenizer against tests/tokenizer/cases: ids and spans that the reference gave. The files
// are made by tests/tokenizer/generate.py.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "json/json.h"
#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

const std::filesystem::path kSource = CROSSRANK_SOURCE_DIR;
const std::filesystem::path kCases = kSource / "tests/tokenizer/cases";

// The file `name` of a case: absent, an object (JSON) or a string (its bytes).
base::Blob case_file(const json::Value& files, const char* name, std::string& bytes) {
  if (!files.contains(name)) return {};
  bytes = files[name].is_string() ? files[name].get<std::string>() : json::dump(files[name]);
  return {name, bytes};
}

Tokenizer load(const json::Value& head) {
  if (head.contains("model")) {
    const auto path = kSource / "models" / head["model"].get<std::string>() / "tokenizer.json";
    return Tokenizer::load(base::map_file(path).value(), {}, {}).value();
  }
  const json::Value& files = head["files"];
  std::string tokenizer, vocab, config;
  return Tokenizer::load(case_file(files, "tokenizer.json", tokenizer),
                         case_file(files, "vocab.txt", vocab),
                         case_file(files, "tokenizer_config.json", config))
      .value();
}

class TokenizerGolden : public testing::TestWithParam<std::string> {};

TEST_P(TokenizerGolden, IdsAndSpansAreTheReferences) {
  std::ifstream lines(kCases / (GetParam() + ".jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const json::Value head = json::parse(line).value();
  const Tokenizer tokenizer = load(head);
  int cases = 0;
  while (std::getline(lines, line)) {
    const json::Value row = json::parse(line).value();
    const std::string text = row["text"].get<std::string>();
    SCOPED_TRACE(line);
    std::vector<std::int32_t> ids, ids_with_spans;
    std::vector<ByteSpan> spans;
    tokenizer.encode(text, ids);
    tokenizer.encode(text, ids_with_spans, &spans);
    EXPECT_EQ(ids, row["ids"].get<std::vector<std::int32_t>>());
    EXPECT_EQ(ids_with_spans, ids);
    std::vector<std::vector<std::uint32_t>> pairs;
    pairs.reserve(spans.size());
    for (const ByteSpan& span : spans) pairs.push_back({span.begin, span.end});
    EXPECT_EQ(pairs, row["spans"].get<decltype(pairs)>());
    ++cases;
  }
  EXPECT_GE(cases, 40);
  if (head.contains("pair")) {  // [CLS] x [SEP] x [SEP]
    std::vector<std::int32_t> pair = {tokenizer.layout().cls_id};
    for (int side = 0; side < 2; ++side) {
      tokenizer.encode("x", pair);
      pair.push_back(tokenizer.layout().sep_id);
    }
    EXPECT_EQ(pair, head["pair"].get<std::vector<std::int32_t>>());
  }
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kCases)) {
    names.push_back(entry.path().stem().string());
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Cases, TokenizerGolden, testing::ValuesIn(case_names()),
                         [](const auto& name) { return name.param; });

TEST(TokenizerGoldenCases, AreThere) { EXPECT_EQ(case_names().size(), 25u); }

}  // namespace
}  // namespace crossrank::text
