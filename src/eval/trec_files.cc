// TREC files in one pass over the text, then sorted: no hash of a stranger's bytes, so that no file
// takes more than n log n.
#include "eval/trec_files.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/try.h"
#include "base/utf8.h"

namespace crossrank::eval {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// isspace() of the C locale; \n ends the line before.
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

// A field as a message shows it: its beginning, in valid UTF-8.
std::string shown(std::string_view field) {
  constexpr std::size_t kMaxBytes = 40;
  const std::string_view head = field.substr(0, kMaxBytes);
  return "'" + base::repair_utf8(head).value_or(std::string(head)) +
         (field.size() > kMaxBytes ? "..." : "") + "'";
}

// How a number that from_chars reads may begin, too.
std::string_view without_plus(std::string_view field) {
  return field.starts_with('+') && !field.starts_with("+-") ? field.substr(1) : field;
}

Result<std::int32_t> parse_grade(std::string_view field) {
  std::string_view digits = without_plus(field);
  const std::size_t point = digits.find('.');  // 1.0, as programs write it that know but one number
  if (point != digits.npos && point > 0 && point + 1 < digits.size() &&
      digits.find_first_not_of('0', point + 1) == digits.npos) {
    digits = digits.substr(0, point);
  }
  std::int32_t grade = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, grade);
  if (error == std::errc() && stop == end && grade != kUnjudged) return grade;
  return Error{ErrorCode::kBadInput,
               "the grade " + shown(field) + " is not a whole number of at most 31 bits"};
}

// As trec_eval does it: read as a double, then rounded to float32.
Result<float> parse_score(std::string_view field) {
  const std::string_view digits = without_plus(field);
  double score = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, score);
  if (stop != end || error == std::errc::invalid_argument) {
    return Error{ErrorCode::kBadInput, "the score " + shown(field) + " is not a number"};
  }
  // Too large or too small for a double, which from_chars does not tell apart.
  if (error != std::errc()) score = std::strtod(std::string(digits).c_str(), nullptr);
  if (!std::isfinite(static_cast<float>(score))) {
    return Error{ErrorCode::kBadInput,
                 "the score " + shown(field) + " is not a finite float32, in which scores compare"};
  }
  return static_cast<float>(score);
}

Result<Judgment> parse_record(const std::array<std::string_view, 4>& fields) {
  CR_TRY_ASSIGN(const std::int32_t grade, parse_grade(fields[3]));
  return Judgment{fields[2], grade};
}

Result<Judgment> parse_record(const std::array<std::string_view, 3>& fields) {
  CR_TRY_ASSIGN(const std::int32_t grade, parse_grade(fields[2]));
  return Judgment{fields[1], grade};
}

Result<ScoredDocument> parse_record(const std::array<std::string_view, 6>& fields) {
  CR_TRY_ASSIGN(const float score, parse_score(fields[4]));
  return ScoredDocument{fields[2], score};
}

// Cuts `line` into N fields; how many it has when that is not N.
template <std::size_t N>
std::optional<std::size_t> split(std::string_view line, std::array<std::string_view, N>& fields) {
  std::size_t count = 0;
  for (std::size_t pos = 0;; ++count) {
    while (pos < line.size() && is_blank(line[pos])) ++pos;
    if (pos == line.size()) break;
    const std::size_t begin = pos;
    while (pos < line.size() && !is_blank(line[pos])) ++pos;
    if (count < N) fields[count] = line.substr(begin, pos - begin);
  }
  return count == N ? std::nullopt : std::optional(count);
}

// Puts the pieces of each query together, in the order of the file.
template <typename Record>
void gather(std::vector<typename ByQuery<Record>::Query>& pieces, std::vector<Record>& records) {
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::stable_sort(pieces.begin(), pieces.end(), by_id);
  const auto same_id = [](const auto& a, const auto& b) { return a.id == b.id; };
  if (std::adjacent_find(pieces.begin(), pieces.end(), same_id) == pieces.end()) return;
  std::vector<Record> gathered;
  gathered.reserve(records.size());
  std::vector<typename ByQuery<Record>::Query> queries;
  for (const auto& piece : pieces) {
    if (queries.empty() || queries.back().id != piece.id) {
      queries.push_back({piece.id, gathered.size(), gathered.size()});
    }
    const auto from = records.begin();
    gathered.insert(gathered.end(), from + static_cast<std::ptrdiff_t>(piece.begin),
                    from + static_cast<std::ptrdiff_t>(piece.end));
    queries.back().end = gathered.size();
  }
  pieces = std::move(queries);
  records = std::move(gathered);
}

// Sorts by document and keeps the last one of each; returns how many stay.
template <typename Record>
std::size_t sort_unique(std::span<Record> records) {
  std::stable_sort(records.begin(), records.end(),
                   [](const Record& a, const Record& b) { return a.document < b.document; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i + 1 < records.size() && records[i].document == records[i + 1].document) continue;
    records[kept++] = records[i];
  }
  return kept;
}

void order(std::span<Judgment> /*judgments*/) {}  // by document already

void order(std::span<ScoredDocument> documents) {
  std::sort(documents.begin(), documents.end(), ranks_before);
}

// Lines, without the byte order mark and the line ends.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }
  std::optional<std::string_view> next() {
    if (pos_ >= text_.size()) return std::nullopt;
    const std::size_t end = std::min(text_.find('\n', pos_), text_.size());
    const std::string_view line = text_.substr(pos_, end - pos_);
    pos_ = end + 1;
    ++number_;
    return line;
  }
  [[nodiscard]] std::size_t number() const { return number_; }  // of the last one, from 1 on

 private:
  std::string_view text_;
  std::size_t pos_ = 0;
  std::size_t number_ = 0;
};

// The records of the lines that are left.
template <typename Record, std::size_t kFields>
Result<ByQuery<Record>> parse(Lines lines, const std::string& file, std::string_view shape) {
  std::vector<typename ByQuery<Record>::Query> queries;
  std::vector<Record> records;
  std::array<std::string_view, kFields> fields;
  while (const auto line = lines.next()) {
    const auto bad = [&](const std::string& what) {
      std::string message = file;
      message.append(":").append(std::to_string(lines.number())).append(": ").append(what);
      return Error{ErrorCode::kBadInput, std::move(message)};
    };
    if (const auto count = split(*line, fields)) {
      if (*count == 0) continue;
      return bad("a line is " + std::string(shape) + ", " + std::to_string(kFields) +
                 " fields with white space between them; this one has " + std::to_string(*count));
    }
    auto record = parse_record(fields);
    if (!record.ok()) return bad(record.error().message);
    if (queries.empty() || queries.back().id != fields[0]) {
      queries.push_back({fields[0], records.size(), records.size()});
    }
    records.push_back(*record);
    queries.back().end = records.size();
  }

  gather(queries, records);
  std::size_t duplicates = 0;
  for (auto& query : queries) {
    const std::span all = std::span(records).subspan(query.begin, query.end - query.begin);
    const std::size_t kept = sort_unique(all);
    order(all.first(kept));
    duplicates += all.size() - kept;
    query.end = query.begin + kept;
  }
  return ByQuery<Record>(std::move(queries), std::move(records), duplicates);
}

}  // namespace

std::int32_t grade_of(std::span<const Judgment> judgments, std::string_view document) {
  const auto at = std::lower_bound(
      judgments.begin(), judgments.end(), document,
      [](const Judgment& judgment, std::string_view wanted) { return judgment.document < wanted; });
  return at != judgments.end() && at->document == document ? at->grade : kUnjudged;
}

Result<Qrels> parse_qrels(std::string_view text, const std::string& file) {
  Lines lines(text);
  std::array<std::string_view, 3> names;
  std::optional<std::string_view> first = lines.next();
  while (first && split(*first, names) == std::size_t{0}) first = lines.next();
  if (first && !split(*first, names) && names[0] == "query-id" && names[1] == "corpus-id") {
    return parse<Judgment, 3>(lines, file, "QUERY DOCUMENT GRADE");
  }
  return parse<Judgment, 4>(Lines(text), file, "QUERY 0 DOCUMENT GRADE");
}

Result<Run> parse_run(std::string_view text, const std::string& file) {
  return parse<ScoredDocument, 6>(Lines(text), file, "QUERY Q0 DOCUMENT RANK SCORE TAG");
}

std::size_t lines_against_rank(std::string_view text) {
  Lines lines(text);
  std::size_t against = 0;
  std::string_view query;
  long rank = 0;
  float score = 0;
  while (const auto line = lines.next()) {
    std::array<std::string_view, 6> fields;
    long own_rank = 0;
    if (split(*line, fields)) continue;
    if (std::from_chars(fields[3].data(), fields[3].data() + fields[3].size(), own_rank).ec !=
        std::errc()) {
      continue;
    }
    const auto own_score = parse_score(fields[4]);
    if (!own_score.ok()) continue;
    against += fields[0] == query && own_rank > rank && *own_score > score;
    query = fields[0];
    rank = own_rank;
    score = *own_score;
  }
  return against;
}

}  // namespace crossrank::eval
