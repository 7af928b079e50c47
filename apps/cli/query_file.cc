// Query files. TSV or JSON is decided line by line: a query in a TSV file has an id in front.
#include "query_file.h"

#include <cstddef>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "line_reader.h"

namespace crossrank::cli {
namespace {

struct Query {
  std::string id, text;
};

Result<Query> parse_query(std::string_view raw, std::size_t number, Repairs& repairs) {
  std::string storage;
  const bool is_json = raw.starts_with('{');
  const std::string_view line = repair(raw, is_json, number, storage, repairs);
  if (is_json) {
    CR_TRY_ASSIGN(Document query, parse_corpus_document(line));
    return Query{query.id.value_or(""), std::move(query.page_content)};
  }
  const std::size_t tab = line.find('\t');
  if (tab == line.npos) {
    return Error{ErrorCode::kBadInput, "a line is ID, a tab, TEXT; this one has no tab"};
  }
  return Query{std::string(line.substr(0, tab)), std::string(line.substr(tab + 1))};
}

}  // namespace

Result<QueryFile> read_queries(const std::string& path) {
  CR_TRY_ASSIGN(InputFile file, InputFile::open(path));
  LineReader reader(std::move(file));
  QueryFile queries;
  queries.name = reader.file().name();
  for (;;) {
    const auto line = reader.next();
    if (!line.ok()) return reader.at_line(line.error());
    if (!*line) return queries;
    if (is_blank(**line)) continue;
    auto query = parse_query(**line, reader.line_number(), queries.repairs);
    if (!query.ok()) return reader.at_line(query.error());
    if (!queries.texts.try_emplace(query->id, std::move(query->text)).second) {
      return reader.at_line(
          {ErrorCode::kBadInput, "the query " + query->id + " stands there a second time"});
    }
  }
}

}  // namespace crossrank::cli
