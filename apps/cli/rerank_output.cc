// Results of `crossrank rerank`. The journal has all; the run is made of it when it is complete.
#include "rerank_output.h"

#include <optional>
#include <utility>

#include "base/try.h"
#include "interrupt.h"
#include "json/json.h"
#include "result_writer.h"
#include "whole_file.h"

namespace crossrank::cli {
namespace {

Error at(const Journal& journal, std::size_t line, const std::string& what) {
  return {ErrorCode::kBadInput, journal.path() + ":" + std::to_string(line) + ": " + what +
                                    ": delete the file to begin again"};
}

// A journal's line; it was written by journal_line(), unless somebody else has written there.
Result<json::Value> parse(std::string_view line) {
  CR_TRY_ASSIGN(json::Value query, json::parse(line));
  const auto is = [](const json::Value& object, const char* name,
                     bool (json::Value::*kind)() const) {
    return object.is_object() && object.contains(name) && (object[name].*kind)();
  };
  bool known =
      is(query, "qid", &json::Value::is_string) && is(query, "results", &json::Value::is_array);
  for (std::size_t i = 0; known && i < query["results"].size(); ++i) {
    known = is(query["results"][i], "docid", &json::Value::is_string) &&
            is(query["results"][i], "score", &json::Value::is_number);
  }
  if (!known) return Error{ErrorCode::kBadInput, "the line is no result of `crossrank rerank`"};
  return query;
}

void write_trec(std::string& out, const json::Value& query, const std::string& tag) {
  const std::string& id = query["qid"].get_ref<const std::string&>();
  std::size_t rank = 0;
  for (const json::Value& result : query["results"]) {
    write_trec_line(out, id, result["docid"].get_ref<const std::string&>(), ++rank,
                    result["score"].get<float>(), tag);
  }
}

std::string details_of(const json::Value& query) {
  std::string out;
  for (const json::Value& result : query["results"]) {
    json::Value line = {{"qid", query["qid"]}};
    line.update(result);
    out += json::dump(line) + '\n';
  }
  return out;
}

}  // namespace

std::string journal_line(const RerankQuery& query, const Ranking& ranking,
                         std::span<const float> scores) {
  std::string results = "[";
  for (std::size_t i = 0; i < ranking.results.size(); ++i) {
    const RankedDocument& result = ranking.results[i];
    const Candidate& candidate = query.candidates[result.index];
    if (i > 0) results += ',';
    ObjectWriter object(results);
    object.member("docid", candidate.id)
        .member("rank", i + 1)
        .member("score", json::number(scores[i]))
        .member("logit", json::number(result.logit))
        .member("probability", json::number(result.probability))
        .member("first_stage_rank", result.index + 1)
        .member("first_stage_score", json::number(candidate.score));
    write_truncation(object, result.truncation);
    if (result.span) write_span(object, *result.span);
    object.end();
  }
  results += ']';
  std::string line;
  ObjectWriter object(line);
  object.member("qid", query.id).raw("results", results);
  object.end();
  return line;
}

Result<void> append_trec(std::string& out, std::string_view journal_line, const std::string& tag) {
  CR_TRY_ASSIGN(const json::Value query, parse(journal_line));
  write_trec(out, query, tag);
  return {};
}

Result<void> check_journal(const Journal& journal, const std::vector<RerankQuery>& queries) {
  if (journal.lines() > queries.size()) {
    return at(journal, queries.size() + 2, "there are more results than queries");
  }
  return journal.read([&](std::string_view line, std::size_t number) -> Result<void> {
    if (interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
    const RerankQuery& wanted = queries[number - 2];  // behind the title
    const auto query = parse(line);
    if (!query.ok()) return at(journal, number, query.error().message);
    if ((*query)["qid"] != wanted.id || (*query)["results"].size() != wanted.candidates.size()) {
      return at(journal, number,
                "the line is no result of the query " + json::quote(wanted.id) + ", which is next");
    }
    return {};
  });
}

Result<void> write_rerank_output(const Journal& journal, std::size_t queries,
                                 const std::string& output, const std::string& details,
                                 const std::string& tag) {
  CR_TRY_ASSIGN(WholeFile run, WholeFile::create(output));
  std::optional<WholeFile> lines;
  if (!details.empty()) {
    CR_TRY_ASSIGN(lines, WholeFile::create(details));
  }
  std::size_t written = 0;
  const auto write = [&](std::string_view line, std::size_t number) -> Result<void> {
    if (interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
    auto query = parse(line);
    if (!query.ok()) return at(journal, number, query.error().message);
    std::string text;
    write_trec(text, *query, tag);
    CR_TRY(run.write(text));
    if (lines) CR_TRY(lines->write(details_of(*query)));
    ++written;
    return {};
  };
  CR_TRY(journal.read(write));
  if (written != queries) {
    return Error{ErrorCode::kBadInput,
                 journal.path() + " has the results of " + std::to_string(written) +
                     " queries, not of " + std::to_string(queries) +
                     ": something else has written to it; delete it to begin again"};
  }
  if (lines) CR_TRY(lines->finish());
  return run.finish();
}

}  // namespace crossrank::cli
