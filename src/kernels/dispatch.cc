// Dispatch: the list of tables, and what the CPU and the operating system allow.
#include "kernels/dispatch.h"

#include <cstdint>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace crossrank::kernels {

extern const KernelTable kScalarKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
#endif

namespace {

#if defined(__x86_64__)
// Clang 14 does not know "f16c" in __builtin_cpu_supports.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

// __builtin_cpu_supports reads CPUID and, through XGETBV, whether the system saves the registers.
std::uint64_t cpu_features() {
  std::uint64_t features = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) {
    features |= kFeatureAvx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      features |= kFeatureAvx512;
    }
  }
#endif
  return features;
}

}  // namespace

std::vector<const KernelTable*> available_kernels() {
  const std::uint64_t features = cpu_features();
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : {
#if defined(__x86_64__)
         &kAvx512Kernels, &kAvx2Kernels,
#endif
             &kScalarKernels
       }) {
    if ((table->required_features & ~features) == 0) tables.push_back(table);
  }
  return tables;
}

Result<const KernelTable*> kernels_by_name(std::string_view name) {
  const std::vector<const KernelTable*> tables = available_kernels();
  if (name.empty()) return tables.front();
  std::string names;
  for (const KernelTable* table : tables) {
    if (name == table->name) return table;
    names += (names.empty() ? "" : ", ") + std::string(table->name);
  }
  return Error{ErrorCode::kUnsupportedIsa,
               "ISA \"" + std::string(name) +
                   "\" is unknown or not supported by this CPU; use one of: " + names + "."};
}

}  // namespace crossrank::kernels
