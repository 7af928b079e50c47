// Fuzzer: any bytes as a text for SentencePiece tokenizers, and as a charsmap. The encoder and the
// stage-by-stage one with spans must give the same ids; a charsmap gives an error or a normalizer
// whose two ways agree.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "json/json.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/support/base64.h"
#include "text/sentencepiece_normalizer.h"
#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

// The tokenizers of tests/tokenizer: every form of the stages.
std::vector<Tokenizer> load_all() {
  std::vector<Tokenizer> tokenizers;
  for (const char* name : {"", "_old", "_squeezed", "_stripped", "_first", "_never", "_bytes"}) {
    std::ifstream file(std::string(CROSSRANK_SOURCE_DIR "/tests/tokenizer/cases/unigram") + name +
                       ".jsonl");
    std::string line;
    std::getline(file, line);
    const auto head = json::parse(line);
    FUZZ_CHECK(head.ok());
    const std::string document = json::dump((*head)["files"]["tokenizer.json"]);
    auto loaded = Tokenizer::load(base::Blob("fuzz.json", document), {}, {});
    FUZZ_CHECK(loaded.ok());
    tokenizers.push_back(std::move(*loaded));
  }
  return tokenizers;
}

void check_text(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> ids, ids_with_spans;
  std::vector<ByteSpan> spans;
  tokenizer.encode(text, ids);
  tokenizer.encode(text, ids_with_spans, &spans);
  FUZZ_CHECK(ids == ids_with_spans);
  FUZZ_CHECK(spans.size() == ids.size());
  for (const std::int32_t id : ids) FUZZ_CHECK(!tokenizer.token(id).empty());
  for (const ByteSpan& span : spans) FUZZ_CHECK(span.end <= text.size());
}

void check_charsmap(std::string_view bytes) {
  auto charsmap = Charsmap::parse(base64(bytes));
  if (!charsmap.ok()) {
    FUZZ_CHECK(charsmap.error().code == ErrorCode::kBadTokenizer);
    return;
  }
  SentencePieceStage stage;
  stage.charsmap = std::move(*charsmap);
  const SentencePieceNormalizer normalizer({stage});
  constexpr std::string_view kText =
      "The cafe\u0301 \u2460\u0301 \ufb01x\r\nq\u200b\u4f60 \u1100\u1161";
  std::string aligned;
  for (const AlignedChar& a : normalizer.normalize_aligned(kText)) base::append_utf8(aligned, a.c);
  FUZZ_CHECK(aligned == normalizer.normalize(kText));
}

}  // namespace
}  // namespace crossrank::text

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<crossrank::text::Tokenizer> kTokenizers = crossrank::text::load_all();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string text = crossrank::base::repair_utf8(bytes).value_or(std::string(bytes));
  for (const auto& tokenizer : kTokenizers) crossrank::text::check_text(tokenizer, text);
  crossrank::text::check_charsmap(bytes);
  return 0;
}
