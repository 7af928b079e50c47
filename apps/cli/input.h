// Records out of text: pairs, documents and texts from JSON, TSV or plain lines. Opens no file.
// Every function takes any bytes; an error is kBadInput with a sentence, to which the caller adds
// the file and the line.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crossrank/document.h"
#include "crossrank/result.h"

namespace crossrank::cli {

// What was repaired before parsing, counted over an input and reported once.
struct Repairs {
  std::size_t lines = 0;       // with bytes that are not UTF-8, or with lone surrogates
  std::size_t first_line = 0;  // of them
  std::size_t surrogates = 0;  // \ud800 escapes without a partner
  [[nodiscard]] std::string report(const std::string& file) const;  // a sentence; "" if lines == 0
};

// `line` in valid UTF-8, lone surrogate escapes replaced when it is JSON. The result is `line`
// itself or a view of `storage`.
std::string_view repair(std::string_view line, bool is_json, std::size_t line_number,
                        std::string& storage, Repairs& repairs);

bool is_blank(std::string_view line);

// What --skip-bad passed over.
struct Skipped {
  std::size_t count = 0;
  std::string first;  // "FILE:LINE: why" of the first one

  // kBadInput with "FILE:LINE: why", or counts it when `skip`.
  Result<void> add(const std::string& file, std::size_t line, Error error, bool skip);
  // A sentence about them; `noun` is what one is called, as in "line". count > 0.
  [[nodiscard]] std::string report(std::string_view noun) const;
};

enum class PairFormat { kAuto, kJsonl, kTsv };

// kJsonl or kTsv by the first line that is not blank. Errors: kBadInput when it is neither.
Result<PairFormat> detect_pair_format(std::string_view line);

struct PairRecord {
  std::string query;
  std::string document;
  std::string document_json;  // the caller's own; only when asked for
  bool relevant = false;      // likewise: whether "label" is true or above 0
};

// What of a pair is needed beside its two texts.
struct PairWants {
  bool document_json = false;
  bool label = false;
};

// {"query": ..., "document": string or {page_content|text}} or query TAB document. A "label", which
// TAB cannot have, is true, false or a number. `line` is valid UTF-8. Errors: kBadInput.
Result<PairRecord> parse_pair(std::string_view line, PairFormat format,
                              const PairWants& wants = {});

// {"text": ...} or {"query": ..., "document": ...}, for `tokenize`.
struct TextRecord {
  std::optional<std::string> query;
  std::string text;
};
Result<TextRecord> parse_text(std::string_view line);

// A list of documents with what is needed to give them back as they came.
// Owns repaired lines; views the text it was read from, which must outlive it.
struct DocumentList {
  struct Origin {
    std::string_view json;  // the caller's own JSON; the bare line with plain lines
    std::size_t index = 0;  // in the caller's list, bad entries included
    std::size_t line = 0;   // where it starts
    bool id_is_integer = false;
  };
  std::vector<Document> documents;
  std::vector<Origin> origins;  // of documents[i]
  bool plain_lines = false;
  Skipped skipped;
  Repairs repairs;
  std::deque<std::string> repaired;  // storage
};

struct DocumentFormat {
  bool plain_lines = false;  // each line is a document's text
  bool skip_bad = false;     // count what is no document instead of stopping
};

// JSON lines, or one JSON array over any number of lines, or plain lines. Errors: kBadInput, the
// message starting with "FILE:LINE: ".
Result<DocumentList> parse_documents(std::string_view text, const std::string& file,
                                     const DocumentFormat& format);

// A line of a corpus: {"id" (or "_id", "docid"): string or integer, "page_content" (or "text",
// "contents"): string}, as BEIR, Pyserini and others write it. All other members, and those of
// "metadata", are the document's metadata. `line` is valid UTF-8. Errors: kBadInput.
Result<Document> parse_corpus_document(std::string_view line);

// True for a JSON object, valid as those of a DocumentList are, with that member.
bool has_member(std::string_view object, std::string_view name);

// `document` as JSON on one line, for documents[i] of `list`.
std::string document_json(const DocumentList& list, std::size_t i);
// Its id as JSON, null if it has none.
std::string id_json(const DocumentList& list, std::size_t i);

}  // namespace crossrank::cli
