// The details of a reranked run, line by line.
#include "eval_details.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/try.h"
#include "input.h"
#include "json/json.h"
#include "line_reader.h"

namespace crossrank::cli {
namespace {

struct Detail {
  std::string query, document;
  std::size_t rank = 0;  // from 1 on
  bool truncated = false;
};

Error bad(std::string what) { return {ErrorCode::kBadInput, std::move(what)}; }

Result<std::string> string_of(const json::Value& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) {
    return bad("\"" + std::string(name) + "\" must be there, a string");
  }
  return found->get<std::string>();
}

Result<std::size_t> count_of(const json::Value& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) {
    return bad("\"" + std::string(name) + "\" must be there, a whole number");
  }
  return found->get<std::size_t>();
}

Result<Detail> parse_detail(std::string_view line) {
  CR_TRY_ASSIGN(const json::Value value, json::parse(line));
  if (!value.is_object()) return bad("a line must be an object");
  Detail detail;
  CR_TRY_ASSIGN(detail.query, string_of(value, "qid"));
  CR_TRY_ASSIGN(detail.document, string_of(value, "docid"));
  CR_TRY_ASSIGN(detail.rank, count_of(value, "rank"));
  if (detail.rank == 0) return bad("\"rank\" counts from 1");
  const auto truncation = value.find("truncation");
  if (truncation == value.end() || !truncation->is_object()) {
    return bad(
        "\"truncation\" must be there, an object: was the file written by rerank --details?");
  }
  CR_TRY_ASSIGN(const std::size_t total, count_of(*truncation, "tokens_total"));
  CR_TRY_ASSIGN(const std::size_t used, count_of(*truncation, "tokens_used"));
  CR_TRY_ASSIGN(const std::size_t cut, count_of(*truncation, "chars_cut"));
  const auto document = truncation->find("document_truncated");  // an older crossrank has it not
  if (document != truncation->end() && document->is_boolean()) {
    detail.truncated =
        document->get<bool>() || truncation->value("query_truncated", false) || cut > 0;
  } else {
    detail.truncated = used < total || cut > 0;
  }
  return detail;
}

void add(TruncationShares& shares, const Detail& detail, const eval::Qrels& qrels,
         std::int32_t relevance_level) {
  const std::size_t part = (detail.rank - 1) / TruncationShares::kRanksAPart;
  const std::size_t query = qrels.find(detail.query);
  if (part >= TruncationShares::kParts || query == qrels.queries().size()) return;
  const auto grade = eval::grade_of(qrels.records(qrels.queries()[query]), detail.document);
  TruncationShares::Count& count =
      (grade >= relevance_level ? shares.relevant : shares.others)[part];
  ++count.all;
  count.truncated += detail.truncated;
}

}  // namespace

Result<TruncationShares> read_details(const std::string& path, const eval::Qrels& qrels,
                                      std::int32_t relevance_level) {
  CR_TRY_ASSIGN(InputFile file, InputFile::open(path));
  LineReader reader(std::move(file));
  TruncationShares shares;
  for (;;) {
    const auto line = reader.next();
    if (!line.ok()) return reader.at_line(line.error());
    if (!*line) return shares;
    if (is_blank(**line)) continue;
    const auto detail = parse_detail(**line);
    if (!detail.ok()) return reader.at_line(detail.error());
    add(shares, *detail, qrels, relevance_level);
  }
}

}  // namespace crossrank::cli
