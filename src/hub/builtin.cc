// Finding the builtin model at run time: no build path is compiled in.
#include "hub/builtin.h"

#include <dlfcn.h>
#include <sys/auxv.h>

#include <system_error>

#include "hub/model_files.h"

// Weak: null in a program that does not link crossrank_builtin.
extern "C" __attribute__((weak)) const crossrank::hub::EmbeddedModel* crossrank_embedded_model();

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

// The file that holds this function: a shared library, an extension module or the executable.
fs::path own_file() {
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&find_embedded), &self) == 0) return "/proc/self/exe";
  // The loader names an executable as argv[0] does, which may lead nowhere; its program headers
  // tell that it is one.
  Dl_info program{};
  const auto* headers = reinterpret_cast<const void*>(getauxval(AT_PHDR));  // NOLINT
  const bool is_program = dladdr(headers, &program) != 0 && program.dli_fbase == self.dli_fbase;
  return is_program ? "/proc/self/exe" : self.dli_fname;
}

}  // namespace

const EmbeddedModel* find_embedded() {
  return &crossrank_embedded_model == nullptr ? nullptr : crossrank_embedded_model();
}

std::optional<fs::path> find_installed_builtin(const fs::path& beside) {
  // bin/ and lib/ are beside share/; lib/x86_64-linux-gnu/ is one deeper; an extension module has
  // share/ in its own package.
  for (const char* up : {"..", "../..", "."}) {
    fs::path folder =
        (beside / up / "share/crossrank/models/minilm-l6-crossrank").lexically_normal();
    if (missing_from(folder, false).empty()) return folder;
  }
  return std::nullopt;
}

std::optional<fs::path> find_installed_builtin() {
  std::error_code error;
  const fs::path file = fs::canonical(own_file(), error);
  if (error) return std::nullopt;
  return find_installed_builtin(file.parent_path());
}

}  // namespace crossrank::hub
