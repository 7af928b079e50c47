// tokenizer_bench: times src/text on pairs, one thread. Used by bench/tokenizer_speed.py, which
// sets the reference beside it; its digest shows that both did the same work.
//
//   tokenizer_bench TOKENIZER_JSON PAIRS
//
// PAIRS holds lines "query<TAB>document". It loads the tokenizer, then for each line on standard
// input runs all pairs once and prints
//   seconds pairs tokens load_milliseconds digest
// where tokens counts [CLS] q [SEP] d [SEP] uncut and digest is FNV-1a over all ids and token
// types.
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "text/pair_encoder.h"
#include "text/tokenizer.h"

namespace crossrank::text {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<std::pair<std::string_view, std::string_view>> split_pairs(std::string_view text) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t tab = std::min(line.find('\t'), line.size());
    pairs.emplace_back(line.substr(0, tab), line.substr(std::min(tab + 1, line.size())));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pairs;
}

// What a caller keeps of each pair.
struct Encoded {
  std::vector<std::int32_t> ids, type_ids;
};

std::uint64_t digest(const std::vector<Encoded>& encoded) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](std::int32_t value) {
    hash = (hash ^ static_cast<std::uint32_t>(value)) * 0x100000001b3;
  };
  for (const Encoded& pair : encoded) {
    for (const std::int32_t id : pair.ids) add(id);
    for (const std::int32_t type : pair.type_ids) add(type);
  }
  return hash;
}

void run(const std::string& tokenizer_json, const std::string& pairs_path) {
  const Clock::time_point load_start = Clock::now();
  const Tokenizer tokenizer =
      Tokenizer::load(base::map_file(tokenizer_json).value(), {}, {}).value();
  const double load_milliseconds = 1e3 * seconds_since(load_start);
  const base::Blob file = base::map_file(pairs_path).value();
  const auto pairs = split_pairs(file.bytes());

  for (std::string line; std::getline(std::cin, line);) {
    const Clock::time_point start = Clock::now();
    std::vector<Encoded> encoded(pairs.size());
    std::vector<std::int32_t> query, document;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      query.clear();
      document.clear();
      tokenizer.encode(pairs[i].first, query);
      tokenizer.encode(pairs[i].second, document);
      const PairCut cut{.query_tokens = query.size(),
                        .document_tokens = document.size(),
                        .special_tokens = tokenizer.layout().special_tokens()};
      encoded[i].ids.resize(cut.length());
      encoded[i].type_ids.resize(cut.length());
      write_pair(query, document, cut, tokenizer.layout(), encoded[i].ids.data(),
                 encoded[i].type_ids.data());
    }
    const double seconds = seconds_since(start);
    std::size_t tokens = 0;
    for (const Encoded& pair : encoded) tokens += pair.ids.size();
    std::cout << seconds << ' ' << pairs.size() << ' ' << tokens << ' ' << load_milliseconds << ' '
              << digest(encoded) << std::endl;
  }
}

}  // namespace
}  // namespace crossrank::text

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: tokenizer_bench TOKENIZER_JSON PAIRS < lines\n";
    return 2;
  }
  try {
    crossrank::text::run(argv[1], argv[2]);
  } catch (const std::exception& e) {
    std::cerr << "tokenizer_bench: " << e.what() << "\n";
    return 1;
  }
  return 0;
}
