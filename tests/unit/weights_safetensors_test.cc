// Tests of src/weights/safetensors and tensor: one test for each way in which a file can be wrong.
#include "weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/safetensors_writer.h"

namespace crossrank::weights {
namespace {

using testing::HasSubstr;

Result<TensorMap> parse(const std::string& bytes) {
  return parse_safetensors(base::Blob("m.safetensors", bytes));
}

// The message behind the file's name; every refusal has the same code, name and advice.
std::string refusal(const std::string& bytes) {
  const Result<TensorMap> tensors = parse(bytes);
  if (tensors.ok()) return "accepted";
  EXPECT_EQ(tensors.error().code, ErrorCode::kBadSafetensors);
  std::string message = tensors.error().message;
  EXPECT_THAT(message, testing::StartsWith("m.safetensors: "));
  EXPECT_THAT(message, HasSubstr("download or convert it again."));
  message.erase(0, 15);
  return message.substr(0, message.find(". The file is damaged"));
}

std::string refusal(const std::string& header, const std::string& data) {
  return refusal(safetensors_file(header, data));
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

// A header with one tensor "a".
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"a\":" + entry(dtype, shape, offsets) + "}";
}

// --- what is accepted -----------------------------------------------------------------------

TEST(Safetensors, TensorsAreViewsIntoTheFile) {
  const std::string bytes = safetensors_file(
      "{\"__metadata__\":{\"format\":\"pt\"},\"w\":" + entry("F16", "[2,3]", "[4,16]") +
          ",\"b\":" + entry("F32", "[]", "[0,4]") + "}  ",
      "abcdefghijklmnop");
  const Result<TensorMap> tensors = parse(bytes);
  ASSERT_TRUE(tensors.ok()) << tensors.error().message;
  ASSERT_EQ(tensors->size(), 2u);
  const TensorView& w = tensors->at("w");
  EXPECT_EQ(w.dtype, DType::kF16);
  EXPECT_EQ(w.shape, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(w.elements(), 6u);
  EXPECT_EQ(w.bytes, "efghijklmnop");
  EXPECT_EQ(w.bytes.data(), bytes.data() + bytes.size() - 12);
  EXPECT_TRUE(tensors->at("b").shape.empty());
  EXPECT_EQ(tensors->at("b").elements(), 1u);
  EXPECT_EQ(tensors->at("b").bytes, "abcd");
}

TEST(Safetensors, EveryDTypeHasItsSizeAndName) {
  const std::vector<std::pair<std::string, std::size_t>> expected = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
      {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
      {"U32", 4},  {"F32", 4}, {"I64", 8}, {"U64", 8},     {"F64", 8}};
  for (const auto& [name, size] : expected) {
    const std::string end = std::to_string(3 * size);
    const Result<TensorMap> tensors =
        parse(safetensors_file(one(name, "[3]", "[0," + end + "]"), std::string(3 * size, 'x')));
    ASSERT_TRUE(tensors.ok()) << tensors.error().message;
    EXPECT_EQ(dtype_name(tensors->at("a").dtype), name);
    EXPECT_EQ(dtype_bytes(tensors->at("a").dtype), size);
  }
}

TEST(Safetensors, NoTensorsIsAFile) {
  const Result<TensorMap> tensors = parse(safetensors_file("{}", ""));
  ASSERT_TRUE(tensors.ok());
  EXPECT_TRUE(tensors->empty());
}

TEST(Safetensors, EmptyTensorsFitBetweenTwoOthersAndAtBothEnds) {
  const std::string header =
      "{\"z1\":" + entry("F32", "[0]", "[0,0]") + ",\"a\":" + entry("F32", "[1]", "[0,4]") +
      ",\"z2\":" + entry("F32", "[3,0,2]", "[4,4]") + ",\"z3\":" + entry("F16", "[0]", "[4,4]") +
      ",\"b\":" + entry("F32", "[1]", "[4,8]") + ",\"z4\":" + entry("I64", "[0]", "[8,8]") + "}";
  const std::string bytes = safetensors_file(header, "01234567");  // the views need it
  const Result<TensorMap> tensors = parse(bytes);
  ASSERT_TRUE(tensors.ok()) << tensors.error().message;
  EXPECT_EQ(tensors->at("z2").elements(), 0u);
  EXPECT_EQ(tensors->at("b").bytes, "4567");
}

TEST(Safetensors, KeysThatTheFormatDoesNotNameAreIgnored) {  // as the reference does
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"note":[{}]}})", "x"),
            "accepted");
}

// --- the frame ------------------------------------------------------------------------------

TEST(Safetensors, AFileWithoutALengthIsRefused) {
  EXPECT_EQ(refusal(""), "only 0 bytes, shorter than the 8 bytes of the header's length");
  EXPECT_EQ(refusal("1234567"), "only 7 bytes, shorter than the 8 bytes of the header's length");
}

TEST(Safetensors, AHeaderLongerThanTheFileIsRefused) {
  EXPECT_EQ(refusal(safetensors_length(3) + "{}"),
            "a header of 3 bytes is announced, but only 2 bytes follow");
  EXPECT_EQ(refusal(safetensors_length(1)),
            "a header of 1 bytes is announced, but only 0 bytes follow");
  EXPECT_EQ(refusal(safetensors_length(100'000'000) + "{}"),
            "a header of 100000000 bytes is announced, but only 2 bytes follow");
}

TEST(Safetensors, AHeaderOver100MegabytesIsRefused) {
  EXPECT_EQ(refusal(safetensors_length(100'000'001) + "{}"),
            "a header of 100000001 bytes is announced, the limit is 100000000");
  EXPECT_EQ(refusal(safetensors_length(UINT64_MAX) + "{}"),
            "a header of 18446744073709551615 bytes is announced, the limit is 100000000");
  EXPECT_EQ(refusal(safetensors_length(UINT64_MAX - 7) + "{}"),
            "a header of 18446744073709551608 bytes is announced, the limit is 100000000");
}

TEST(Safetensors, AHeaderStartsWithABrace) {
  for (const char* header : {"", " {}", "[]", "null", "\"a\"", "\xEF\xBB\xBF{}"}) {
    EXPECT_EQ(refusal(header, ""), "the header does not start with '{'") << header;
  }
}

// --- the JSON -------------------------------------------------------------------------------

TEST(Safetensors, AHeaderThatIsNotJsonIsRefused) {
  EXPECT_THAT(refusal("{", ""), HasSubstr("not valid JSON at byte 1"));
  EXPECT_THAT(refusal("{} x", ""), HasSubstr("not valid JSON at byte 3"));
  EXPECT_THAT(refusal("{\"a\":NaN}", ""), HasSubstr("not valid JSON at byte 5"));
  EXPECT_THAT(refusal(std::string("{}\0", 3), ""), HasSubstr("not valid JSON at byte 2"));
  EXPECT_THAT(refusal(one("U8", "[1]", "[0,1e999]"), "x"), HasSubstr("too large for a double"));
}

TEST(Safetensors, AHeaderThatIsNotUtf8IsRefused) {
  EXPECT_THAT(refusal("{\"a\xFF\":1}", ""), HasSubstr("invalid UTF-8 at byte 3"));
}

TEST(Safetensors, ADeepHeaderIsRefused) {
  EXPECT_THAT(refusal("{\"a\":" + std::string(100'000, '['), ""), HasSubstr("nested more than"));
}

TEST(Safetensors, DuplicateNamesAreRefused) {
  const std::string a = "\"a\":" + entry("U8", "[1]", "[0,1]");
  EXPECT_THAT(refusal("{" + a + "," + a + "}", "x"), HasSubstr("key \"a\" is repeated at byte 53"));
  EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", "x"),
              HasSubstr("key \"dtype\" is repeated"));
  EXPECT_THAT(refusal(R"({"__metadata__":{},"__metadata__":{}})", ""),
              HasSubstr("key \"__metadata__\" is repeated"));
}

TEST(Safetensors, MetadataIsAnObjectOfStrings) {
  EXPECT_EQ(refusal(R"({"__metadata__":{"a":"x","b":""}})", ""), "accepted");
  EXPECT_EQ(refusal(R"({"__metadata__":[]})", ""), "__metadata__ is not an object");
  EXPECT_EQ(refusal(R"({"__metadata__":"x"})", ""), "__metadata__ is not an object");
  for (const char* value : {"1", "null", "true", "{}", "[\"x\"]"}) {
    EXPECT_EQ(refusal("{\"__metadata__\":{\"a\":\"x\",\"b\":" + std::string(value) + "}}", ""),
              "__metadata__ key \"b\" is not a string");
  }
}

// --- one tensor -----------------------------------------------------------------------------

TEST(Safetensors, ATensorIsAnObjectWithThreeKeys) {
  EXPECT_EQ(refusal(R"({"a":1})", ""), "tensor \"a\" is not an object");
  EXPECT_EQ(refusal(R"({"a":[]})", ""), "tensor \"a\" is not an object");
  EXPECT_EQ(refusal(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", "x"),
            "tensor \"a\" has no dtype");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "x"),
            "tensor \"a\" has no shape");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U8","shape":[1]}})", "x"),
            "tensor \"a\" has no data_offsets");
}

// Whoever needs such a tensor will refuse it. Its place in the file is checked like any other's.
TEST(Safetensors, TensorsOfUnknownDTypesAreOpaque) {
  for (const char* dtype : {"C64", "F4", "F6_E2M3", "F8_E8M0", "F8_E4M3FNUZ", "f32", ""}) {
    const std::string file = safetensors_file(one(dtype, "[3]", "[0,4]"), "0123");
    const Result<TensorMap> tensors = parse(file);
    ASSERT_TRUE(tensors.ok()) << tensors.error().message;
    const TensorView& view = tensors->at("a");
    EXPECT_EQ(view.dtype, DType::kOther);
    EXPECT_EQ(view.other_dtype, "\"" + std::string(dtype) + "\"");
    EXPECT_EQ(view.bytes, "0123");
  }
  EXPECT_LT(parse(safetensors_file(one(std::string(5000, 'F'), "[3]", "[0,4]"), "0123"))
                .value()
                .at("a")
                .other_dtype.size(),
            80U);
  EXPECT_EQ(refusal(one("F4", "[1]", "[0,5]"), "0123"),
            "tensor \"a\": data_offsets [0, 5) are not within the 4 bytes of data");
  EXPECT_EQ(refusal(one("F4", "[1]", "[0,3]"), "0123"),
            "the last tensor ends at byte 3 of the data, but 4 bytes are there");
  EXPECT_EQ(refusal(one("F4", "[4294967296,4294967296]", "[0,4]"), "0123"),
            "tensor \"a\": shape [4294967296, 4294967296] overflows a 64-bit size");
}

TEST(Safetensors, DTypesAreStrings) {
  EXPECT_EQ(refusal(R"({"a":{"dtype":5,"shape":[1],"data_offsets":[0,1]}})", "x"),
            "tensor \"a\": dtype is not a string");
}

TEST(Safetensors, ShapesAreListsOfNonNegativeIntegers) {
  for (const char* shape : {"1", "\"1\"", "{}", "null", "[-1]", "[1.0]", "[\"1\"]", "[null]",
                            "[[1]]", "[1e30]", "[18446744073709551616]"}) {
    EXPECT_EQ(refusal(one("U8", shape, "[0,1]"), "x"),
              "tensor \"a\": shape is not a list of non-negative integers")
        << shape;
  }
}

TEST(Safetensors, AShapeThatOverflowsIsRefused) {
  // 2^62 floats are 2^64 bytes: the product is 0 when it wraps, which is what the offsets say.
  EXPECT_EQ(refusal(one("F32", "[4611686018427387904]", "[0,0]"), ""),
            "tensor \"a\": shape [4611686018427387904] overflows a 64-bit size");
  EXPECT_EQ(refusal(one("U8", "[4294967296,4294967296]", "[0,0]"), ""),
            "tensor \"a\": shape [4294967296, 4294967296] overflows a 64-bit size");
  EXPECT_EQ(refusal(one("U8", "[18446744073709551615,18446744073709551615]", "[0,1]"), "x"),
            "tensor \"a\": shape [18446744073709551615, 18446744073709551615] overflows a 64-bit "
            "size");
  EXPECT_EQ(refusal(one("U8", "[0,4294967296,4294967296]", "[0,0]"), ""),
            "tensor \"a\": shape [0, 4294967296, 4294967296] overflows a 64-bit size");
}

TEST(Safetensors, MessagesShowOfALongShapeTheBeginning) {
  std::string shape = "[1";
  for (int i = 0; i < 100'000; ++i) shape += ",1";
  EXPECT_EQ(refusal(one("U8", shape + "]", "[0,2]"), "xx"),
            "tensor \"a\": U8 [1, 1, 1, 1, 1, 1, 1, 1, ... 100001 dimensions] needs 1 bytes, "
            "data_offsets [0, 2) hold 2");
  EXPECT_EQ(shape_text({1, 2, 3, 4, 5, 6, 7, 8}), "[1, 2, 3, 4, 5, 6, 7, 8]");
}

TEST(Safetensors, OffsetsAreAPairOfNonNegativeIntegers) {
  for (const char* offsets : {"0", "[]", "[0]", "[0,1,1]", "[-1,0]", "[0.0,1.0]", "[\"0\",\"1\"]",
                              "{\"0\":0,\"1\":1}", "null"}) {
    EXPECT_EQ(refusal(one("U8", "[1]", offsets), "x"),
              "tensor \"a\": data_offsets is not a pair of non-negative integers")
        << offsets;
  }
}

TEST(Safetensors, OffsetsAreOrderedAndInsideTheFile) {
  EXPECT_EQ(refusal(one("U8", "[2]", "[2,0]"), "xx"),
            "tensor \"a\": data_offsets [2, 0) are not within the 2 bytes of data");
  EXPECT_EQ(refusal(one("U8", "[3]", "[0,3]"), "xx"),
            "tensor \"a\": data_offsets [0, 3) are not within the 2 bytes of data");
  EXPECT_EQ(refusal(one("U8", "[1]", "[18446744073709551615,0]"), "x"),
            "tensor \"a\": data_offsets [18446744073709551615, 0) are not within the 1 bytes of "
            "data");
  EXPECT_EQ(refusal(one("U8", "[1]", "[18446744073709551614,18446744073709551615]"), "x"),
            "tensor \"a\": data_offsets [18446744073709551614, 18446744073709551615) are not "
            "within the 1 bytes of data");
  EXPECT_EQ(refusal(one("U8", "[0]", "[9,9]"), ""),
            "tensor \"a\": data_offsets [9, 9) are not within the 0 bytes of data");
}

TEST(Safetensors, OffsetsHoldExactlyTheShape) {
  EXPECT_EQ(refusal(one("F32", "[2,2]", "[0,12]"), "0123456789ab"),
            "tensor \"a\": F32 [2, 2] needs 16 bytes, data_offsets [0, 12) hold 12");
  EXPECT_EQ(refusal(one("F32", "[1]", "[0,8]"), "01234567"),
            "tensor \"a\": F32 [1] needs 4 bytes, data_offsets [0, 8) hold 8");
  EXPECT_EQ(refusal(one("F32", "[0]", "[0,4]"), "0123"),
            "tensor \"a\": F32 [0] needs 0 bytes, data_offsets [0, 4) hold 4");
  EXPECT_EQ(refusal(one("BF16", "[]", "[0,0]"), ""),
            "tensor \"a\": BF16 [] needs 2 bytes, data_offsets [0, 0) hold 0");
}

TEST(Safetensors, NamesInMessagesAreEscapedAndShort) {
  const std::string name = "\\u001b[31m" + std::string(1000, 'n');
  const std::string message = refusal("{\"" + name + "\":1}", "");
  EXPECT_THAT(message, testing::StartsWith("tensor \"\\u001b[31mnnn"));
  EXPECT_LT(message.size(), 110u);
}

// --- all tensors together -------------------------------------------------------------------

std::string two(const std::string& a, const std::string& b) {
  return "{\"a\":" + a + ",\"b\":" + b + "}";
}

TEST(Safetensors, OverlapsAreRefused) {
  EXPECT_EQ(refusal(two(entry("U8", "[3]", "[0,3]"), entry("U8", "[2]", "[2,4]")), "0123"),
            "tensor \"b\" at [2, 4) overlaps tensor \"a\" at [0, 3)");
  EXPECT_EQ(refusal(two(entry("U8", "[2]", "[1,3]"), entry("U8", "[4]", "[0,4]")), "0123"),
            "tensor \"a\" at [1, 3) overlaps tensor \"b\" at [0, 4)");
  // Tied weights are stored once; two names for the same bytes are no file.
  EXPECT_EQ(refusal(two(entry("U8", "[4]", "[0,4]"), entry("U8", "[4]", "[0,4]")), "0123"),
            "tensor \"b\" at [0, 4) overlaps tensor \"a\" at [0, 4)");
}

TEST(Safetensors, HolesAreRefused) {
  EXPECT_EQ(refusal(two(entry("U8", "[1]", "[0,1]"), entry("U8", "[2]", "[2,4]")), "0123"),
            "bytes 1 to 2 of the data, before tensor \"b\", belong to no tensor");
  EXPECT_EQ(refusal(one("U8", "[2]", "[2,4]"), "0123"),
            "bytes 0 to 2 of the data, before tensor \"a\", belong to no tensor");
}

TEST(Safetensors, AnEmptyTensorInsideAnotherOrInAHoleIsRefused) {
  EXPECT_EQ(refusal(two(entry("U8", "[4]", "[0,4]"), entry("U8", "[0]", "[2,2]")), "0123"),
            "tensor \"b\" at [2, 2) overlaps tensor \"a\" at [0, 4)");
  EXPECT_EQ(refusal(two(entry("U8", "[0]", "[2,2]"), entry("U8", "[1]", "[0,1]")), "0123"),
            "bytes 1 to 2 of the data, before tensor \"a\", belong to no tensor");
}

TEST(Safetensors, DataBehindTheLastTensorIsRefused) {
  EXPECT_EQ(refusal(one("U8", "[3]", "[0,3]"), "0123"),
            "the last tensor ends at byte 3 of the data, but 4 bytes are there");
  EXPECT_EQ(refusal("{}", "x"),
            "the last tensor ends at byte 0 of the data, but 1 bytes are there");
}

TEST(Safetensors, ATruncatedDownloadIsRefusedAtEveryLength) {
  const std::string bytes =
      safetensors_file(two(entry("F32", "[1]", "[0,4]"), entry("U8", "[2]", "[4,6]")), "012345");
  ASSERT_TRUE(parse(bytes).ok());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_NE(refusal(bytes.substr(0, length)), "accepted") << length;
  }
}

}  // namespace
}  // namespace crossrank::weights
