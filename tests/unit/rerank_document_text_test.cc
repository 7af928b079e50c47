// The text that is scored: metadata templates, cuts, and the way back to page_content.
#include "rerank/document_text.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace crossrank::rerank {
namespace {

TextTemplate from_template(const std::string& text) {
  ReRankOptions options;
  options.metadata_template = text;
  return TextTemplate::from_options(options).value();
}

TextTemplate from_fields(std::vector<std::string> fields) {
  ReRankOptions options;
  options.metadata_fields = std::move(fields);
  return TextTemplate::from_options(options).value();
}

Error template_error(const std::string& text) {
  ReRankOptions options;
  options.metadata_template = text;
  const Result<TextTemplate> result = TextTemplate::from_options(options);
  return result.ok() ? Error{ErrorCode::kInternal, "no error"} : result.error();
}

Document planets() {
  return {.id = "d1",
          .page_content = "Eight planets.",
          .metadata = {{"title", {"The sky"}},
                       {"year", {std::int64_t{2024}}},
                       {"ratio", {0.5}},
                       {"open", {true}},
                       {"tags", {MetadataList{{"a"}, {std::int64_t{7}}, {std::monostate{}}, {""}}}},
                       {"author", {Metadata{{"name", {"Zoë"}}, {"age", {std::uint64_t{41}}}}}},
                       {"gone", {std::monostate{}}}}};
}

TEST(TextTemplate, PageContentAloneByDefault) {
  const TextTemplate plain = from_fields({});
  EXPECT_TRUE(plain.plain());
  EXPECT_EQ(plain.render(planets(), 0, 0).text, "Eight planets.");
  EXPECT_TRUE(plain.fields().empty());
}

TEST(TextTemplate, FieldsStandOnLinesOfTheirOwn) {
  const TextTemplate fields = from_fields({"title", "gone", "absent", "year"});
  EXPECT_FALSE(fields.plain());
  EXPECT_EQ(fields.render(planets(), 0, 0).text, "The sky\n2024\nEight planets.");
  EXPECT_EQ(fields.fields(), (std::vector<std::string_view>{"title", "gone", "absent", "year"}));
}

TEST(TextTemplate, TemplateSubstitutesValues) {
  EXPECT_EQ(from_template("{title}. {page_content}").render(planets(), 0, 0).text,
            "The sky. Eight planets.");
  EXPECT_EQ(from_template("[{gone}|{absent}] {page_content} ({year})").render(planets(), 0, 0).text,
            "[|] Eight planets. (2024)");
  EXPECT_EQ(from_template("{{x}} {page_content}}}").render(planets(), 0, 0).text,
            "{x} Eight planets.}");
}

TEST(TextTemplate, ValuesBecomeText) {
  const auto text = [](const char* field) {
    return metadata_text(*find_metadata(planets(), field));
  };
  EXPECT_EQ(text("title"), "The sky");
  EXPECT_EQ(text("year"), "2024");
  EXPECT_EQ(text("ratio"), "0.5");
  EXPECT_EQ(text("open"), "true");
  EXPECT_EQ(text("tags"), "a, 7");
  EXPECT_EQ(text("author"), "{\"name\":\"Zoë\",\"age\":41}");
  EXPECT_EQ(text("gone"), "");
  EXPECT_EQ(metadata_text({std::numeric_limits<std::uint64_t>::max()}), "18446744073709551615");
}

TEST(TextTemplate, LastMemberOfANameCounts) {
  Document document;
  document.metadata = {{"a", {"first"}}, {"a", {"last"}}};
  EXPECT_EQ(metadata_text(*find_metadata(document, "a")), "last");
  EXPECT_EQ(find_metadata(document, "b"), nullptr);
}

TEST(TextTemplate, CutsCountCodePoints) {
  Document document;
  document.page_content = "äöü€x";
  document.metadata = {{"title", {"日本語"}}};
  const TextTemplate::Text text = from_template("{title}:{page_content}").render(document, 4, 2);
  EXPECT_EQ(text.text, "日本:äöü€");
  EXPECT_EQ(text.chars_cut, 1U);
  EXPECT_EQ(text.content_byte, 7U);
  EXPECT_EQ(text.content_bytes, 9U);
  EXPECT_EQ(text.content_char, 3U);
  EXPECT_EQ(text.content_chars, 4U);
  EXPECT_EQ(document.page_content, "äöü€x");
}

TEST(TextTemplate, InvalidUtf8IsRepairedBeforeTheCut) {
  Document document;
  document.page_content = "a\xFF\xF0\x9F\x92z";  // Python: 'a\ufffd\ufffdz'
  document.metadata = {{"t", {std::string("\xC3")}},
                       {"o", {Metadata{{"k\xFF", {std::string("v\xFF")}}}}}};
  const TextTemplate::Text text = from_template("{t}{o}{page_content}").render(document, 3, 0);
  EXPECT_EQ(text.text, "\uFFFD{\"k\uFFFD\":\"v\uFFFD\"}a\uFFFD\uFFFD");
  EXPECT_EQ(text.chars_cut, 1U);
}

TEST(TextTemplate, SpansAreMappedIntoPageContent) {
  Document document;
  document.page_content = "0123456789";
  document.metadata = {{"t", {"é"}}};
  const TextTemplate::Text text = from_template("{t}{page_content}--").render(document, 0, 0);
  const auto map = [&](std::uint32_t begin_byte, std::uint32_t end_byte) {
    // One character is two bytes, and it stands in front.
    const auto chars = [](std::uint32_t byte) { return byte == 0 ? 0 : byte - 1; };
    const TextSpan span =
        text.in_content({begin_byte, end_byte, chars(begin_byte), chars(end_byte)});
    EXPECT_EQ(span.begin_byte, span.begin_char);
    EXPECT_EQ(span.end_byte, span.end_char);
    return std::pair(span.begin_byte, span.end_byte);
  };
  EXPECT_EQ(map(4, 7), std::pair(2U, 5U));     // inside
  EXPECT_EQ(map(0, 5), std::pair(0U, 3U));     // begins in the metadata
  EXPECT_EQ(map(0, 2), std::pair(0U, 0U));     // metadata alone: empty, at the nearer end
  EXPECT_EQ(map(11, 14), std::pair(9U, 10U));  // runs over the end
  EXPECT_EQ(map(12, 14), std::pair(10U, 10U));
}

TEST(TextTemplate, ErrorsNameThePosition) {
  EXPECT_EQ(template_error("é{title").code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(template_error("é{title").message,
            "metadata_template, character 1 (counting from 0): a { without its }; write {{ for a "
            "brace");
  EXPECT_NE(template_error("{a{b}").message.find("character 0"), std::string::npos);
  EXPECT_NE(template_error("a}b").message.find("character 1"), std::string::npos);
  EXPECT_NE(template_error("{page_content}{}").message.find("character 14"), std::string::npos);
  EXPECT_NE(template_error("{title}").message.find("without a {page_content}"), std::string::npos);
  EXPECT_NE(template_error("{page_content}{page_content}").message.find("second"),
            std::string::npos);
  EXPECT_EQ(template_error("\xFF{page_content}").code, ErrorCode::kInvalidArgument);
}

TEST(TextTemplate, OptionsThatContradict) {
  ReRankOptions options;
  options.metadata_fields = {"title"};
  options.metadata_template = "{page_content}";
  EXPECT_EQ(TextTemplate::from_options(options).error().code, ErrorCode::kInvalidArgument);
  options.metadata_template.clear();
  options.metadata_fields = {""};
  EXPECT_EQ(TextTemplate::from_options(options).error().code, ErrorCode::kInvalidArgument);
}

TEST(MetadataText, OfEqualKeysTheLastOneCountsAtThePlaceOfTheFirst) {
  const MetadataValue value{
      Metadata{{"a", {std::int64_t{1}}}, {"b", {std::int64_t{2}}}, {"a", {std::int64_t{3}}}}};
  EXPECT_EQ(metadata_text(value), R"({"a":3,"b":2})");
}

// Took 9 s when each member was searched for among those before it.
TEST(MetadataText, TakesTimeInProportionToTheMembers) {
  Metadata members;
  for (std::int64_t i = 0; i < 100'000; ++i) members.push_back({"key " + std::to_string(i), {i}});
  const auto start = std::chrono::steady_clock::now();
  const std::string text = metadata_text({std::move(members)});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_TRUE(text.ends_with(R"("key 99999":99999})"));
}

// Built with -Wextra -Werror: members that are left away draw no warning.
TEST(Document, MembersMayBeLeftAway) {
  const Document document{.page_content = "text",
                          .metadata = {{"title", {"Apollo 11"}}, {"year", {1969}}}};
  EXPECT_FALSE(document.id);
  EXPECT_EQ(std::get<std::string>(document.metadata[0].value.value), "Apollo 11");
  EXPECT_EQ(std::get<std::int64_t>(document.metadata[1].value.value), 1969);
}

}  // namespace
}  // namespace crossrank::rerank
