// Tests of crossrank/result.h, base/try.h and base/aligned_buffer.h.
#include "crossrank/result.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/try.h"

namespace crossrank {
namespace {

TEST(Result, HoldsAValue) {
  Result<std::string> r = std::string("x");
  ASSERT_TRUE(r.ok());
  EXPECT_TRUE(static_cast<bool>(r));
  EXPECT_EQ(*r, "x");
  EXPECT_EQ(r->size(), 1u);
  EXPECT_EQ(r.value(), "x");
}

TEST(Result, HoldsAnError) {
  const Result<std::string> r = Error{ErrorCode::kBadConfig, "what"};
  ASSERT_FALSE(r.ok());
  EXPECT_FALSE(static_cast<bool>(r));
  EXPECT_EQ(r.error().code, ErrorCode::kBadConfig);
  EXPECT_EQ(r.error().message, "what");
}

TEST(Result, ValueThrowsTheError) {
  const Result<int> r = Error{ErrorCode::kBadWeights, "what"};
  try {
    static_cast<void>(r.value());
    FAIL() << "no exception";
  } catch (const ResultError& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadWeights);
    EXPECT_STREQ(e.what(), "BadWeights: what");
  }
  EXPECT_THROW(Result<void>(Error{}).value(), ResultError);
  EXPECT_NO_THROW(Result<void>().value());
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> r = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(r);
  EXPECT_EQ(*taken, 7);
  EXPECT_EQ(*Result<std::unique_ptr<int>>(std::make_unique<int>(8)).value(), 8);
}

TEST(Result, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const std::string_view name = to_string(static_cast<ErrorCode>(code));
    EXPECT_FALSE(name.empty());
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

Result<int> positive(int n) {
  if (n <= 0) return Error{ErrorCode::kInvalidArgument, std::to_string(n)};
  return n;
}
Result<int> sum(int a, int b) {
  CR_TRY_ASSIGN(const int x, positive(a));
  CR_TRY_ASSIGN(int y, positive(b));
  return x + y;
}
Result<void> both(int a, int b) {
  CR_TRY(positive(a));
  CR_TRY(positive(b));
  return {};
}
Result<int> moved(Result<std::unique_ptr<int>> r) {
  CR_TRY_ASSIGN(const std::unique_ptr<int> p, std::move(r));
  return *p;
}

TEST(Try, PassesValuesAndErrorsOn) {
  EXPECT_EQ(*sum(1, 2), 3);
  EXPECT_EQ(sum(-1, 2).error().message, "-1");
  EXPECT_EQ(sum(1, -2).error().message, "-2");
  EXPECT_TRUE(both(1, 2).ok());
  EXPECT_EQ(both(1, -2).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(*moved(std::make_unique<int>(5)), 5);
  EXPECT_EQ(moved(Error{ErrorCode::kNetwork, "n"}).error().code, ErrorCode::kNetwork);
}

TEST(AlignedBuffer, StartsOnACacheLine) {
  for (const std::size_t count : {1u, 15u, 16u, 17u, 1000u}) {
    base::AlignedBuffer<float> buffer(count);
    EXPECT_EQ(buffer.size(), count);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % base::kCacheLine, 0u);
    for (std::size_t i = 0; i < count; ++i) buffer[i] = static_cast<float>(i);
    EXPECT_EQ(buffer[count - 1], static_cast<float>(count - 1));
  }
}

TEST(AlignedBuffer, EmptyAndMoved) {
  base::AlignedBuffer<int> buffer(0);
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(buffer.data(), nullptr);
  base::AlignedBuffer<int> full(3);
  full[2] = 9;
  buffer = std::move(full);
  EXPECT_EQ(buffer.size(), 3u);
  EXPECT_EQ(buffer[2], 9);
}

TEST(AlignedBuffer, SizesThatOverflowAreOutOfMemory) {
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  for (const std::size_t count : {kMax, kMax / 4, kMax / 4 - 15, kMax / 2 + 1}) {
    EXPECT_THROW(base::AlignedBuffer<float>{count}, std::bad_alloc) << count;
  }
}

}  // namespace
}  // namespace crossrank
