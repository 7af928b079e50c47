// Dispatch: the list of tables, and what the CPU and the operating system allow.
#include "kernels/dispatch.h"

#include <cstdint>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace crossrank::kernels {

extern const KernelTable kScalarKernels;
extern const KernelTable kScalarInt8Kernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx2Int8Kernels;
extern const KernelTable kAvx512Kernels;
extern const KernelTable kAvx512Bf16Kernels;
extern const KernelTable kAvx512VnniKernels;
#elif defined(__aarch64__)
extern const KernelTable kNeonKernels;
extern const KernelTable kNeonDotProdKernels;
#endif

namespace {

#if defined(__x86_64__)
// Clang 14 does not know these names in __builtin_cpu_supports. Both use registers that "avx2" and
// "avx512f" stand for, so the system saves them.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
bool has_avx512_bf16() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & (1U << 5)) != 0;
}
#endif

// On x86, __builtin_cpu_supports reads CPUID and, through XGETBV, whether the system saves the
// registers; on AArch64 it is Linux that says what it lets programs use.
std::uint64_t cpu_features() {
  std::uint64_t features = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) {
    features |= kFeatureAvx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      features |= kFeatureAvx512;
      if (__builtin_cpu_supports("avx512vnni")) features |= kFeatureAvx512Vnni;
      if (has_avx512_bf16()) features |= kFeatureAvx512Bf16;
    }
  }
#elif defined(__aarch64__)
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) features |= kFeatureDotProd;
#endif
  return features;
}

}  // namespace

std::vector<const KernelTable*> available_kernels() {
  const std::uint64_t features = cpu_features();
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : {
#if defined(__x86_64__)
         &kAvx512Kernels, &kAvx2Kernels, &kScalarKernels,                 // fp32
             &kAvx512Bf16Kernels,                                         // bf16
             &kAvx512VnniKernels, &kAvx2Int8Kernels, &kScalarInt8Kernels  // int8
#elif defined(__aarch64__)
         &kNeonKernels, &kScalarKernels,                // fp32
             &kNeonDotProdKernels, &kScalarInt8Kernels  // int8
#else
             &kScalarKernels, &kScalarInt8Kernels
#endif
       }) {
    if ((table->required_features & ~features) == 0) tables.push_back(table);
  }
  return tables;
}

std::vector<const KernelTable*> available_kernels(Arithmetic arithmetic) {
  std::vector<const KernelTable*> tables = available_kernels();
  std::erase_if(tables, [=](const KernelTable* t) { return t->arithmetic != arithmetic; });
  return tables;
}

const char* name_of(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::kFp32: return "fp32";
    case Arithmetic::kBf16: return "bf16";
    case Arithmetic::kInt8: return "int8";
  }
  return "unknown";
}

Result<const KernelTable*> find_kernels(std::string_view isa, Arithmetic arithmetic) {
  bool isa_known = isa.empty();
  std::string can;  // "fp32 on avx512, avx2, scalar; int8 on avx512, avx2"
  const KernelTable* previous = nullptr;
  for (const KernelTable* table : available_kernels()) {
    if (table->arithmetic == arithmetic && (isa.empty() || isa == table->name)) return table;
    isa_known = isa_known || isa == table->name;
    const bool first = previous == nullptr || previous->arithmetic != table->arithmetic;
    if (previous != nullptr) can += first ? "; " : ", ";
    if (first) can += std::string(name_of(table->arithmetic)) + " on ";
    can += table->name;
    previous = table;
  }
  if (!isa_known) {
    return Error{ErrorCode::kUnsupportedIsa,
                 "ISA \"" + std::string(isa) +
                     "\" is unknown or not supported by this CPU, which can run " + can + "."};
  }
  return Error{ErrorCode::kUnsupportedPrecision,
               std::string("precision ") + name_of(arithmetic) +
                   (isa.empty() ? "" : " with ISA " + std::string(isa)) +
                   " cannot be run by this CPU; it can run " + can + "."};
}

}  // namespace crossrank::kernels
