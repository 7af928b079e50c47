// Fuzzer: any bytes as a text. The one-pass encoder and the stage-by-stage one with spans must give
// the same ids, the ids must exist, and the spans must lie in the text in order.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "tests/fuzz/fuzz_check.h"
#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

// Short tokens, marks that keep their order, and added tokens with every flag.
constexpr std::string_view kDocument = R"({
  "version": "1.0",
  "added_tokens": [
    {"id": 0, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false,
     "normalized": false, "special": true},
    {"id": 0, "content": "<l>", "single_word": false, "lstrip": true, "rstrip": false,
     "normalized": false, "special": false},
    {"id": 0, "content": "<r>", "single_word": false, "lstrip": false, "rstrip": true,
     "normalized": false, "special": false},
    {"id": 0, "content": "  ", "single_word": false, "lstrip": true, "rstrip": false,
     "normalized": false, "special": false},
    {"id": 0, "content": "foo", "single_word": true, "lstrip": false, "rstrip": false,
     "normalized": NORMALIZED, "special": false},
    {"id": 0, "content": "A\u00c9", "single_word": false, "lstrip": true, "rstrip": true,
     "normalized": NORMALIZED, "special": false}],
  "normalizer": NORMALIZER,
  "pre_tokenizer": PRE_TOKENIZER,
  "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
  "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 20,
            "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##a": 4, "ab": 5, "##bc": 6,
                      "\u302e": 7, "##\u302e": 8, "##\ud834\udd65": 9, ".": 10, "##\u0301": 11,
                      "\u4f60": 12, "e": 13, "##e": 14, "f": 15, "##o": 16, "i": 17,
                      "##i": 18, "\u1100": 19, "##\u1161": 20, " ": 21, "## ": 22}}
})";

constexpr std::string_view kUncased =
    R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
        "strip_accents": null, "lowercase": true})";
constexpr std::string_view kCased =
    R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
        "strip_accents": null, "lowercase": false})";

Tokenizer make(std::string_view normalizer, std::string_view pre_tokenizer,
               std::string_view normalized) {
  std::string document(kDocument);
  const auto fill = [&](std::string_view name, std::string_view value) {
    for (std::size_t pos = document.find(name); pos != document.npos; pos = document.find(name)) {
      document.replace(pos, name.size(), value);
    }
  };
  fill("NORMALIZER", normalizer);
  fill("PRE_TOKENIZER", pre_tokenizer);
  fill("NORMALIZED", normalized);
  auto loaded = Tokenizer::load(base::Blob("fuzz.json", document), {}, {});
  FUZZ_CHECK(loaded.ok());
  return std::move(*loaded);
}

void check(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> ids, ids_with_spans;
  std::vector<ByteSpan> spans;
  tokenizer.encode(text, ids);
  tokenizer.encode(text, ids_with_spans, &spans);
  FUZZ_CHECK(ids == ids_with_spans);
  FUZZ_CHECK(spans.size() == ids.size());
  for (const std::int32_t id : ids) FUZZ_CHECK(!tokenizer.token(id).empty());
  for (const ByteSpan& span : spans) {
    FUZZ_CHECK(span.begin < span.end && span.end <= text.size());
    FUZZ_CHECK(base::is_valid_utf8(text.substr(span.begin, span.end - span.begin)));
  }
}

}  // namespace
}  // namespace crossrank::text

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using crossrank::text::kCased;
  using crossrank::text::kUncased;
  using crossrank::text::make;
  constexpr std::string_view kBert = R"({"type": "BertPreTokenizer"})";
  static const crossrank::text::Tokenizer kTokenizers[] = {
      make(kUncased, kBert, "true"), make(kUncased, kBert, "false"), make(kCased, kBert, "true"),
      make("null", kBert, "true"), make(kUncased, "null", "true")};
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string text = crossrank::base::repair_utf8(bytes).value_or(std::string(bytes));
  for (const auto& tokenizer : kTokenizers) crossrank::text::check(tokenizer, text);
  return 0;
}
