// Prompt text, top to bottom as the judge reads it.
#include "judge/prompt.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <iterator>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <utility>

#include "base/utf8.h"
#include "json/json.h"
#include "judge/prompt_text.h"

namespace crossrank::judge {
namespace {

constexpr std::size_t kMaxFields = 20;         // of a candidate's metadata
constexpr std::size_t kMaxFieldChars = 100;    // code points of a name and of a value
constexpr std::size_t kMinContentTokens = 24;  // a text shorter than this says nothing
constexpr std::size_t kMessageTokens = 16;     // what a chat template puts around two messages

// splitmix64: a fixed stream from a seed on every machine, which std's distributions are not.
RandomSource seeded(std::uint64_t seed) {
  return [state = seed]() mutable {
    std::uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  };
}

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

// The first code points of a metadata name or value, on one line. Sets `cut` if there are more.
std::string short_text(std::string_view text, bool& cut) {
  std::string clean = clean_line(text);
  const std::size_t bytes = base::prefix_bytes(clean, kMaxFieldChars);
  if (bytes < clean.size()) {
    clean.replace(bytes, clean.npos, "...");
    cut = true;
  }
  return clean;
}

// What is shown of a candidate.
struct Shown {
  std::string metadata;  // one line of JSON, or "" for none
  bool metadata_cut = false;
  Quoted content;
};

// Fields as far as they fit: strangers' metadata takes no room from other candidates. JSON escapes
// what clean_line leaves.
void show_metadata(Shown& shown, const Candidate& candidate, const PromptLimits& limits) {
  constexpr std::string_view kBegin = "metadata ";
  const auto tokens_of = [&](std::string_view text) { return count_tokens(text, limits.count); };
  json::Value object = json::Value::object();
  std::size_t tokens = tokens_of(kBegin) + tokens_of("{}\n");
  for (const Candidate::Field& field : candidate.metadata) {
    if (field.value.empty()) continue;
    const json::Value name = short_text(field.name, shown.metadata_cut);
    const json::Value value = short_text(field.value, shown.metadata_cut);
    tokens += tokens_of(json::dump(name)) + tokens_of(json::dump(value)) + tokens_of(":,");
    if (object.size() == kMaxFields || tokens > limits.document_tokens / 2) {
      shown.metadata_cut = true;
      break;
    }
    object[name.get<std::string>()] = value;
  }
  if (!object.empty()) shown.metadata.append(kBegin).append(json::dump(object)) += '\n';
}

// A block of quoted lines between two fence lines.
class Fence {
 public:
  explicit Fence(const std::string& code) : code_(code) {}
  std::string open(std::string_view what) const {
    return "<<<" + code_ + " " + std::string(what) + "\n";
  }
  std::string close() const { return code_ + ">>>\n"; }

 private:
  const std::string& code_;
};

std::string block(const Fence& fence, std::string_view name, const Quoted& quoted) {
  std::string out = fence.open(name) + quoted.text;
  if (quoted.chars_cut > 0) out.append(kCutMark) += '\n';
  return out + fence.close();
}

// Shares `room` among wishes: all get what they want up to one common limit.
std::size_t common_limit(std::vector<std::size_t> wishes, std::size_t room) {
  std::sort(wishes.begin(), wishes.end());
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    const std::size_t share = room / (wishes.size() - i);
    if (wishes[i] > share) return share;
    room -= wishes[i];
  }
  return SIZE_MAX;
}

}  // namespace

std::string label(std::size_t place) {
  std::string out = "c";
  if (place < 9) out += '0';
  return out + std::to_string(place + 1);
}

RandomSource system_random() {
  return [device = std::shared_ptr<std::random_device>()]() mutable {
    if (!device) device = std::make_shared<std::random_device>();
    return std::uint64_t{(*device)()} << 32 | (*device)();
  };
}

Result<Deal> deal(std::size_t candidates, std::optional<std::uint64_t> seed,
                  const RandomSource& system) {
  try {
    const RandomSource random = seed ? seeded(*seed) : system;
    Deal out;
    out.fence = hex(random());
    out.fence += hex(random());
    out.order.resize(candidates);
    std::iota(out.order.begin(), out.order.end(), std::size_t{0});
    // The bias of a remainder by 99 at most is none: there are 2^64 numbers.
    for (std::size_t i = candidates; i > 1; --i)
      std::swap(out.order[i - 1], out.order[static_cast<std::size_t>(random() % i)]);
    return out;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    return Error{ErrorCode::kIoError,
                 std::string("The system's random source failed: ") + e.what()};
  }
}

Prompt make_prompt(std::string_view query, std::string_view context,
                   std::span<const Candidate> candidates, const Deal& deal,
                   const PromptLimits& limits) {
  const Fence fence(deal.fence);
  const auto tokens_of = [&](std::string_view text) { return count_tokens(text, limits.count); };
  Prompt prompt;
  prompt.system = kInstructions;
  const std::size_t quarter = limits.prompt_tokens / 4;
  const Quoted asked = quote_lines(query, quarter, limits.count);
  prompt.user = block(fence, "query", asked);
  prompt.query_chars_cut = asked.chars_cut;
  if (!context.empty()) {
    const Quoted around = quote_lines(context, quarter, limits.count);
    prompt.user += block(fence, "context", around);
    prompt.context_chars_cut = around.chars_cut;
  }
  const std::size_t fixed =
      tokens_of(prompt.system) + tokens_of(prompt.user) + tokens_of(kQuestion) + kMessageTokens;

  // How many fit is settled in first-stage order, so that those that do not are its last.
  std::vector<Shown> shown;
  std::vector<std::size_t> wishes;
  std::size_t least = 0;
  std::size_t room = limits.prompt_tokens > fixed ? limits.prompt_tokens - fixed : 0;
  const std::size_t frame = tokens_of(fence.open("candidate c01") + fence.close()) +
                            tokens_of(kCutMark) + 1 + tokens_of(", c01");
  for (const Candidate& candidate : candidates) {
    Shown one;
    show_metadata(one, candidate, limits);
    one.content = quote_lines(candidate.content, limits.document_tokens, limits.count);
    const std::size_t needed = frame + tokens_of(one.metadata);
    least +=
        std::min(one.content.tokens, kMinContentTokens);  // what those before are promised, too
    if (room < needed + least) break;
    room -= needed;
    wishes.push_back(one.content.tokens);
    shown.push_back(std::move(one));
  }
  std::copy_if(deal.order.begin(), deal.order.end(), std::back_inserter(prompt.order),
               [&](std::size_t candidate) { return candidate < shown.size(); });

  const std::size_t limit = common_limit(wishes, room);
  std::string labels;
  for (std::size_t place = 0; place < prompt.places(); ++place) {
    const std::size_t candidate = prompt.order[place];
    Shown& one = shown[candidate];
    if (one.content.tokens > limit) {
      one.content = quote_lines(candidates[candidate].content, limit, limits.count);
    }
    prompt.user += fence.open("candidate " + label(place)) + one.metadata + one.content.text;
    if (one.content.chars_cut > 0) prompt.user.append(kCutMark) += '\n';
    prompt.user += fence.close();
    prompt.chars_cut.push_back(one.content.chars_cut);
    prompt.metadata_cut.push_back(one.metadata_cut);
    labels += (place > 0 ? ", " : "") + label(place);
  }
  prompt.user.append(kQuestion) += labels;
  return prompt;
}

std::string answer_schema(std::size_t places) {
  json::Value relevance = {{"type", "integer"}, {"description", kRelevanceMeaning}};
  for (int value = 0; value <= 10; ++value) relevance["enum"].push_back(value);
  const json::Value reason = {{"type", "string"}, {"description", kReasonMeaning}};
  const json::Value rating = {{"type", "object"},
                              {"properties", {{"relevance", relevance}, {"reason", reason}}},
                              {"required", {"relevance", "reason"}},
                              {"additionalProperties", false}};
  json::Value schema = {{"type", "object"},
                        {"properties", json::Value::object()},
                        {"required", json::Value::array()},
                        {"additionalProperties", false}};
  for (std::size_t place = 0; place < places; ++place) {
    schema["properties"][label(place)] = rating;
    schema["required"].push_back(label(place));
  }
  return json::dump(schema);
}

}  // namespace crossrank::judge
