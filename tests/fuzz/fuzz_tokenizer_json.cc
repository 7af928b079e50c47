// Fuzzer: any bytes as tokenizer.json, as vocab.txt and as tokenizer_config.json. Each gives a
// typed error with a message, or a tokenizer that encodes.
#include <string_view>
#include <vector>

#include "tests/fuzz/fuzz_check.h"
#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

void check(const base::Blob& tokenizer_json, const base::Blob& vocab_txt,
           const base::Blob& config) {
  const auto loaded = Tokenizer::load(tokenizer_json, vocab_txt, config);
  if (!loaded.ok()) {
    FUZZ_CHECK(loaded.error().code == ErrorCode::kBadTokenizer ||
               loaded.error().code == ErrorCode::kUnsupportedModel);
    FUZZ_CHECK(!loaded.error().message.empty());
    return;
  }
  FUZZ_CHECK(loaded->layout().cls_id >= 0 &&
             static_cast<std::size_t>(loaded->layout().cls_id) < loaded->vocab_size());
  FUZZ_CHECK(loaded->layout().sep_id >= 0 &&
             static_cast<std::size_t>(loaded->layout().sep_id) < loaded->vocab_size());
  std::vector<std::int32_t> ids, ids_with_spans;
  std::vector<ByteSpan> spans;
  constexpr std::string_view kText = "The Caf\u00e9 \u4f60 [CLS] a##b, x\u302e \u0130 <ent>";
  loaded->encode(kText, ids);
  loaded->encode(kText, ids_with_spans, &spans);
  FUZZ_CHECK(ids == ids_with_spans && spans.size() == ids.size());
  for (const std::int32_t id : ids) {
    FUZZ_CHECK(id >= 0 && static_cast<std::size_t>(id) < loaded->vocab_size());
  }
}

}  // namespace
}  // namespace crossrank::text

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using crossrank::base::Blob;
  const Blob bytes("fuzz", std::string_view(reinterpret_cast<const char*>(data), size));
  const Blob vocab("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\na\n##b\n");
  crossrank::text::check(bytes, {}, {});
  crossrank::text::check({}, bytes, {});
  crossrank::text::check({}, vocab, bytes);
  return 0;
}
