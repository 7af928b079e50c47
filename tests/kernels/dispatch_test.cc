// The dispatcher: names, order, and that each table is really another one.
#include <set>

#include "tests/kernels/kernel_test.h"

namespace crossrank::kernels {
namespace {

TEST(DispatchTest, ScalarIsAlwaysThereAndLast) {
  EXPECT_STREQ(available_kernels().back()->name, "scalar");
}

TEST(DispatchTest, TablesDoNotShareFunctions) {
  std::set<void (*)(const LinearArgs*)> linear;
  std::set<std::string> names;
  for (const KernelTable* table : available_kernels()) {
    linear.insert(table->linear);
    names.insert(table->name);
  }
  EXPECT_EQ(linear.size(), available_kernels().size());
  EXPECT_EQ(names.size(), available_kernels().size());
}

TEST(DispatchTest, NamesResolveAndTheEmptyNameIsTheBest) {
  for (const KernelTable* table : available_kernels()) {
    EXPECT_EQ(kernels_by_name(table->name).value(), table);
  }
  EXPECT_EQ(kernels_by_name("").value(), available_kernels().front());
}

TEST(DispatchTest, AnUnknownNameSaysWhatCanBeHad) {
  const auto result = kernels_by_name("altivec");
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
  EXPECT_EQ(kernels_by_name("avx2").ok(), has("avx2") && has("fma") && has("f16c"));
  EXPECT_EQ(kernels_by_name("avx512").ok(),
            has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl"));
}
#endif

}  // namespace
}  // namespace crossrank::kernels
