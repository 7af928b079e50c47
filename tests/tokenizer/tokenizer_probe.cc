// tokenizer_probe: runs src/text on texts from standard input for tests/tokenizer/compare.py.
// A filter with a binary protocol, not a command for people.
//
//   tokenizer_probe ids   TOKENIZER_JSON [VOCAB_TXT [TOKENIZER_CONFIG]]   "" = absent
//   tokenizer_probe spans TOKENIZER_JSON [VOCAB_TXT [TOKENIZER_CONFIG]]
//   tokenizer_probe normalize CLEAN_TEXT CHINESE STRIP_ACCENTS LOWERCASE  each 0 or 1
//   tokenizer_probe cut
//
// In: records of a uint32 length and that many bytes of UTF-8. Out, for each: `ids`, a uint32 count
// and that many int32; `spans`, a count and (int32 id, uint32 begin, uint32 end) each; `normalize`,
// a length and bytes. `cut` reads (uint32 query, document, max_length, left) and writes the four
// numbers of the longest_first PairCut. All little-endian.
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "text/normalizer.h"
#include "text/pair_encoder.h"
#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

static_assert(std::endian::native == std::endian::little);

template <typename T>
bool read(T& value) {
  return std::cin.read(reinterpret_cast<char*>(&value), sizeof(value)).good();
}

template <typename T>
void write(const T& value) {
  std::cout.write(reinterpret_cast<const char*>(&value), sizeof(value));
}

bool read_text(std::string& text) {
  std::uint32_t length = 0;
  if (!read(length)) return false;
  text.resize(length);
  return std::cin.read(text.data(), length).good();
}

base::Blob map(const std::string& path) {
  return path.empty() ? base::Blob() : base::map_file(path).value();
}

void run_tokenizer(bool with_spans, const std::array<std::string, 3>& files) {
  const Tokenizer tokenizer = Tokenizer::load(map(files[0]), map(files[1]), map(files[2])).value();
  std::string text;
  std::vector<std::int32_t> ids;
  std::vector<ByteSpan> spans;
  while (read_text(text)) {
    ids.clear();
    spans.clear();
    tokenizer.encode(text, ids, with_spans ? &spans : nullptr);
    write(static_cast<std::uint32_t>(ids.size()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      write(ids[i]);
      if (with_spans) write(spans[i]);
    }
  }
}

void run_normalizer(const NormalizerOptions& options) {
  std::string text;
  while (read_text(text)) {
    const std::string normalized = normalize(text, options);
    write(static_cast<std::uint32_t>(normalized.size()));
    std::cout << normalized;
  }
}

void run_cut() {
  std::array<std::uint32_t, 4> in = {};
  while (read(in)) {
    const PairCut cut =
        cut_pair(in[0], in[1], {.max_length = in[2], .truncate_left = in[3] != 0}).value();
    for (const std::size_t n :
         {cut.query_begin, cut.query_tokens, cut.document_begin, cut.document_tokens}) {
      write(static_cast<std::uint32_t>(n));
    }
  }
}

bool run(const std::vector<std::string>& args) {
  const std::string mode = args.empty() ? "" : args[0];
  if ((mode == "ids" || mode == "spans") && args.size() >= 2 && args.size() <= 4) {
    std::array<std::string, 3> files;
    std::copy(args.begin() + 1, args.end(), files.begin());
    run_tokenizer(mode == "spans", files);
  } else if (mode == "normalize" && args.size() == 5) {
    run_normalizer({args[1] == "1", args[2] == "1", args[3] == "1", args[4] == "1"});
  } else if (mode == "cut" && args.size() == 1) {
    run_cut();
  } else {
    return false;
  }
  return std::cout.flush().good();
}

}  // namespace
}  // namespace crossrank::text

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  try {
    if (crossrank::text::run({argv + 1, argv + argc})) return 0;
    std::cerr << "tokenizer_probe: see the head of tokenizer_probe.cc for the arguments\n";
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "tokenizer_probe: " << e.what() << "\n";
    return 1;
  }
}
