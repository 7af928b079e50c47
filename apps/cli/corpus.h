// Corpus: the documents of a JSON lines file by their ids, read from the file when they are asked
// for. Keeps no texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/result.h"
#include "input.h"
#include "line_reader.h"

namespace crossrank::cli {

// Owns an open file. One thread.
class Corpus {
 public:
  // Reads the whole file once and notes where the documents of `wanted` are: some 100 bytes each,
  // and nothing of the others. on_read(done, total) is told the bytes. Errors: as InputFile;
  // kBadInput for what is no regular file and, with file and line, for a line that is no document
  // with an id, unless `skip_bad`.
  static Result<Corpus> open(const std::string& path, const std::vector<std::string_view>& wanted,
                             bool skip_bad,
                             const std::function<void(std::size_t, std::size_t)>& on_read);

  [[nodiscard]] bool contains(std::string_view id) const;
  // Errors: kBadInput and kIoError, when the line is not what it was. contains(id) must hold.
  [[nodiscard]] Result<Document> read(std::string_view id) const;

  [[nodiscard]] const std::string& name() const { return file_.name(); }
  // "a.jsonl:12: " of a document.
  [[nodiscard]] std::string place(std::string_view id) const;
  // SHA-256 of the lines of the file.
  [[nodiscard]] const std::string& digest() const { return digest_; }
  // Documents whose id an earlier one has; those are not read.
  [[nodiscard]] std::size_t duplicates() const { return duplicates_; }
  // Lines that are no documents.
  [[nodiscard]] const Skipped& skipped() const { return skipped_; }
  // Of all lines.
  [[nodiscard]] const Repairs& repairs() const { return repairs_; }

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t line = 0;  // 0 = not found
    std::size_t hash = 0;    // of the line: sees an edit, not a forgery
    std::uint32_t bytes = 0;
  };

  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): std's name
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
  };

  Corpus(InputFile file, bool skip_bad) : file_(std::move(file)), skip_bad_(skip_bad) {}
  // Reads a line of the file. Error: kBadInput without file and line.
  Result<void> note(std::string_view line, const Place& place);

  InputFile file_;
  bool skip_bad_;
  std::unordered_map<std::string, Place, Hash, std::equal_to<>> places_;
  std::string digest_;
  std::size_t duplicates_ = 0;
  bool has_documents_ = false;
  Skipped skipped_;
  Repairs repairs_;
};

}  // namespace crossrank::cli
