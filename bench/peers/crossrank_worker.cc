// Worker of the peer benchmark: loads a model once, then scores lists of pairs that come through
// standard input, so that crossrank is timed as its peers are, in a process that lives on. No CLI.
//
//   crossrank_worker MODEL fp32|bf16|int8 THREADS [ISA]
//
// Request:  "COUNT\n", then COUNT times "QUERY_BYTES DOCUMENT_BYTES\n" and the bytes of both.
// Answer:   "ready ISA LOAD_SECONDS\n" once, then for each request "SECONDS\n" and a logit a line.
//           SECONDS is predict() alone: tokenization and the forward pass.
#include <charconv>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "crossrank/cross_encoder.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int fail(std::string_view message) {
  std::cerr << "crossrank_worker: " << message << '\n';
  return 1;
}

struct Text {
  std::string query, document;
};

enum class Read { kRequest, kEnd, kCutShort };

Read read_request(std::vector<Text>& texts) {
  std::size_t count = 0;
  if (!(std::cin >> count)) return std::cin.eof() ? Read::kEnd : Read::kCutShort;
  texts.resize(count);
  for (Text& text : texts) {
    std::size_t query_bytes = 0, document_bytes = 0;
    if (!(std::cin >> query_bytes >> document_bytes)) return Read::kCutShort;
    std::cin.get();  // The line feed behind the lengths.
    text.query.resize(query_bytes);
    text.document.resize(document_bytes);
    std::cin.read(text.query.data(), static_cast<std::streamsize>(query_bytes));
    std::cin.read(text.document.data(), static_cast<std::streamsize>(document_bytes));
  }
  return std::cin ? Read::kRequest : Read::kCutShort;
}

bool parse_options(int argc, char** argv, crossrank::LoadOptions& options) {
  using crossrank::Precision;
  const std::string_view precision = argv[2], threads = argv[3];
  if (precision == "fp32") {
    options.precision = Precision::kFp32;
  } else if (precision == "bf16") {
    options.precision = Precision::kBf16;
  } else if (precision == "int8") {
    options.precision = Precision::kInt8;
  } else {
    return false;
  }
  const char* end = threads.data() + threads.size();
  const auto [read, error] = std::from_chars(threads.data(), end, options.threads);
  if (argc == 5) options.isa = argv[4];
  return error == std::errc() && read == end;
}

}  // namespace

int main(int argc, char** argv) {
  crossrank::LoadOptions options;
  if ((argc != 4 && argc != 5) || !parse_options(argc, argv, options)) {
    return fail("usage: crossrank_worker MODEL fp32|bf16|int8 THREADS [ISA]");
  }
  std::ios::sync_with_stdio(false);
  const auto load_begin = Clock::now();
  const auto encoder = crossrank::CrossEncoder::load(argv[1], options);
  if (!encoder.ok()) return fail(encoder.error().message);
  std::cout << "ready " << encoder->info().isa << ' ' << seconds_since(load_begin) << std::endl;

  std::vector<Text> texts;
  Read read = Read::kEnd;
  while ((read = read_request(texts)) == Read::kRequest) {
    std::vector<crossrank::TextPair> pairs;
    for (const Text& text : texts) pairs.push_back({text.query, text.document});
    const auto begin = Clock::now();
    const auto predictions = encoder->predict(pairs);
    const double seconds = seconds_since(begin);
    if (!predictions.ok()) return fail(predictions.error().message);
    std::cout << seconds << '\n';
    std::cout.precision(9);
    for (const auto& pair : *predictions) std::cout << pair.logit << '\n';
    std::cout.flush();
  }
  return read == Read::kEnd ? 0 : fail("a request is cut short or malformed");
}
