// The golden files are the ones that generate.py wrote: no edit, no leftover, nothing missing.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/sha256.h"
#include "golden_data.h"

namespace crossrank::golden {
namespace {

namespace fs = std::filesystem;

json::Value manifest() { return json::parse(read_file(golden_dir() / "MANIFEST.json")).value(); }

void expect_digests(const json::Value& list, const fs::path& base, const char* remedy) {
  ASSERT_FALSE(list.empty());
  for (const auto& [path, digest] : list.items()) {
    ASSERT_TRUE(fs::is_regular_file(base / path)) << path << " is missing; " << remedy;
    EXPECT_EQ(base::sha256_hex(read_file(base / path)), digest.get<std::string>())
        << path << " is not the file that MANIFEST.json names; " << remedy;
  }
}

TEST(Manifest, FilesAreUnchanged) {
  expect_digests(manifest().at("files"), golden_dir(), "restore it or run generate.py");
}

TEST(Manifest, InputsAreUnchanged) {
  expect_digests(manifest().at("inputs"), source_dir(),
                 "the golden cases were made from another one: run generate.py again");
}

TEST(Manifest, NamesEveryFile) {
  std::set<std::string> listed;
  const json::Value files = manifest();
  for (const auto& [path, digest] : files.at("files").items()) listed.insert(path);
  for (const char* folder : {"cases", "data/models"}) {
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(golden_dir() / folder)) {
      if (!entry.is_regular_file()) continue;
      const std::string path = entry.path().lexically_relative(golden_dir()).generic_string();
      EXPECT_EQ(listed.count(path), 1u) << path << " is not in MANIFEST.json; run generate.py";
    }
  }
}

TEST(Manifest, CasesCoverWhatTheyPromise) {
  const std::vector<ModelCase> models = read_models();
  // A file that cannot be read would otherwise leave no cases, and no cases pass.
  ASSERT_EQ(models.size(), 45u);
  EXPECT_EQ(models.back().name, "builtin");
  std::set<std::string> activations;
  std::set<std::size_t> labels;
  for (const ModelCase& model : models) {
    const json::Value config =
        json::parse(read_file(fs::path(model.folder) / "config.json")).value();
    activations.insert(config.value("hidden_act", "absent"));
    labels.insert(model.num_labels);
  }
  EXPECT_EQ(activations, (std::set<std::string>{"absent", "gelu", "gelu_new", "gelu_pytorch_tanh",
                                                "relu", "silu", "tanh"}));
  EXPECT_EQ(labels, (std::set<std::size_t>{1, 2, 3, 5}));
  EXPECT_FALSE(isas().empty());
}

}  // namespace
}  // namespace crossrank::golden
