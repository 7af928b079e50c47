// Version and build facts. CROSSRANK_BUILD_TYPE comes from CMake.
#include "crossrank/version.h"

#include "kernels/dispatch.h"

namespace crossrank {
namespace {

#define CR_STRING_(x) #x
#define CR_STRING(x) CR_STRING_(x)
#if defined(__clang__)
constexpr std::string_view kCompiler = "Clang " CR_STRING(__clang_major__) "." CR_STRING(
    __clang_minor__) "." CR_STRING(__clang_patchlevel__);
#elif defined(__GNUC__)
constexpr std::string_view kCompiler =
    "GCC " CR_STRING(__GNUC__) "." CR_STRING(__GNUC_MINOR__) "." CR_STRING(__GNUC_PATCHLEVEL__);
#else
constexpr std::string_view kCompiler = "an unknown compiler";
#endif

constexpr std::string_view kVersion = CROSSRANK_VERSION;

constexpr bool version_is(std::string_view text, int major, int minor, int patch) {
  std::size_t pos = 0;
  for (const int part : {major, minor, patch}) {
    int value = 0;
    const std::size_t begin = pos;
    for (; pos < text.size() && text[pos] != '.'; ++pos) value = value * 10 + (text[pos] - '0');
    if (pos == begin || value != part) return false;
    if (pos < text.size()) ++pos;
  }
  return pos == text.size();
}
static_assert(version_is(kVersion, kVersionMajor, kVersionMinor, kVersionPatch),
              "include/crossrank/version.h and project(VERSION) in CMakeLists.txt differ");

}  // namespace

std::string_view version() noexcept { return kVersion; }

std::string build_info() {
  std::string info = "crossrank ";
  info += kVersion;
  info += ", ";
  info += kCompiler;
  info += ", ";
  info += CROSSRANK_BUILD_TYPE;
  return info;
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const kernels::KernelTable* table : kernels::available_kernels(kernels::Arithmetic::kFp32)) {
    names.emplace_back(table->name);
  }
  return names;
}

}  // namespace crossrank
