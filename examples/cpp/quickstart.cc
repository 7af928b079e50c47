// The library in one page: load a model, rank documents. The argument is a model; without one it is
// "builtin", which the program carries since it links crossrank::builtin.
#include <cstdio>
#include <string_view>
#include <vector>

#include "crossrank/crossrank.h"

int main(int argc, char** argv) {
  // A folder, a hub id such as "cross-encoder/ms-marco-MiniLM-L-6-v2", or "builtin".
  const auto encoder = crossrank::CrossEncoder::load(argc > 1 ? argv[1] : "builtin");
  if (!encoder.ok()) {
    std::fprintf(stderr, "%s\n", encoder.error().message.c_str());
    return 1;
  }

  const std::string_view query = "how long should green tea steep";
  const std::vector<std::string_view> documents = {
      "Black tea is rolled and oxidised before it is dried.",
      "Steep green tea for two minutes in water of 75 degrees; boiling water makes it bitter.",
      "The kettle was invented long before the teapot.",
  };
  const auto ranking = encoder->rank(query, documents, {.top_k = 2});
  if (!ranking.ok()) {
    std::fprintf(stderr, "%s\n", ranking.error().message.c_str());
    return 1;
  }
  for (const crossrank::RankedIndex& place : *ranking) {
    std::printf("%8.4f  %s\n", static_cast<double>(place.pair.logit),
                std::string(documents[place.index]).c_str());
  }
  return 0;
}
