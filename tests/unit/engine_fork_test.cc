// After fork() the child has a CrossEncoder whose threads stayed in the parent: it must neither
// wait for them nor compute anything else. Not among the tests of threads, which run under TSan:
// it follows no process that was forked with threads.
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "crossrank/cross_encoder.h"
#include "tests/unit/tiny_model.h"

namespace crossrank {
namespace {

constexpr unsigned kSeconds = 20;  // until a child that waits for ever is killed

// The wait status of a child that ends with what `body` returns.
template <typename Body>
int status_of_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(kSeconds);
    _exit(body());
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST(Fork, AChildPredictsTheBitsOfItsParent) {
  const TinyModel model;
  std::optional<CrossEncoder> encoder = CrossEncoder::load(model.folder(), {.threads = 2}).value();
  std::mt19937 random(1);
  std::vector<std::string> documents;
  for (std::size_t i = 0; i < 300; ++i) documents.push_back(tiny_words(random, random() % 30));
  std::vector<TextPair> pairs;
  pairs.reserve(documents.size());
  for (const std::string& document : documents) pairs.push_back({"w1 w2", document});
  const Predictions expected = encoder->predict(pairs).value();

  const int status = status_of_child([&] {
    for (const std::size_t count : {pairs.size(), std::size_t{1}, std::size_t{3}}) {
      const Result<Predictions> got = encoder->predict(std::span(pairs).first(count));
      if (!got.ok() || got->size() != count) return 1;
      for (std::size_t i = 0; i < count; ++i) {
        if (std::bit_cast<std::uint32_t>((*got)[i].logit) !=
            std::bit_cast<std::uint32_t>(expected[i].logit)) {
          return 2;
        }
      }
    }
    encoder.reset();
    // One that the child makes has threads again.
    const Result<CrossEncoder> own = CrossEncoder::load(model.folder(), {.threads = 2});
    return own.ok() && own->predict(pairs).ok() ? 0 : 3;
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(encoder->predict(pairs).ok());
}

TEST(Fork, TheCopyOfAPoolRunsOnTheCaller) {
  base::ThreadPool pool(3);
  EXPECT_EQ(status_of_child([&] {
              std::size_t next = 0;
              bool in_order = true;
              pool.run(50, [&](std::size_t worker, std::size_t index) {
                in_order = in_order && worker == 0 && index == next++;
              });
              return in_order && next == 50 ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace crossrank
