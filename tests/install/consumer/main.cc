// Scores with an installed crossrank: consumer MODEL. Exits with 0 if the scores are right.
#include <crossrank/crossrank.h>

#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

int main(int argc, char** argv) {
  const std::string_view model = argc > 1 ? argv[1] : "";
  const auto encoder = crossrank::CrossEncoder::load(model, {.threads = 1});
  if (!encoder) {
    std::fprintf(stderr, "load: %s\n", encoder.error().message.c_str());
    return 1;
  }
  const std::string_view query = "What is the capital of France?";
  const std::vector<std::string_view> documents = {"Cats sleep for most of the day.",
                                                   "Paris is the capital of France."};
  const auto ranking = encoder->rank(query, documents);
  if (!ranking) {
    std::fprintf(stderr, "rank: %s\n", ranking.error().message.c_str());
    return 1;
  }
  for (const auto& ranked : *ranking) {
    std::printf("%zu %.9g\n", ranked.index, static_cast<double>(ranked.pair.logit));
    const crossrank::TextPair pair{query, documents[ranked.index]};
    const auto alone = encoder->predict({&pair, 1});
    if (!alone || !std::isfinite(ranked.pair.logit) || (*alone)[0].logit != ranked.pair.logit) {
      std::fprintf(stderr, "document %zu scores otherwise alone\n", ranked.index);
      return 1;
    }
  }
  // Only a trained model knows the answer; models made of random weights are here to be loaded.
  const bool answered = ranking->size() == 2 && ranking->front().index == 1;
  return model == "builtin" && !answered ? 1 : 0;
}
