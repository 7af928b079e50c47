// Corpus. A line is parsed twice: when its place is noted, and when it is scored.
#include "corpus.h"

#include <utility>

#include "base/sha256.h"
#include "base/try.h"
#include "json/json.h"

namespace crossrank::cli {
namespace {

Error at(const std::string& file, std::uint64_t line, const std::string& what) {
  return {ErrorCode::kBadInput, file + ":" + std::to_string(line) + ": " + what};
}

Result<Document> parse_line(std::string_view line, std::uint64_t number, Repairs& repairs) {
  std::string storage;
  return parse_corpus_document(repair(line, true, number, storage, repairs));
}

// A line as LineReader gives it.
std::string_view without_ends(std::string_view line, bool is_first) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (is_first && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::size_t hash_of(std::string_view line) { return std::hash<std::string_view>()(line); }

// What a file that is no corpus seems to be, by its first line; "" for a mere bad line.
std::string other_format(std::string_view line) {
  std::string corpus = "; a corpus is JSON lines {\"id\", \"text\"}";
  const char first = line[line.find_first_not_of(" \t\r")];
  if (first == '[') return corpus + ", no array: jq -c '.[]' makes lines of one";
  if (first == '{') {
    return json::parse(line).ok() ? "" : corpus + ", each whole on one line: jq -c . makes it so";
  }
  if (line.find('\t') == line.npos) return corpus;
  return corpus + ": jq -Rc 'split(\"\\t\") | {id: .[0], text: .[1]}' makes them of id TAB text";
}

}  // namespace

Result<Corpus> Corpus::open(const std::string& path, const std::vector<std::string_view>& wanted,
                            bool skip_bad,
                            const std::function<void(std::size_t, std::size_t)>& on_read) {
  CR_TRY_ASSIGN(InputFile file, InputFile::open(path));
  const auto size = file.size();
  if (!size) {
    return Error{ErrorCode::kBadInput, "the corpus " + file.name() +
                                           " is no regular file: its documents are read from it "
                                           "one by one, so a pipe will not do"};
  }
  const std::string name = file.name();
  Corpus corpus(std::move(file), skip_bad);
  LineReader reader(std::move(corpus.file_));  // lent
  for (const std::string_view id : wanted) corpus.places_.try_emplace(std::string(id));
  base::Sha256 digest;
  for (;;) {
    const std::uint64_t offset = reader.bytes_consumed();
    auto line = reader.next();
    const std::uint64_t number = reader.line_number();
    if (!line.ok()) {
      if (line.error().code != ErrorCode::kBadInput) return std::move(line).error();
      CR_TRY(corpus.skipped_.add(name, number, std::move(line).error(), skip_bad));
      continue;
    }
    if (!*line) break;
    digest.update(**line);
    digest.update("\n");
    if (on_read && number % 256 == 0) on_read(offset, *size);
    if (is_blank(**line)) continue;
    const auto bytes = static_cast<std::uint32_t>(reader.bytes_consumed() - offset);
    auto noted = corpus.note(**line, {offset, number, hash_of(**line), bytes});
    if (noted.ok()) continue;
    CR_TRY(corpus.skipped_.add(name, number, std::move(noted).error(), skip_bad));
  }
  corpus.digest_ = digest.hex_digest();
  corpus.file_ = std::move(reader).take_file();
  return corpus;
}

Result<void> Corpus::note(std::string_view line, const Place& place) {
  const auto document = parse_line(line, place.line, repairs_);
  if (!document.ok()) {
    std::string advice = has_documents_ ? "" : other_format(line);
    if (advice.empty() && !skip_bad_) advice = "; --skip-bad leaves it out";
    return Error{ErrorCode::kBadInput, document.error().message + advice};
  }
  has_documents_ = true;
  const auto found = places_.find(*document->id);
  if (found == places_.end()) return {};
  if (found->second.line != 0) {
    ++duplicates_;
  } else {
    found->second = place;
  }
  return {};
}

bool Corpus::contains(std::string_view id) const {
  const auto found = places_.find(id);
  return found != places_.end() && found->second.line != 0;
}

Result<Document> Corpus::read(std::string_view id) const {
  const Place place = places_.find(id)->second;
  std::string text(place.bytes, '\0');
  CR_TRY(file_.read_at(place.offset, text));
  const std::string_view line = without_ends(text, place.line == 1);
  if (hash_of(line) != place.hash) {
    return at(file_.name(), place.line, "the file has changed while it was in use: start again");
  }
  Repairs known;  // counted when the place was noted
  return parse_line(line, place.line, known);
}

std::string Corpus::place(std::string_view id) const {
  return file_.name() + ":" + std::to_string(places_.find(id)->second.line) + ": ";
}

}  // namespace crossrank::cli
