// Records out of text: pairs, documents, repairs. What the whole command does with them is tested
// by the Python scripts of this folder.
#include "apps/cli/input.h"

#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace crossrank::cli {
namespace {

DocumentList documents(std::string_view text, const DocumentFormat& format = {}) {
  auto list = parse_documents(text, "F", format);
  EXPECT_TRUE(list.ok()) << (list.ok() ? "" : list.error().message);
  return list.ok() ? std::move(*list) : DocumentList();
}

std::string message_of(std::string_view text) {
  const Error error = error_of(parse_documents(text, "F", {}));
  EXPECT_EQ(error.code, ErrorCode::kBadInput) << error.message;
  return error.message;
}

TEST(Documents, KeepIdMetadataAndOrder) {
  const DocumentList list = documents(
      R"({"id":"a","page_content":"x","text":"y","metadata":{"s":"t","n":-3,"u":18446744073709551615,)"
      R"("d":0.5,"b":true,"z":null,"l":[1,"m"],"o":{"k":1}}})"
      "\n"
      R"({"id":-5,"text":"y"})");
  ASSERT_EQ(list.documents.size(), 2u);
  EXPECT_EQ(list.documents[0].page_content, "x");
  EXPECT_EQ(id_json(list, 0), "\"a\"");
  EXPECT_EQ(id_json(list, 1), "-5");
  const Metadata& metadata = list.documents[0].metadata;
  ASSERT_EQ(metadata.size(), 8u);
  EXPECT_EQ(metadata[0].key, "s");
  EXPECT_EQ(std::get<std::string>(metadata[0].value.value), "t");
  EXPECT_EQ(std::get<std::int64_t>(metadata[1].value.value), -3);
  EXPECT_EQ(std::get<std::uint64_t>(metadata[2].value.value), 18446744073709551615u);
  EXPECT_EQ(std::get<double>(metadata[3].value.value), 0.5);
  EXPECT_TRUE(std::get<bool>(metadata[4].value.value));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(metadata[5].value.value));
  EXPECT_EQ(std::get<MetadataList>(metadata[6].value.value).size(), 2u);
  EXPECT_EQ(std::get<Metadata>(metadata[7].value.value)[0].key, "k");
}

TEST(Documents, ArrayElementsComeBackOnOneLine) {
  const DocumentList list =
      documents("[ {\n \"text\" : \"a \\\" , ]\",\n\t\"n\": [1, 2]\n} , \"b\" ]");
  ASSERT_EQ(list.documents.size(), 2u);
  EXPECT_EQ(document_json(list, 0), R"({"text":"a \" , ]","n":[1,2]})");
  EXPECT_EQ(document_json(list, 1), "\"b\"");
  EXPECT_EQ(list.origins[0].line, 1u);
  EXPECT_EQ(list.origins[1].line, 4u);
}

TEST(Documents, ErrorsNameTheLineInAnArray) {
  EXPECT_EQ(message_of("[\n\"a\",\n\n5]").substr(0, 5), "F:4: ");
  EXPECT_EQ(message_of("\n[\n\"a\",\n{\"text\":\n\n\"b\"}, 5]").substr(0, 5), "F:6: ");
  EXPECT_EQ(message_of("\n\n[\"a\"\n").substr(0, 5), "F:3: ");
  EXPECT_EQ(message_of("[\n]\n]").substr(0, 5), "F:3: ");
  EXPECT_EQ(message_of("[,]"), "F:1: the JSON array has a comma without a document");
}

TEST(Documents, SkippedOnesKeepTheirPlace) {
  const DocumentList list = documents("[1, \"a\", {}, \"b\"]", {.skip_bad = true});
  ASSERT_EQ(list.documents.size(), 2u);
  EXPECT_EQ(list.origins[0].index, 1u);
  EXPECT_EQ(list.origins[1].index, 3u);
  EXPECT_EQ(list.skipped.count, 2u);
  EXPECT_EQ(list.skipped.first.substr(0, 5), "F:1: ");
}

TEST(Documents, PlainLinesAreNoJson) {
  const DocumentList list =
      documents("\xEF\xBB\xBF[a\r\n \r\n\"b\\ud800\xFF", {.plain_lines = true});
  ASSERT_EQ(list.documents.size(), 2u);
  EXPECT_EQ(list.documents[0].page_content, "[a");
  EXPECT_EQ(document_json(list, 1), R"("\"b\\ud800)"
                                    "\uFFFD\"");
  EXPECT_EQ(list.repairs.lines, 1u);
  EXPECT_EQ(list.repairs.first_line, 3u);
  EXPECT_EQ(list.repairs.surrogates, 0u);
}

TEST(Documents, RepairedLinesOutliveTheirParser) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "\"" + std::to_string(i) + "\xFF\"\n";
  const DocumentList list = documents(text);
  ASSERT_EQ(list.documents.size(), 100u);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(document_json(list, i), "\"" + std::to_string(i) + "\uFFFD\"");
  }
  EXPECT_EQ(list.repairs.report("F"),
            "100 lines of F had bytes that are not UTF-8, replaced by U+FFFD; the first is line 1");
}

TEST(Pairs, KeepTheDocumentAsItWasWritten) {
  const auto pair = parse_pair(
      R"( { "other" : {"document":[1,"}"]}, "document" : 5, "query":"q\"}" , "d\u006fcument" : { "text" : "a,}\\" , "n":1.0 }  } )",
      PairFormat::kJsonl, {.document_json = true});
  ASSERT_TRUE(pair.ok()) << pair.error().message;
  EXPECT_EQ(pair->query, "q\"}");
  EXPECT_EQ(pair->document, "a,}\\");
  EXPECT_EQ(pair->document_json, R"({ "text" : "a,}\\" , "n":1.0 })");
}

TEST(Pairs, TsvSplitsAtTheFirstTab) {
  const auto pair = parse_pair("\ta\tb", PairFormat::kTsv, {.document_json = true});
  ASSERT_TRUE(pair.ok());
  EXPECT_EQ(pair->query, "");
  EXPECT_EQ(pair->document, "a\tb");
  EXPECT_EQ(pair->document_json, "\"a\\tb\"");
}

TEST(Pairs, FormatIsToldByTheFirstLine) {
  EXPECT_EQ(detect_pair_format(" {\t").value(), PairFormat::kJsonl);
  EXPECT_EQ(detect_pair_format("a\t{").value(), PairFormat::kTsv);
  EXPECT_EQ(detect_pair_format("\t").value(), PairFormat::kTsv);
  EXPECT_EQ(detect_pair_format("a b").error().code, ErrorCode::kBadInput);
}

TEST(Repair, CountsLinesAndSurrogates) {
  std::string storage;
  Repairs repairs;
  EXPECT_EQ(repair("plain", true, 1, storage, repairs), "plain");
  EXPECT_EQ(repairs.lines, 0u);
  EXPECT_EQ(repair("\"\\ud800\\udc00\\uDFFF\xC3\"", true, 7, storage, repairs),
            "\"\\ud800\\udc00\\ufffd\uFFFD\"");
  EXPECT_EQ(repair("\\ud800", false, 8, storage, repairs), "\\ud800");
  EXPECT_EQ(repairs.lines, 1u);
  EXPECT_EQ(repairs.first_line, 7u);
  EXPECT_EQ(repairs.surrogates, 1u);
}

}  // namespace
}  // namespace crossrank::cli
