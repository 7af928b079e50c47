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
  const std::string_view digits = without_plus(field);
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

template <typename Record, std::size_t kFields>
Result<ByQuery<Record>> parse(std::string_view text, const std::string& file,
                              std::string_view shape) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::vector<typename ByQuery<Record>::Query> queries;
  std::vector<Record> records;
  std::array<std::string_view, kFields> fields;
  std::size_t line_number = 0;
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t end = std::min(text.find('\n', pos), text.size());
    const std::string_view line = text.substr(pos, end - pos);
    pos = end + 1;
    ++line_number;
    const auto bad = [&](const std::string& what) {
      std::string message = file;
      message.append(":").append(std::to_string(line_number)).append(": ").append(what);
      return Error{ErrorCode::kBadInput, std::move(message)};
    };
    if (const auto count = split(line, fields)) {
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
  return parse<Judgment, 4>(text, file, "QUERY 0 DOCUMENT GRADE");
}

Result<Run> parse_run(std::string_view text, const std::string& file) {
  return parse<ScoredDocument, 6>(text, file, "QUERY Q0 DOCUMENT RANK SCORE TAG");
}

}  // namespace crossrank::eval
