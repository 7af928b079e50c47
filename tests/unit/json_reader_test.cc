// Reader: what each accessor takes, and that its errors name the file, the way to the key and the
// value.
#include "json/reader.h"

#include <gtest/gtest.h>

#include <string>

namespace crossrank::json {
namespace {

class ReaderTest : public testing::Test {
 protected:
  Reader root() const { return {file_, value_, ErrorCode::kBadConfig}; }

  const std::string file_ = "dir/x.json";
  const Value value_ =
      parse(R"({"a": {"b": [true, "s", 7, null]}, "n": null, "d": 1.5, "e": []})").value();
};

TEST_F(ReaderTest, Reads) {
  const Reader list = root().member("a").member("b");
  EXPECT_TRUE(list.expect_array().ok());
  EXPECT_TRUE(root().member("a").expect_object().ok());
  EXPECT_TRUE(list.item(0).boolean().value());
  EXPECT_EQ(list.item(1).string().value(), "s");
  EXPECT_EQ(list.item(2).size().value(), 7u);
  EXPECT_TRUE(list.item(3).boolean_or(true).value());
  EXPECT_EQ(list.item(2).path(), "a.b[2]");
}

TEST_F(ReaderTest, TellsNullFromAbsent) {
  EXPECT_TRUE(root().member("n").is_null());
  EXPECT_FALSE(root().member("n").is_absent());
  EXPECT_TRUE(root().member("m").is_null());
  EXPECT_TRUE(root().member("m").is_absent());
  EXPECT_TRUE(root().member("d").member("in no object").is_absent());
  EXPECT_FALSE(root().is_absent());
}

TEST_F(ReaderTest, ErrorsNameFileKeyAndValue) {
  const auto message = [](const auto& result) {
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, ErrorCode::kBadConfig);
    return result.error().message;
  };
  const Reader list = root().member("a").member("b");
  EXPECT_EQ(message(list.item(1).boolean()),
            "dir/x.json: key `a.b[1]` must be true or false, not \"s\".");
  EXPECT_EQ(message(list.item(0).string()), "dir/x.json: key `a.b[0]` must be a string, not true.");
  EXPECT_EQ(message(root().member("d").size()),
            "dir/x.json: key `d` must be a whole number that is not negative, not 1.5.");
  EXPECT_EQ(message(root().member("e").expect_object()),
            "dir/x.json: key `e` must be an object, not an array of 0.");
  EXPECT_EQ(message(root().expect_array()),
            "dir/x.json: the file must be an array, not an object.");
  EXPECT_EQ(message(root().member("n").string()),
            "dir/x.json: key `n` must be a string, not null.");
  EXPECT_EQ(message(root().member("a").member("c").string()),
            "dir/x.json: key `a.c` must be a string, but it is missing.");
}

TEST(ParseObject, RefusesWhatIsNone) {
  EXPECT_TRUE(parse_object(base::Blob("f", "{}"), ErrorCode::kBadTokenizer).ok());
  for (const char* text : {"", "[]", "{"}) {
    const auto parsed = parse_object(base::Blob("f", text), ErrorCode::kBadTokenizer);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kBadTokenizer);
    EXPECT_EQ(parsed.error().message.substr(0, 3), "f: ");
  }
}

}  // namespace
}  // namespace crossrank::json
