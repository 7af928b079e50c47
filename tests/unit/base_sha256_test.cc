// Tests of src/base/sha256: NIST's examples and every way to split the input, by the portable code
// and by the CPU's instructions.
#include "base/sha256.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace crossrank::base {
namespace {

std::string portable_hex(std::string_view bytes) {
  Sha256 hash(/*use_instructions=*/false);
  hash.update(bytes);
  return hash.hex_digest();
}

// Both ways, which are one where the CPU has no instructions for it.
void expect_digest(std::string_view bytes, const char* digest) {
  EXPECT_EQ(sha256_hex(bytes), digest) << bytes.size();
  EXPECT_EQ(portable_hex(bytes), digest) << bytes.size();
}

TEST(Sha256, NothingAddsNothing) {
  Sha256 hash;
  hash.update("ab");
  hash.update(std::string_view());  // whose data is null
  hash.update("c");
  EXPECT_EQ(hash.hex_digest(), sha256_hex("abc"));
}

TEST(Sha256, NistExamples) {
  expect_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  expect_digest(
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklm"
      "nopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  expect_digest(std::string(1'000'000, 'a'),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, LengthsAroundABlock) {  // from Python's hashlib
  const std::vector<std::pair<std::size_t, const char*>> expected = {
      {1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
      {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
      {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
      {57, "f13b2d724659eb3bf47f2dd6af1accc87b81f09f59f2b75e5c0bed6589dfe8c6"},
      {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
      {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
      {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
      {119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
      {120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
      {128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"},
      {1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"}};
  for (const auto& [length, digest] : expected) {
    expect_digest(std::string(length, 'a'), digest);
  }
}

TEST(Sha256, BothWaysAgree) {
  if (!has_sha256_instructions()) GTEST_SKIP() << "this CPU has no instructions for SHA-256";
  std::mt19937 random(1);
  std::string bytes(10'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  for (std::size_t length = 0; length <= bytes.size(); length += length < 300 ? 1 : 97) {
    const std::string_view part = std::string_view(bytes).substr(length % 17, length);
    ASSERT_EQ(sha256_hex(part), portable_hex(part)) << length;
  }
}

TEST(Sha256, SplittingTheInputChangesNothing) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += static_cast<char>(i);
  const std::string whole = sha256_hex(text);
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (const std::size_t second : {first, (first + text.size()) / 2, text.size()}) {
      Sha256 hash;
      hash.update(std::string_view(text).substr(0, first));
      hash.update(std::string_view(text).substr(first, second - first));
      hash.update(std::string_view(text).substr(second));
      ASSERT_EQ(hash.hex_digest(), whole) << first << " " << second;
    }
  }
}

}  // namespace
}  // namespace crossrank::base
