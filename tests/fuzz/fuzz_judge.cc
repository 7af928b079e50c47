// Fuzzes what a judge's server sends and what strangers put into a prompt. No network.
#include <cmath>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "judge/answer.h"
#include "judge/prompt.h"
#include "judge/untrusted.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

namespace base = crossrank::base;
namespace judge = crossrank::judge;

bool is_clean(std::string_view text) {
  for (std::size_t pos = 0; pos < text.size(); ++pos) {
    if (base::control_length(text, pos) != 0) return false;
  }
  return base::is_valid_utf8(text);
}

void check_ratings(const judge::Ratings& ratings, std::size_t places) {
  FUZZ_CHECK(ratings.size() == places);
  for (const auto& rating : ratings) {
    if (!rating) continue;
    FUZZ_CHECK(rating->relevance >= 0 && rating->relevance <= 10);
    FUZZ_CHECK(rating->relevance == std::floor(rating->relevance));
    FUZZ_CHECK(is_clean(rating->reason) && base::count_code_points(rating->reason) <= 200);
  }
}

void check_answer(std::string_view text) {
  check_ratings(judge::read_ratings(text, 3), 3);
  const auto completion = judge::read_completion(text, true);
  if (completion.ok()) {
    check_ratings(judge::read_ratings(completion->content, 5), 5);
    FUZZ_CHECK(!completion->expected_relevance ||
               (*completion->expected_relevance >= 0 && *completion->expected_relevance <= 10));
    FUZZ_CHECK(is_clean(completion->model));
  } else {
    FUZZ_CHECK(!completion.error().message.empty() && completion.error().message.size() < 1000);
  }
  const std::string error = judge::error_text(text);
  FUZZ_CHECK(is_clean(error) && error.size() < 400);
  const auto seconds = judge::retry_after_seconds(text);
  FUZZ_CHECK(!seconds || (*seconds >= 0 && std::isfinite(*seconds)));
}

// Every line between two fence lines is marked, or is the line of metadata or the cut mark.
void check_prompt(std::string_view text) {
  const std::string_view half = text.substr(0, text.size() / 2);
  const std::vector<judge::Candidate> candidates = {
      {.content = text, .metadata = {{half, std::string(text)}}},
      {.content = half, .metadata = {}}};
  const judge::Deal deal = judge::deal(2, 1).value();
  for (const std::size_t tokens : {700, 5000}) {
    const judge::PromptLimits limits{.prompt_tokens = tokens, .document_tokens = 300};
    const judge::Prompt prompt = judge::make_prompt(half, text, candidates, deal, limits);
    FUZZ_CHECK(base::is_valid_utf8(prompt.user));
    if (prompt.places() > 0) {
      FUZZ_CHECK(judge::count_tokens(prompt.system, limits.count) +
                     judge::count_tokens(prompt.user, limits.count) <=
                 tokens);
    }
    std::size_t opened = 0;
    bool inside = false;
    const std::string_view user = prompt.user;
    for (std::size_t at = 0; at < user.size();) {
      const std::size_t end = std::min(user.find('\n', at), user.size());
      const std::string_view line = user.substr(at, end - at);
      at = end + 1;
      FUZZ_CHECK(is_clean(line));
      if (line.starts_with("<<<" + deal.fence + " ")) {
        FUZZ_CHECK(!inside);
        inside = true;
        ++opened;
      } else if (line == deal.fence + ">>>") {
        FUZZ_CHECK(inside);
        inside = false;
      } else if (inside) {
        FUZZ_CHECK(line.starts_with("| ") || line.starts_with("metadata {") ||
                   line.starts_with("(the text goes on"));
      } else {
        FUZZ_CHECK(line.starts_with("Rate these candidates"));
      }
    }
    FUZZ_CHECK(!inside && opened == prompt.places() + 1 + (text.empty() ? 0 : 1));
  }
  FUZZ_CHECK(is_clean(judge::clean_line(text)));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_answer(text);
  check_prompt(text);
  return 0;
}
