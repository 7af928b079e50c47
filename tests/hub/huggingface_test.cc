// The cache shared with huggingface_hub itself, both ways. Skipped where that package is not
// installed for $CROSSRANK_TEST_PYTHON (or python3).
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstdlib>

#include "fake_hub.h"
#include "hub/hub_cache.h"
#include "hub/resolve.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

class HuggingFaceTest : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    if (python("import huggingface_hub") != 0) {
      GTEST_SKIP() << "huggingface_hub is not installed (set CROSSRANK_TEST_PYTHON)";
    }
  }

  // The exit status of a Python program in this test's environment.
  int python(const std::string& program) const {
    write_file(cache() / "program.py", program);
    const char* chosen = std::getenv("CROSSRANK_TEST_PYTHON");
    const std::string command = std::string(chosen != nullptr ? chosen : "python3") + " " +
                                (cache() / "program.py").string() + " 2> " +
                                (cache() / "stderr").string();
    const int status = std::system(command.c_str());  // NOLINT: a test's own command
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string stderr_text() const { return read_file(cache() / "stderr"); }
};

TEST_F(HuggingFaceTest, ItFindsWhatWePulled) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  EXPECT_EQ(python(R"(
import os
import huggingface_hub
folder = huggingface_hub.snapshot_download("test/plain", local_files_only=True)
assert sorted(os.listdir(folder)) == ["config.json", "model.safetensors", "special_tokens_map.json",
                                      "tokenizer.json", "tokenizer_config.json", "vocab.txt"]
for name in os.listdir(folder):
    found = huggingface_hub.hf_hub_download("test/plain", name, local_files_only=True)
    assert found == os.path.join(folder, name), found
    assert huggingface_hub.try_to_load_from_cache("test/plain", name) == found
)"),
            0)
      << stderr_text();
}

TEST_F(HuggingFaceTest, ItsScanOfTheCacheHasNoComplaint) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  ASSERT_TRUE(pull_quickly("test/sharded").ok());
  EXPECT_EQ(python(R"(
import huggingface_hub
info = huggingface_hub.scan_cache_dir()
mine = {r.repo_id: r for r in info.repos}
assert set(mine) == {"test/plain", "test/sharded"}, mine
complaints = [str(w) for w in info.warnings if "models--" in str(w)]
assert not complaints, complaints
(revision,) = mine["test/plain"].revisions
assert revision.commit_hash == "0123456789abcdef0123456789abcdef01234567"
assert revision.refs == frozenset({"main"})
assert not any("models--" in str(f.file_path) for f in getattr(info, "incomplete_files", []))
)"),
            0)
      << stderr_text();
}

TEST_F(HuggingFaceTest, ItDoesNotFetchAgainWhatWePulled) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  const std::size_t before = hub->log("/test/plain/model.safetensors").size();
  EXPECT_EQ(python(R"(
import huggingface_hub
print(huggingface_hub.hf_hub_download("test/plain", "model.safetensors"))
)"),
            0)
      << stderr_text();
  std::size_t transfers = 0;
  const auto log = hub->log("/test/plain/model.safetensors");
  for (std::size_t i = before; i < log.size(); ++i) transfers += log[i].cdn;
  EXPECT_EQ(transfers, 0u);
}

TEST_F(HuggingFaceTest, WeFindWhatItFetched) {
  ASSERT_EQ(python(R"(
import huggingface_hub
huggingface_hub.snapshot_download("test/renamed-old")
for name in ["config.json", "tokenizer.json", "model.safetensors"]:
    huggingface_hub.hf_hub_download("test/plain", name)
)"),
            0)
      << stderr_text();
  ResolveOptions options;
  options.local_files_only = true;
  for (const char* id : {"test/plain", "test/renamed-old"}) {
    const auto model = resolve_model(id, options);
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(std::get<fs::path>(model->files), snapshot(id));
    EXPECT_EQ(model->weights_sha256.size(), 64u);
  }
  EXPECT_EQ(list_cached(cache()).size(), 2u);
}

TEST_F(HuggingFaceTest, WeDoNotFetchAgainWhatItFetched) {
  ASSERT_EQ(python(R"(
import huggingface_hub
huggingface_hub.snapshot_download("test/plain")
)"),
            0)
      << stderr_text();
  const std::size_t before = hub->log("/test/plain/model.safetensors").size();
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  std::size_t transfers = 0;
  const auto log = hub->log("/test/plain/model.safetensors");
  for (std::size_t i = before; i < log.size(); ++i) transfers += log[i].cdn;
  EXPECT_EQ(transfers, 0u);
}

}  // namespace
}  // namespace crossrank::hub
