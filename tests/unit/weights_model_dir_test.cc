// Tests of src/weights/model_dir: which files are found, and what is said of those that are not.
#include "weights/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/sha256.h"
#include "tests/support/error_of.h"
#include "tests/support/safetensors_writer.h"
#include "tests/support/temp_folder.h"

namespace crossrank::weights {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

// A safetensors file with one U8 tensor of one byte for each name.
std::string shard(const std::vector<std::string>& names) {
  std::vector<WrittenTensor> tensors;
  tensors.reserve(names.size());
  for (const std::string& name : names) tensors.push_back({name, "U8", {1}, "x"});
  return safetensors_file(tensors);
}

class ModelDirTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& bytes) const {
    write_file(dir_ / name, bytes);
  }

  void write_sharded(const std::string& weight_map) const {
    write("config.json", "{}");
    write("vocab.txt", "[UNK]\n");
    write("model.safetensors.index.json", R"({"metadata":{},"weight_map":)" + weight_map + "}");
  }

  Result<ModelDir> open(Need need = Need::kModel) const { return open_model_dir(dir_, need); }

  const TempFolder folder_;
  const fs::path dir_ = folder_.path();
};

TEST_F(ModelDirTest, FindsEveryFileOfAModel) {
  for (const char* name :
       {"config.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json", "modules.json",
        "config_sentence_transformers.json", "sentence_bert_config.json"}) {
    write(name, name);
  }
  write("model.safetensors", shard({"a"}));
  const Result<ModelDir> dir = open_model_dir(dir_, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  EXPECT_EQ(dir->where, dir_.string());
  EXPECT_EQ(dir->config_json.bytes(), "config.json");
  EXPECT_EQ(dir->config_json.name(), (dir_ / "config.json").string());
  EXPECT_EQ(dir->tokenizer_json.bytes(), "tokenizer.json");
  EXPECT_EQ(dir->vocab_txt.bytes(), "vocab.txt");
  EXPECT_EQ(dir->tokenizer_config_json.bytes(), "tokenizer_config.json");
  EXPECT_EQ(dir->modules_json.bytes(), "modules.json");
  EXPECT_EQ(dir->sentence_transformers_json.bytes(), "config_sentence_transformers.json");
  EXPECT_EQ(dir->sentence_bert_json.bytes(), "sentence_bert_config.json");
  const Result<TensorMap> tensors = load_tensors(*dir);
  ASSERT_TRUE(tensors.ok()) << tensors.error().message;
  EXPECT_EQ(tensors->at("a").bytes, "x");
  EXPECT_EQ(weights_sha256(*dir).value(), base::sha256_hex(shard({"a"})));
}

TEST_F(ModelDirTest, OptionalFilesMayBeAbsent) {
  write("config.json", "{}");
  write("vocab.txt", "[UNK]\n");
  write("model.safetensors", shard({"a"}));
  const Result<ModelDir> dir = open_model_dir(dir_, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  EXPECT_FALSE(dir->tokenizer_json);
  EXPECT_FALSE(dir->tokenizer_config_json);
}

TEST_F(ModelDirTest, ATokenizerNeedsNoWeights) {
  write("vocab.txt", "[UNK]\n");
  write("pytorch_model.bin", "pickle");
  const Result<ModelDir> dir = open_model_dir(dir_, Need::kTokenizer);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  EXPECT_TRUE(dir->vocab_txt);
  EXPECT_FALSE(dir->config_json);
  EXPECT_TRUE(dir->weights.empty());
}

TEST_F(ModelDirTest, SaysWhichFileIsMissing) {
  Error error = error_of(open());
  EXPECT_EQ(error.code, ErrorCode::kFileNotFound);
  EXPECT_THAT(error.message, AllOf(HasSubstr(dir_.string()), HasSubstr("no config.json")));
  error = error_of(open(Need::kTokenizer));
  EXPECT_EQ(error.code, ErrorCode::kFileNotFound);
  EXPECT_THAT(error.message, HasSubstr("no tokenizer.json and no vocab.txt"));
  write("config.json", "{}");
  EXPECT_THAT(error_of(open()).message, HasSubstr("no tokenizer.json and no vocab.txt"));
  write("tokenizer.json", "{}");
  error = error_of(open());
  EXPECT_EQ(error.code, ErrorCode::kFileNotFound);
  EXPECT_THAT(error.message, HasSubstr("no model.safetensors"));
}

TEST_F(ModelDirTest, PickleWeightsAreRefusedWithTheWayOut) {
  write("config.json", "{}");
  write("vocab.txt", "[UNK]\n");
  for (const char* name : {"pytorch_model.bin.index.json", "pytorch_model.bin"}) {
    write(name, "pickle");
    const Error error = error_of(open());
    EXPECT_EQ(error.code, ErrorCode::kUnsupportedModel);
    EXPECT_THAT(error.message, AllOf(HasSubstr(name), HasSubstr("save_pretrained")));
  }
  write("model.safetensors", shard({"a"}));  // beside safetensors a pickle does no harm
  EXPECT_EQ(error_of(open()).message, "no error");
}

TEST_F(ModelDirTest, WhatIsNotAFolderIsAnError) {
  Result<ModelDir> dir = open_model_dir(dir_ / "nowhere", Need::kModel);
  ASSERT_FALSE(dir.ok());
  EXPECT_EQ(dir.error().code, ErrorCode::kFileNotFound);
  EXPECT_EQ(dir.error().message, (dir_ / "nowhere").string() + ": no such folder.");
  write("file", "");
  dir = open_model_dir(dir_ / "file", Need::kModel);
  ASSERT_FALSE(dir.ok());
  EXPECT_EQ(dir.error().code, ErrorCode::kIoError);
  EXPECT_THAT(dir.error().message, HasSubstr("not a folder"));
  dir = open_model_dir(dir_ / "file" / "below", Need::kModel);
  ASSERT_FALSE(dir.ok());
  EXPECT_EQ(dir.error().code, ErrorCode::kFileNotFound);
  dir = open_model_dir("", Need::kModel);
  ASSERT_FALSE(dir.ok());
  EXPECT_EQ(dir.error().code, ErrorCode::kFileNotFound);
  fs::create_symlink(dir_ / "loop", dir_ / "loop");
  dir = open_model_dir(dir_ / "loop", Need::kModel);
  ASSERT_FALSE(dir.ok());
  EXPECT_EQ(dir.error().code, ErrorCode::kIoError);
}

TEST_F(ModelDirTest, LinksAreFollowedAsInAHubSnapshot) {
  fs::create_directories(dir_ / "blobs");
  fs::create_directories(dir_ / "snapshots/abc");
  write("blobs/1", "{}");
  write("blobs/2", "[UNK]\n");
  write("blobs/3", shard({"a"}));
  const fs::path snapshot = dir_ / "snapshots/abc";
  fs::create_symlink("../../blobs/1", snapshot / "config.json");
  fs::create_symlink("../../blobs/2", snapshot / "vocab.txt");
  fs::create_symlink("../../blobs/3", snapshot / "model.safetensors");
  const Result<ModelDir> dir = open_model_dir(snapshot, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  EXPECT_TRUE(load_tensors(*dir).ok());
}

TEST_F(ModelDirTest, ADanglingLinkIsNotAnAbsentFile) {
  write("vocab.txt", "[UNK]\n");
  fs::create_symlink("../blobs/gone", dir_ / "tokenizer.json");
  const Error error = error_of(open(Need::kTokenizer));
  EXPECT_EQ(error.code, ErrorCode::kFileNotFound);
  EXPECT_THAT(error.message, AllOf(HasSubstr("tokenizer.json: a symbolic link to ../blobs/gone"),
                                   HasSubstr("does not exist")));
}

TEST_F(ModelDirTest, FilesThatAreNotRegularAreErrorsAndNeverBlock) {
  write("vocab.txt", "[UNK]\n");
  fs::create_directory(dir_ / "config.json");
  Error error = error_of(open());
  EXPECT_EQ(error.code, ErrorCode::kIoError);
  EXPECT_THAT(error.message, HasSubstr("config.json: not a regular file"));
  fs::remove(dir_ / "config.json");
  ASSERT_EQ(mkfifo((dir_ / "config.json").c_str(), 0600), 0);
  error = error_of(open());
  EXPECT_EQ(error.code, ErrorCode::kIoError);
}

TEST_F(ModelDirTest, UnreadableFilesAreErrors) {
  write("vocab.txt", "[UNK]\n");
  write("config.json", "{}");
  fs::permissions(dir_ / "config.json", fs::perms::none);
  fs::permissions(dir_, fs::perms::all);
  const bool root = geteuid() == 0;  // root reads everything, so be somebody else
  ASSERT_EQ(root ? seteuid(65534) : 0, 0);
  const Error error = error_of(open());
  ASSERT_EQ(root ? seteuid(0) : 0, 0);
  EXPECT_EQ(error.code, ErrorCode::kIoError);
  EXPECT_THAT(error.message, HasSubstr("config.json: cannot open: Permission denied"));
}

TEST_F(ModelDirTest, ShardsAreJoined) {
  write_sharded(R"({"a":"m-2.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"})");
  write("m-1.safetensors", shard({"b"}));
  write("m-2.safetensors", shard({"a", "c"}));
  const Result<ModelDir> dir = open_model_dir(dir_, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  ASSERT_EQ(dir->weights.size(), 2u);
  EXPECT_THAT(dir->weights[0].name(), EndsWith("m-1.safetensors"));
  const Result<TensorMap> tensors = load_tensors(*dir);
  ASSERT_TRUE(tensors.ok()) << tensors.error().message;
  EXPECT_EQ(tensors->size(), 3u);
  EXPECT_EQ(weights_sha256(*dir).value(), base::sha256_hex(base::sha256_hex(shard({"b"})) + "\n" +
                                                           base::sha256_hex(shard({"a", "c"}))));
}

TEST_F(ModelDirTest, TheSingleFileGoesBeforeTheIndex) {  // as in transformers
  write_sharded(R"({"a":"gone.safetensors"})");
  write("model.safetensors", shard({"single"}));
  const Result<ModelDir> dir = open_model_dir(dir_, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  const Result<TensorMap> tensors = load_tensors(*dir);
  ASSERT_TRUE(tensors.ok()) << tensors.error().message;
  EXPECT_TRUE(tensors->contains("single"));
}

TEST_F(ModelDirTest, AShardThatIsNotThereIsNamed) {
  write_sharded(R"({"a":"m-1.safetensors","b":"m-2.safetensors"})");
  write("m-1.safetensors", shard({"a"}));
  const Error error = error_of(open());
  EXPECT_EQ(error.code, ErrorCode::kFileNotFound);
  EXPECT_THAT(error.message, HasSubstr("no \"m-2.safetensors\""));
}

TEST_F(ModelDirTest, AnIndexMayNotLeaveTheFolder) {
  for (const char* name : {"../m.safetensors", "/etc/passwd", ""}) {  // more: json_shard_index_test
    write_sharded("{\"a\":\"" + std::string(name) + "\"}");
    const Error error = error_of(open());
    EXPECT_EQ(error.code, ErrorCode::kBadSafetensors) << name;
    EXPECT_THAT(error.message, HasSubstr("not the name of a .safetensors file beside")) << name;
  }
}

TEST_F(ModelDirTest, ATensorInTwoShardsIsRefused) {
  write_sharded(R"({"a":"m-1.safetensors","b":"m-2.safetensors"})");
  write("m-1.safetensors", shard({"a"}));
  write("m-2.safetensors", shard({"a", "b"}));
  const Result<ModelDir> dir = open_model_dir(dir_, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  const Result<TensorMap> tensors = load_tensors(*dir);
  ASSERT_FALSE(tensors.ok());
  EXPECT_EQ(tensors.error().code, ErrorCode::kBadSafetensors);
  EXPECT_THAT(tensors.error().message, HasSubstr("m-2.safetensors: tensor \"a\" is in another"));
}

TEST_F(ModelDirTest, ATensorThatTheIndexPromisesMustBeInThatShard) {
  write_sharded(R"({"a":"m-1.safetensors","b":"m-1.safetensors","c":"m-2.safetensors"})");
  write("m-1.safetensors", shard({"a"}));
  write("m-2.safetensors", shard({"b", "c"}));
  const Result<ModelDir> dir = open_model_dir(dir_, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  const Result<TensorMap> tensors = load_tensors(*dir);
  ASSERT_FALSE(tensors.ok());
  EXPECT_EQ(tensors.error().code, ErrorCode::kBadSafetensors);
  EXPECT_THAT(tensors.error().message, HasSubstr("m-1.safetensors: no tensor \"b\""));
}

TEST_F(ModelDirTest, ABrokenWeightFileIsNamedWhenLoaded) {
  write("config.json", "{}");
  write("vocab.txt", "[UNK]\n");
  write("model.safetensors", "");
  const Result<ModelDir> dir = open_model_dir(dir_, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  const Result<TensorMap> tensors = load_tensors(*dir);
  ASSERT_FALSE(tensors.ok());
  EXPECT_EQ(tensors.error().code, ErrorCode::kBadSafetensors);
  EXPECT_THAT(tensors.error().message, HasSubstr("model.safetensors: only 0 bytes"));
}

TEST(ModelDirFromBytes, ReadsLinkedInFiles) {
  const std::string weights = shard({"a"});
  const base::NamedBytes files[] = {
      {"config.json", "{}"}, {"vocab.txt", "[UNK]\n"}, {"model.safetensors", weights}};
  const Result<ModelDir> dir = model_dir_from_bytes(files, Need::kModel);
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  EXPECT_EQ(dir->where, "builtin");
  EXPECT_EQ(dir->config_json.name(), "builtin/config.json");
  EXPECT_EQ(dir->weights.at(0).bytes().data(), weights.data());
  EXPECT_TRUE(load_tensors(*dir).ok());

  const Result<ModelDir> incomplete = model_dir_from_bytes(std::span(files).first(2), Need::kModel);
  ASSERT_FALSE(incomplete.ok());
  EXPECT_EQ(incomplete.error().code, ErrorCode::kFileNotFound);
  EXPECT_THAT(incomplete.error().message, HasSubstr("builtin: no model.safetensors"));
}

}  // namespace
}  // namespace crossrank::weights
