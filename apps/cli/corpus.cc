// Corpus. A line is parsed twice: when its place is noted, and when it is scored.
#include "corpus.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/sha256.h"
#include "base/try.h"
#include "input.h"
#include "interrupt.h"

namespace crossrank::cli {
namespace {

Error at(const std::string& file, std::uint64_t line, const std::string& what) {
  return {ErrorCode::kBadInput, file + ":" + std::to_string(line) + ": " + what};
}

Result<Document> parse_line(std::string_view line, std::uint64_t number) {
  std::string storage;
  Repairs repairs;
  return parse_corpus_document(repair(line, true, number, storage, repairs));
}

}  // namespace

Result<Corpus> Corpus::open(const std::string& path, const std::vector<std::string_view>& wanted,
                            const std::function<void(std::size_t, std::size_t)>& on_read) {
  CR_TRY_ASSIGN(InputFile kept, InputFile::open(path));
  const auto size = kept.size();
  if (!size) {
    return Error{ErrorCode::kBadInput, "the corpus " + kept.name() +
                                           " is no regular file: its documents are read from it "
                                           "one by one, so a pipe will not do"};
  }
  CR_TRY_ASSIGN(InputFile scanned, InputFile::open(path));
  Corpus corpus(std::move(kept));
  for (const std::string_view id : wanted) corpus.places_.try_emplace(std::string(id));

  LineReader reader(std::move(scanned));
  base::Sha256 digest;
  for (;;) {
    const std::uint64_t offset = reader.bytes_consumed();
    auto line = reader.next();
    const std::uint64_t number = reader.line_number();
    if (!line.ok()) {
      if (line.error().code != ErrorCode::kBadInput) return std::move(line).error();
      return at(path, number, line.error().message);
    }
    if (!*line) break;
    digest.update(**line);
    digest.update("\n");
    if (on_read && number % 256 == 0) on_read(offset, *size);
    if (is_blank(**line)) continue;
    const auto document = parse_line(**line, number);
    if (!document.ok()) return at(path, number, document.error().message);
    const auto found = corpus.places_.find(*document->id);
    if (found == corpus.places_.end()) continue;
    if (found->second.line != 0) {
      ++corpus.duplicates_;
      continue;
    }
    const auto bytes = static_cast<std::uint32_t>(reader.bytes_consumed() - offset);
    found->second = {.offset = offset, .bytes = bytes, .line = number};
  }
  corpus.digest_ = digest.hex_digest();
  return corpus;
}

bool Corpus::contains(std::string_view id) const {
  const auto found = places_.find(id);
  return found != places_.end() && found->second.line != 0;
}

Result<Document> Corpus::read(std::string_view id) const {
  const Place place = places_.find(id)->second;
  std::string text(place.bytes, '\0');
  CR_TRY(file_.read_at(place.offset, text));
  std::string_view line = text;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (place.line == 1 && line.starts_with(kByteOrderMark)) line.remove_prefix(3);
  auto document = parse_line(line, place.line);
  if (!document.ok() || document->id != id) {
    return at(file_.name(), place.line, "the file has changed while it was in use: start again");
  }
  return document;
}

std::string Corpus::place(std::string_view id) const {
  return file_.name() + ":" + std::to_string(places_.find(id)->second.line) + ": ";
}

}  // namespace crossrank::cli
