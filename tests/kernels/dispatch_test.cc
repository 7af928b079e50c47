// The dispatcher: names, order, and that each table is really another one.
#include <set>

#include "tests/kernels/kernel_test.h"

namespace crossrank::kernels {
namespace {

TEST(DispatchTest, ScalarIsAlwaysThereAndLast) {
  for (const Arithmetic arithmetic : {Arithmetic::kFp32, Arithmetic::kInt8}) {
    EXPECT_STREQ(available_kernels(arithmetic).back()->name, "scalar");
  }
}

TEST(DispatchTest, TablesDoNotShareFunctions) {
  std::set<void (*)(const LinearArgs*)> linear;
  std::set<std::string> names;
  for (const KernelTable* table : available_kernels()) {
    linear.insert(table->linear.run);
    names.insert(name_of(*table));
  }
  EXPECT_EQ(linear.size(), available_kernels().size());
  EXPECT_EQ(names.size(), available_kernels().size());
  // In the log of every run: which tables the kernel tests have covered on this machine.
  for (const std::string& name : names) RecordProperty(name, "runs here");
}

TEST(DispatchTest, AttentionIsInBf16WhereLinearLayersAre) {
  for (const KernelTable* table : available_kernels()) {
    const bool bf16 = table->arithmetic == Arithmetic::kBf16;
    EXPECT_EQ(table->attention.arithmetic, bf16 ? Arithmetic::kBf16 : Arithmetic::kFp32)
        << name_of(*table);
  }
}

TEST(DispatchTest, NamesResolveAndTheEmptyNameIsTheBest) {
  for (const KernelTable* table : available_kernels()) {
    EXPECT_EQ(find_kernels(table->name, table->arithmetic).value(), table);
    EXPECT_EQ(find_kernels("", table->arithmetic).value(),
              available_kernels(table->arithmetic).front());
  }
}

TEST(DispatchTest, APrecisionThatAnIsaLacksSaysWhatCanBeHad) {
  const auto result = find_kernels("scalar", Arithmetic::kBf16);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupportedPrecision);
  EXPECT_NE(result.error().message.find("precision bf16 with ISA scalar"), std::string::npos);
  EXPECT_NE(result.error().message.find("fp32 on "), std::string::npos);
  EXPECT_NE(result.error().message.find("scalar; "), std::string::npos);
}

TEST(DispatchTest, AnUnknownNameSaysWhatCanBeHad) {
  const auto result = find_kernels("altivec", Arithmetic::kFp32);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupportedIsa);
  EXPECT_NE(result.error().message.find("scalar"), std::string::npos);
  EXPECT_NE(result.error().message.find("altivec"), std::string::npos);
}

#if defined(__x86_64__)
// What the CPU says by another road than the dispatcher's.
TEST(DispatchTest, AgreesWithTheOperatingSystem) {
  std::string flags;
  if (FILE* file = std::fopen("/proc/cpuinfo", "r")) {
    char line[8192];
    while (std::fgets(line, sizeof(line), file)) {
      if (std::strncmp(line, "flags", 5) == 0) flags = std::string(line) + " ";
    }
    std::fclose(file);
  }
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo has no flags here";
  const auto has = [&](const char* flag) {
    return flags.find(std::string(" ") + flag) != std::string::npos;
  };
  const auto runs = [](const char* isa, Arithmetic a) { return find_kernels(isa, a).ok(); };
  const bool avx2 = has("avx2") && has("fma") && has("f16c");
  const bool avx512 =
      avx2 && has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl");
  EXPECT_EQ(runs("avx2", Arithmetic::kFp32), avx2);
  EXPECT_EQ(runs("avx2", Arithmetic::kInt8), avx2);
  EXPECT_EQ(runs("avx512", Arithmetic::kFp32), avx512);
  EXPECT_EQ(runs("avx512", Arithmetic::kBf16), avx512 && has("avx512_bf16"));
  EXPECT_EQ(runs("avx512", Arithmetic::kInt8), avx512 && has("avx512_vnni"));
}
#elif defined(__aarch64__)
// The identification register, which Linux lets programs read: another road than the dispatcher's.
TEST(DispatchTest, AgreesWithTheCpu) {
  std::uint64_t features = 0;
  asm("mrs %0, ID_AA64ISAR0_EL1" : "=r"(features));
  const bool dot_product = (features >> 44 & 0xF) != 0;
  EXPECT_TRUE(find_kernels("neon", Arithmetic::kFp32).ok());
  EXPECT_EQ(find_kernels("neon", Arithmetic::kInt8).ok(), dot_product);
}
#endif

}  // namespace
}  // namespace crossrank::kernels
