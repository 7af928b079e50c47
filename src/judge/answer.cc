// Reading of chat completions: envelope, ratings, errors.
#include "judge/answer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <iomanip>
#include <sstream>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "json/json.h"
#include "judge/prompt.h"
#include "judge/untrusted.h"

namespace crossrank::judge {
namespace {

constexpr std::size_t kMaxReasonChars = 200;
constexpr std::size_t kMaxErrorBytes = 300;
constexpr std::size_t kMaxValues = 100'000;  // 99 ratings are 300; log-probabilities more
constexpr int kMaxRelevance = 10;
constexpr int kMaxRetries = 8;            // from the next brace, each over the whole content
constexpr std::size_t kBytesBefore = 64;  // of a value's token: its name, a colon, white space

const json::ParseOptions kAnswerOptions{
    .max_depth = 32, .max_values = kMaxValues, .duplicates = json::Duplicates::kNull};

// The member, or null. `object` may be anything.
const json::Value& member(const json::Value& object, std::string_view name) {
  static const json::Value kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string text_of(const json::Value& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

// Models that are cut in the middle of an emoji write half of it: that is no reason to drop the
// rest.
Result<json::Value> parse(std::string_view text) {
  std::size_t replaced = 0;
  return json::parse(json::repair_lone_surrogates(text, replaced), kAnswerOptions);
}

// One line without secrets. Redacted twice: cleaning parts some characters, and joins what
// invisible ones parted. It would part the mark, too, and so gets what stands around it.
std::string shown(const std::string& text, const Redact& redact) {
  if (!redact) return clean_line(text);
  const std::string redacted = redact(text);
  std::string_view rest = redacted;
  std::string line;
  for (std::size_t mark = rest.find(kRedacted); mark != rest.npos; mark = rest.find(kRedacted)) {
    line.append(clean_line(rest.substr(0, mark))).append(kRedacted);
    rest.remove_prefix(mark + kRedacted.size());
  }
  return redact(line + clean_line(rest));
}

std::optional<Rating> read_rating(const json::Value& value, const Redact& redact) {
  const json::Value& relevance = member(value, "relevance");
  if (!relevance.is_number_integer()) return {};
  // An unsigned beyond 2^63 would wrap.
  if (relevance.is_number_unsigned()
          ? relevance.get<std::uint64_t>() > kMaxRelevance
          : relevance.get<std::int64_t>() < 0 || relevance.get<std::int64_t>() > kMaxRelevance) {
    return {};
  }
  Rating rating;
  rating.relevance = relevance.get<double>();
  rating.reason = shown(text_of(member(value, "reason")), redact);
  rating.reason.resize(base::prefix_bytes(rating.reason, kMaxReasonChars));
  return rating;
}

// The end of the object that begins at text[begin] == '{', by counting braces outside strings;
// npos when it does not end.
std::size_t object_end(std::string_view text, std::size_t begin) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return text.npos;
}

Ratings ratings_of(const json::Value& object, std::size_t places, const Redact& redact) {
  Ratings ratings(places);
  for (std::size_t place = 0; place < places; ++place) {
    ratings[place] = read_rating(member(object, label(place)), redact);
  }
  return ratings;
}

std::size_t count(const Ratings& ratings) {
  return static_cast<std::size_t>(
      std::count_if(ratings.begin(), ratings.end(), [](const auto& r) { return r.has_value(); }));
}

// A whole number 0..10 that a token spells, spaces aside.
std::optional<int> token_value(std::string_view token) {
  while (!token.empty() && token.front() == ' ') token.remove_prefix(1);
  int value = -1;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  const bool whole = error == std::errc() && end == token.data() + token.size();
  if (!whole || value < 0 || value > kMaxRelevance) return {};
  return value;
}

// Whether a member "relevance" has its value next; `before` is the end of what is written so far.
bool precedes_rating(std::string_view before) {
  constexpr std::string_view kName = "\"relevance\"";
  const std::size_t name = before.rfind(kName);
  if (name == before.npos) return false;
  before.remove_prefix(name + kName.size());
  return before.find(':') != before.npos && before.find_first_not_of(": \n\t") == before.npos;
}

// The number whose digits begin at tokens[at] and go on as far as tokens do: "1" and "0," are 10.
std::optional<int> written_value(const json::Value& tokens, std::size_t at) {
  std::string digits = text_of(member(tokens[at], "token"));
  if (!token_value(digits)) return {};
  while (++at < tokens.size()) {
    const std::string token = text_of(member(tokens[at], "token"));
    const std::size_t end = std::min(token.find_first_not_of("0123456789"), token.size());
    digits.append(token, 0, end);
    if (end < token.size()) break;
  }
  return token_value(digits);
}

// The last token at which a rating with that value begins: what comes before an answer is a draft
// or a quotation. Empty when there is none.
std::optional<std::size_t> find_rating_token(const json::Value& tokens, int value) {
  std::optional<std::size_t> found;
  std::string before;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (precedes_rating(before) && written_value(tokens, i) == value) found = i;
    before += text_of(member(tokens[i], "token"));
    if (before.size() > kBytesBefore) before.erase(0, before.size() - kBytesBefore);
  }
  return found;
}

// What stood to choice for a token; an empty array where that is not said.
const json::Value& choices_at(const json::Value& tokens, std::size_t at) {
  static const json::Value kNone = json::Value::array();
  if (at >= tokens.size()) return kNone;
  const json::Value& tops = member(tokens[at], "top_logprobs");
  return tops.is_array() ? tops : kNone;
}

double probability(const json::Value& choice) {
  const json::Value& logprob = member(choice, "logprob");
  return logprob.is_number() ? std::exp(std::min(logprob.get<double>(), 0.0)) : 0;
}

// That tokens[at] begins with "0".
double probability_of_zero(const json::Value& tokens, std::size_t at) {
  double sum = 0;
  for (const json::Value& choice : choices_at(tokens, at)) {
    if (text_of(member(choice, "token")).starts_with('0')) sum += probability(choice);
  }
  return std::min(sum, 1.0);
}

// The mean of the ratings that stood to choice at tokens[at]. "10" may be one token or "1" and "0":
// the mass of "1" is divided by what stood to choice behind it, which is known if "1" was written.
std::optional<double> mean_rating(const json::Value& tokens, std::size_t at) {
  const bool one_written = token_value(text_of(member(tokens[at], "token"))) == 1;
  double mass = 0, sum = 0;
  for (const json::Value& choice : choices_at(tokens, at)) {
    const auto value = token_value(text_of(member(choice, "token")));
    if (!value) continue;
    double mean = *value;
    if (*value == 1 && one_written) mean += 9 * probability_of_zero(tokens, at + 1);
    mass += probability(choice);
    sum += probability(choice) * mean;
  }
  if (mass <= 0) return {};
  return std::clamp(sum / mass, 0.0, double{kMaxRelevance});
}

// The mean rating where `rating`, which was read from the content, is written.
std::optional<double> expected_relevance(const json::Value& logprobs, const Rating& rating) {
  const json::Value& tokens = member(logprobs, "content");
  if (!tokens.is_array()) return {};
  const auto at = find_rating_token(tokens, static_cast<int>(rating.relevance));
  return at ? mean_rating(tokens, *at) : std::nullopt;
}

}  // namespace

Ratings read_ratings(std::string_view content, std::size_t places, const Redact& redact) {
  Ratings best(places);
  int retries = kMaxRetries;
  for (std::size_t begin = content.find('{'); begin != content.npos;) {
    const std::size_t end = object_end(content, begin);
    if (end != content.npos) {
      const auto object = parse(content.substr(begin, end - begin));
      if (object.ok()) {
        Ratings ratings = ratings_of(*object, places, redact);
        if (count(ratings) >= count(best)) best = std::move(ratings);
        begin = content.find('{', end);  // an object is looked into once: this stays linear
        continue;
      }
    }
    // A brace of prose: the object may begin behind it.
    if (retries-- > 0) {
      begin = content.find('{', begin + 1);
    } else if (end != content.npos) {
      begin = content.find('{', end);
    } else {
      break;
    }
  }
  return best;
}

Result<Completion> read_completion(std::string_view body, bool wants_expected_relevance,
                                   const Redact& redact) {
  std::string storage;
  if (auto repaired = base::repair_utf8(body)) {
    storage = *std::move(repaired);
    body = storage;
  }
  const auto parsed = parse(body);
  if (!parsed.ok()) {
    return Error{ErrorCode::kBadInput, "The judge's answer is no JSON: " + parsed.error().message};
  }
  const json::Value& choices = member(*parsed, "choices");
  if (!choices.is_array() || choices.empty()) {
    const std::string said = error_text(body, redact);
    const bool is_error = !member(*parsed, "error").is_null();
    if (is_error) return Error{ErrorCode::kNetwork, "The judge's server says: " + said};
    return Error{ErrorCode::kBadInput, "The judge's answer has no choices."};
  }
  const json::Value& choice = choices.front();
  const json::Value& message = member(choice, "message");
  Completion out;
  out.content = text_of(member(message, "content"));
  out.finish_reason = text_of(member(choice, "finish_reason"));
  out.refused =
      !text_of(member(message, "refusal")).empty() || out.finish_reason == "content_filter";
  out.model = shown(text_of(member(*parsed, "model")), redact);
  const auto tokens = [&](std::string_view name) -> std::optional<std::size_t> {
    const json::Value& value = member(member(*parsed, "usage"), name);
    if (!value.is_number_unsigned()) return {};
    return std::min<std::uint64_t>(value.get<std::uint64_t>(), 1u << 30);
  };
  const auto prompt = tokens("prompt_tokens"), answer = tokens("completion_tokens");
  if (prompt && answer) out.usage = {*prompt, *answer};
  if (wants_expected_relevance) {
    const Ratings ratings = read_ratings(out.content, 1);
    if (ratings[0])
      out.expected_relevance = expected_relevance(member(choice, "logprobs"), *ratings[0]);
  }
  return out;
}

std::string error_text(std::string_view body, const Redact& redact) {
  std::string text(body);
  if (const auto parsed = parse(body); parsed.ok() && parsed->is_object()) {
    const json::Value& error = member(*parsed, "error");
    text = text_of(member(error, "message"));
    for (const json::Value* other :
         {&error, &member(*parsed, "detail"), &member(*parsed, "message")}) {
      if (text.empty()) text = text_of(*other);
    }
  }
  std::string line = shown(text, redact);  // before the cut, which would leave half a secret
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() <= kMaxErrorBytes) return line;
  std::size_t bytes = kMaxErrorBytes;
  while (bytes > 0 && base::is_continuation(line[bytes])) --bytes;
  return line.substr(0, bytes) + "...";
}

std::optional<double> retry_after_seconds(std::string_view header) {
  double seconds = -1;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (error == std::errc() && end == header.data() + header.size()) {
    if (!(seconds >= 0) || !std::isfinite(seconds)) return {};
    return seconds;
  }
  std::tm date{};
  std::istringstream stream{std::string(header)};
  stream.imbue(std::locale::classic());
  if (!(stream >> std::get_time(&date, "%a, %d %b %Y %H:%M:%S"))) return {};
  return std::max(0.0, std::difftime(timegm(&date), std::time(nullptr)));
}

}  // namespace crossrank::judge
