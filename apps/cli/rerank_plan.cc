// The plan of `crossrank rerank`, out of three files.
#include "rerank_plan.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/try.h"
#include "line_reader.h"

namespace crossrank::cli {
namespace {

Error bad(std::string message) { return {ErrorCode::kBadInput, std::move(message)}; }

// Calls take(line, number) for each line that is not blank; its error gets file and line.
Result<void> each_line(
    const std::string& path,
    const std::function<Result<void>(std::string_view line, std::size_t number)>& take) {
  CR_TRY_ASSIGN(InputFile file, InputFile::open(path));
  LineReader reader(std::move(file));
  const auto place = [&](Error error) {
    if (error.code != ErrorCode::kBadInput) return error;
    return bad(path + ":" + std::to_string(reader.line_number()) + ": " + error.message);
  };
  for (;;) {
    auto line = reader.next();
    if (!line.ok()) return place(std::move(line).error());
    if (!*line) return {};
    if (is_blank(**line)) continue;
    if (auto taken = take(**line, reader.line_number()); !taken.ok()) {
      return place(std::move(taken).error());
    }
  }
}

std::vector<std::string_view> fields_of(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r\v\f";
  std::vector<std::string_view> fields;
  for (std::size_t pos = line.find_first_not_of(kSpace); pos != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(kSpace, pos), line.size());
    fields.push_back(line.substr(pos, end - pos));
    pos = line.find_first_not_of(kSpace, end);
  }
  return fields;
}

std::optional<float> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto single = static_cast<float>(value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(single)) {
    return std::nullopt;
  }
  return single;
}

void keep_best(std::vector<Candidate>& candidates, std::size_t depth) {
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  std::unordered_set<std::string_view> seen;
  std::vector<Candidate> kept;
  for (Candidate& candidate : candidates) {
    if (depth != 0 && kept.size() == depth) break;
    if (seen.contains(candidate.id)) continue;
    kept.push_back(std::move(candidate));
    seen.insert(kept.back().id);
  }
  candidates = std::move(kept);
}

}  // namespace

Result<QueryTexts> read_queries(const std::string& path) {
  QueryTexts texts;
  CR_TRY(each_line(path, [&](std::string_view raw, std::size_t number) -> Result<void> {
    std::string storage, id, text;
    Repairs repairs;
    const bool is_json = raw.starts_with('{');
    const std::string_view line = repair(raw, is_json, number, storage, repairs);
    if (is_json) {
      CR_TRY_ASSIGN(Document query, parse_corpus_document(line));
      id = query.id.value_or("");
      text = std::move(query.page_content);
    } else {
      const std::size_t tab = line.find('\t');
      if (tab == line.npos) return bad("id TAB query is wanted, and there is no TAB");
      id = line.substr(0, tab);
      text = line.substr(tab + 1);
    }
    if (!texts.try_emplace(id, std::move(text)).second) {
      return bad("the query " + id + " stands there a second time");
    }
    return {};
  }));
  return texts;
}

Result<std::vector<RerankQuery>> read_first_stage(const std::string& path, std::size_t depth) {
  std::vector<RerankQuery> queries;
  std::unordered_map<std::string, std::size_t> places;
  CR_TRY(each_line(path, [&](std::string_view line, std::size_t number) -> Result<void> {
    const std::vector<std::string_view> fields = fields_of(line);
    if (fields.size() != 6) {
      return bad("a line of a run is \"qid Q0 docid rank score tag\", and this one has " +
                 std::to_string(fields.size()) + " fields");
    }
    const std::optional<float> score = number_of(fields[4]);
    if (!score) return bad("the score \"" + std::string(fields[4]) + "\" is no finite number");
    const auto [place, is_new] = places.try_emplace(std::string(fields[0]), queries.size());
    if (is_new) queries.push_back({place->first, "", {}});
    queries[place->second].candidates.push_back(
        {.id = std::string(fields[2]), .score = *score, .line = number});
    return {};
  }));
  for (RerankQuery& query : queries) keep_best(query.candidates, depth);
  return queries;
}

Result<void> resolve(std::vector<RerankQuery>& queries, QueryTexts texts, const Corpus& corpus,
                     const std::string& run, bool skip_bad, Skipped& skipped) {
  for (RerankQuery& query : queries) {
    const auto text = texts.find(query.id);
    if (text == texts.end()) {
      CR_TRY(skipped.add(run, query.candidates.front().line,
                         bad("there is no text of the query " + query.id), skip_bad));
      query.candidates.clear();
      continue;
    }
    query.text = std::move(text->second);
    std::vector<Candidate> found;
    for (Candidate& candidate : query.candidates) {
      if (corpus.contains(candidate.id)) {
        found.push_back(std::move(candidate));
        continue;
      }
      CR_TRY(skipped.add(run, candidate.line, bad("the corpus has no document " + candidate.id),
                         skip_bad));
    }
    query.candidates = std::move(found);
  }
  std::erase_if(queries, [](const RerankQuery& query) { return query.candidates.empty(); });
  return {};
}

}  // namespace crossrank::cli
