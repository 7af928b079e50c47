// Pairs for `bench`. The sentences were written for this file.
#include "bench_workload.h"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "line_reader.h"
#include "random.h"

namespace crossrank::cli {
namespace {

constexpr std::array<std::string_view, 8> kQueries = {
    "how hot should an oven be for bread",   "why is the sky red in the evening",
    "what does a bank do with my savings",   "how long do lithium batteries last",
    "who decides where a border runs",       "treatment of a sprained ankle",
    "difference between a crow and a raven", "when to prune apple trees",
};

constexpr std::array<std::string_view, 16> kSentences = {
    "A loaf is done when its base sounds hollow and a thermometer in the crumb reads 96 degrees.",
    "Low sunlight crosses more air, which scatters the blue away and leaves the longer waves.",
    "Deposits are lent to others; a reserve is kept for those who ask for their money back.",
    "Cells lose about a fifth of their capacity over eight hundred full cycles, sooner in heat.",
    "Surveyors marked the ridge with stones in 1871, and two treaties have confirmed the line.",
    "Rest, cooling and a firm bandage come first; a joint that bears no weight needs an X-ray.",
    "Ravens are larger, have a wedge-shaped tail and soar, while crows flap and gather in flocks.",
    "Cut in late winter, before the buds swell, and take out whatever grows towards the middle.",
    "The ferry leaves at half past seven, unless the wind is above force nine, and takes an hour.",
    "Interest is added once a quarter, so the yearly rate is a little above four times that.",
    "Glass is stronger than it looks: what breaks it are scratches that nobody can see.",
    "The committee met in October, heard both sides, and put off its decision for a year.",
    "Warm water holds less oxygen, and trout therefore move upstream when summer comes.",
    "Press the button until the lamp blinks twice, then wait for the tone before you speak.",
    "In the second half of the century the mills closed, and most families went to the coast.",
    "Each sample was weighed three times; the mean and the spread are given in the table.",
};

// Words of a passage: log-normal by a sum of twelve uniforms, clamped.
std::size_t words_of_passage(Random& random) {
  double normal = -6;
  for (int i = 0; i < 12; ++i) normal += random.uniform();
  const double words = std::exp(std::log(63.0) + 0.42 * normal);
  return static_cast<std::size_t>(std::min(400.0, std::max(10.0, words)));
}

std::string passage(Random& random, std::size_t words) {
  std::string text;
  for (std::size_t n = 0; n < words;) {
    for (const char c : kSentences[random.bits() % kSentences.size()]) {
      if (c == ' ' && ++n >= words) return text;
      text += c;
    }
    text += ' ';
    ++n;
  }
  return text;
}

}  // namespace

std::vector<TextPair> BenchWorkload::views() const {
  std::vector<TextPair> out;
  out.reserve(pairs.size());
  for (const PairRecord& pair : pairs) out.push_back({pair.query, pair.document});
  return out;
}

BenchWorkload builtin_workload(std::size_t count) {
  BenchWorkload workload;
  workload.name = "built-in pairs";
  Random random(2019);
  for (std::size_t i = 0; i < count; ++i) {
    PairRecord pair;
    pair.query = kQueries[i / 100 % kQueries.size()];  // as many documents a query as BM25 gives
    pair.document = passage(random, words_of_passage(random));
    workload.pairs.push_back(std::move(pair));
  }
  return workload;
}

Result<BenchWorkload> read_workload(const std::string& path, PairFormat format, std::size_t count) {
  CR_TRY_ASSIGN(InputFile file, InputFile::open(path));
  BenchWorkload workload;
  workload.name = file.name();
  LineReader reader(std::move(file));
  Repairs repairs;
  std::string storage;
  while (workload.pairs.size() < count) {
    CR_TRY_ASSIGN(const auto line, reader.next());
    if (!line) break;
    if (is_blank(*line)) continue;
    const auto parse = [&]() -> Result<PairRecord> {
      const bool is_json = format != PairFormat::kTsv;
      const std::string_view text = repair(*line, is_json, reader.line_number(), storage, repairs);
      if (format == PairFormat::kAuto) {
        CR_TRY_ASSIGN(format, detect_pair_format(text));
      }
      return parse_pair(text, format);
    };
    auto pair = parse();
    if (!pair.ok()) {
      return Error{pair.error().code, workload.name + ":" + std::to_string(reader.line_number()) +
                                          ": " + pair.error().message};
    }
    workload.pairs.push_back(*std::move(pair));
  }
  if (workload.pairs.empty()) {
    return Error{ErrorCode::kBadInput, workload.name +
                                           " has no pairs; give {\"query\": ..., "
                                           "\"document\": ...} or query TAB document "
                                           "a line, or no file for built-in pairs"};
  }
  return workload;
}

}  // namespace crossrank::cli
