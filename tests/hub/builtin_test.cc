// The builtin model linked into this program, and its installed folder.
#include "hub/builtin.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <link.h>

#include <cstdint>
#include <cstdlib>

#include "base/sha256.h"
#include "fake_hub.h"
#include "hub/resolve.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

const fs::path kModelFolder = fs::path(CROSSRANK_SOURCE_DIR) / "models/minilm-l6-crossrank";

class BuiltinTest : public testing::Test {
 protected:
  ScopedEnvironment environment_{
      std::vector<ScopedEnvironment::Variable>{{"CROSSRANK_BUILTIN", ""}, {"CROSSRANK_MODEL", ""}}};
};

TEST_F(BuiltinTest, TheFilesAreThoseOfTheRepository) {
  ASSERT_NE(find_embedded(), nullptr);
  ASSERT_EQ(find_embedded()->files.size(), 5u);
  for (const base::NamedBytes& file : find_embedded()->files) {
    EXPECT_TRUE(file.bytes == read_file(kModelFolder / file.name)) << file.name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.bytes.data()) % 64, 0u) << file.name;
  }
}

TEST_F(BuiltinTest, ResolvesWithoutHashingAnything) {
  const auto model = resolve_model("builtin", {});
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->name, "builtin");
  EXPECT_EQ(model->source, "embedded");
  EXPECT_EQ(model->note, "");
  const auto files = std::get<std::span<const base::NamedBytes>>(model->files);
  EXPECT_EQ(files.data(), find_embedded()->files.data());
  EXPECT_EQ(model->weights_sha256, base::sha256_hex(read_file(kModelFolder / "model.safetensors")));
}

TEST_F(BuiltinTest, TheVariableWins) {
  const ScopedEnvironment folder("CROSSRANK_BUILTIN", kModelFolder.string());
  const auto model = resolve_model("builtin", {});
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(std::get<fs::path>(model->files), kModelFolder);
  EXPECT_EQ(model->name, "builtin");
}

TEST_F(BuiltinTest, TheInstalledFolderIsFoundFromBinLibAndPackage) {
  TempFolder prefix;
  const fs::path share = prefix.path() / "share/crossrank/models/minilm-l6-crossrank";
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    write_file(share / name, "x");
  }
  for (const char* beside : {"bin", "lib", "lib/x86_64-linux-gnu", "."}) {
    fs::create_directories(prefix.path() / beside);
    EXPECT_EQ(find_installed_builtin(prefix.path() / beside), share) << beside;
  }
  fs::remove(share / "model.safetensors");
  EXPECT_EQ(find_installed_builtin(prefix.path() / "bin"), std::nullopt);
}

TEST_F(BuiltinTest, TheDataAsksForNoExecutableStack) {
  bool stack_seen = false;
  const auto look = [](dl_phdr_info* info, std::size_t, void* seen) {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      if (info->dlpi_phdr[i].p_type != PT_GNU_STACK) continue;
      EXPECT_EQ(info->dlpi_phdr[i].p_flags & PF_X, 0u);
      *static_cast<bool*>(seen) = true;
    }
    return 1;  // the first is this program
  };
  dl_iterate_phdr(look, &stack_seen);
  EXPECT_TRUE(stack_seen);
}

}  // namespace
}  // namespace crossrank::hub
