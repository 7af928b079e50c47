// Names, variables and hand-made cache folders; no network. Also the SHA-1 of git blobs.
#include "hub/hub_cache.h"

#include <gmock/gmock.h>

#include "base/http_client.h"
#include "fake_hub.h"
#include "hub/environment.h"
#include "hub/model_files.h"
#include "hub/sha1.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// No variable of the person who runs the tests matters.
class CacheTest : public testing::Test {
 protected:
  void add_model(const std::string& id, const std::string& commit,
                 const std::vector<std::string>& files) {
    const fs::path snapshot = repo_folder(folder_.path(), id) / "snapshots" / commit;
    for (const std::string& file : files) write_file(snapshot / file, "x");
  }
  void add_ref(const std::string& id, const std::string& ref, const std::string& commit) {
    write_file(repo_folder(folder_.path(), id) / "refs" / ref, commit);
  }

  TempFolder folder_;
  ScopedEnvironment environment_{
      std::vector<ScopedEnvironment::Variable>{{"HF_HUB_CACHE", ""},
                                               {"HUGGINGFACE_HUB_CACHE", ""},
                                               {"HF_HOME", ""},
                                               {"XDG_CACHE_HOME", ""},
                                               {"HF_ENDPOINT", ""},
                                               {"HF_TOKEN", ""},
                                               {"HUGGING_FACE_HUB_TOKEN", ""},
                                               {"HF_TOKEN_PATH", ""},
                                               {"HOME", folder_.path().string()}}};
};

TEST_F(CacheTest, TheCacheIsWhereTheVariablesSay) {
  const fs::path home = folder_.path();
  EXPECT_EQ(default_cache_dir(), home / ".cache/huggingface/hub");
  const ScopedEnvironment xdg("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(default_cache_dir(), "/xdg/huggingface/hub");
  const ScopedEnvironment hf_home("HF_HOME", "~/hf");
  EXPECT_EQ(default_cache_dir(), home / "hf/hub");
  const ScopedEnvironment old("HUGGINGFACE_HUB_CACHE", "/old");
  EXPECT_EQ(default_cache_dir(), "/old");
  const ScopedEnvironment hub("HF_HUB_CACHE", "$XDG_CACHE_HOME/a/${HF_HOME}/$NO_SUCH_VARIABLE");
  EXPECT_EQ(default_cache_dir(), "/xdg/a/~/hf/$NO_SUCH_VARIABLE");
}

TEST_F(CacheTest, PathsAreExpandedAsPythonDoes) {
  const std::string home = folder_.path().string();
  EXPECT_EQ(expand_path("~"), home);
  EXPECT_EQ(expand_path("~/x~y"), home + "/x~y");
  EXPECT_EQ(expand_path("a/~"), "a/~");
  EXPECT_EQ(expand_path("$HOME"), home);
  EXPECT_EQ(expand_path("${HOME}x"), home + "x");
  EXPECT_EQ(expand_path("${HOME"), "${HOME");
  EXPECT_EQ(expand_path("$"), "$");
  EXPECT_EQ(expand_path("a$/b"), "a$/b");
  EXPECT_EQ(expand_path("${}"), "${}");
}

TEST_F(CacheTest, TheTokenIsFoundWhereHubToolsKeepIt) {
  EXPECT_EQ(hub_token(), "");
  write_file(folder_.path() / ".cache/huggingface/token", " hf_file\r\n");
  EXPECT_EQ(hub_token(), "hf_file");
  write_file(folder_.path() / "other", "hf_other");
  const ScopedEnvironment path("HF_TOKEN_PATH", "~/other");
  EXPECT_EQ(hub_token(), "hf_other");
  const ScopedEnvironment old("HUGGING_FACE_HUB_TOKEN", "hf_old");
  EXPECT_EQ(hub_token(), "hf_old");
  const ScopedEnvironment current("HF_TOKEN", "\thf_current\n");
  EXPECT_EQ(hub_token(), "hf_current");
}

TEST_F(CacheTest, TheEndpointHasADefault) {
  EXPECT_EQ(hub_endpoint(), "https://huggingface.co");
  const ScopedEnvironment mirror("HF_ENDPOINT", "https://mirror.example/hub//");
  EXPECT_EQ(hub_endpoint(), "https://mirror.example/hub");
}

TEST_F(CacheTest, HubIds) {
  for (const char* id : {"a", "bert-base-uncased", "cross-encoder/ms-marco-MiniLM-L-6-v2",
                         "Foo-BAR_foo/bar.123", "_a/b_", "1/2"}) {
    EXPECT_TRUE(is_hub_id(id)) << id;
  }
  for (const char* id : {"",       "/",    "a/",      "/a",          "a/b/c", ".",  "..",  "../a",
                         "a/..",   "a..b", "a--b",    ".a",          "a.",    "-a", "a-",  "a b",
                         "a@main", "a\\b", "a/b.git", "caf\xc3\xa9", "a\nb",  "~a", "a/-b"}) {
    EXPECT_FALSE(is_hub_id(id)) << id;
  }
  EXPECT_TRUE(is_hub_id(std::string(96, 'a') + "/" + std::string(96, 'b')));
  EXPECT_FALSE(is_hub_id(std::string(97, 'a')));
}

TEST_F(CacheTest, RevisionsAndCommits) {
  for (const char* name : {"main", "v1.0", "refs/pr/1", "feature/x-y", "0123abc"}) {
    EXPECT_TRUE(is_revision(name)) << name;
  }
  for (const char* name : {"", ".", "..", "a/../b", "/a", "a/", "a//b", "a/.b", "a b", "a\\b"}) {
    EXPECT_FALSE(is_revision(name)) << name;
  }
  EXPECT_TRUE(is_commit(kCommit));
  EXPECT_TRUE(is_commit("ABCDE"));
  for (const char* name : {"", "abcd", "main", "../abcde", "0123456789g"}) {
    EXPECT_FALSE(is_commit(name)) << name;
  }
}

TEST_F(CacheTest, BothSpellingsOfTheMiniLmModel) {
  const std::string old = "cross-encoder/ms-marco-MiniLM-L-6-v2";
  const std::string now = "cross-encoder/ms-marco-MiniLM-L6-v2";
  EXPECT_THAT(spellings(old), ElementsAre(old, now));
  EXPECT_THAT(spellings(now), ElementsAre(now, old));
  EXPECT_THAT(spellings("a/b"), ElementsAre("a/b"));
}

TEST_F(CacheTest, FindsSnapshotsByBranchAndCommit) {
  add_model("org/name", "aaaaaa", {"config.json"});
  add_model("org/name", "bbbbbb", {"config.json"});
  add_model("single", "cccccc", {"config.json"});
  add_ref("org/name", "main", "aaaaaa\n");
  add_ref("org/name", "refs/pr/7", "bbbbbb");
  const fs::path snapshots = folder_.path() / "models--org--name/snapshots";
  EXPECT_EQ(find_snapshot(folder_.path(), "org/name", ""), snapshots / "aaaaaa");
  EXPECT_EQ(find_snapshot(folder_.path(), "org/name", "main"), snapshots / "aaaaaa");
  EXPECT_EQ(find_snapshot(folder_.path(), "org/name", "bbbbbb"), snapshots / "bbbbbb");
  EXPECT_EQ(find_snapshot(folder_.path(), "org/name", "refs/pr/7"), snapshots / "bbbbbb");
  EXPECT_EQ(find_snapshot(folder_.path(), "org/name", "v2"), std::nullopt);
  EXPECT_EQ(find_snapshot(folder_.path(), "org/other", ""), std::nullopt);
  // Fetched by commit alone: no branch leads there, for us as for huggingface_hub.
  EXPECT_EQ(find_snapshot(folder_.path(), "single", ""), std::nullopt);
  EXPECT_EQ(find_snapshot(folder_.path(), "single", "cccccc"),
            folder_.path() / "models--single/snapshots/cccccc");
}

TEST_F(CacheTest, ARefCannotLeadOutOfTheCache) {
  add_model("org/name", "aaaaaa", {"config.json"});
  for (const char* commit : {"../../../..", "..", "/etc", ".", "", "aaaaaa/.."}) {
    add_ref("org/name", "main", commit);
    EXPECT_EQ(find_snapshot(folder_.path(), "org/name", ""), std::nullopt) << commit;
  }
  EXPECT_EQ(find_snapshot(folder_.path(), "../org", ""), std::nullopt);
  EXPECT_EQ(find_snapshot(folder_.path(), "org/name", "../snapshots/aaaaaa"), std::nullopt);
}

TEST_F(CacheTest, SaysWhatASnapshotLacks) {
  const fs::path dir = folder_.path() / "m";
  fs::create_directories(dir);
  EXPECT_THAT(missing_from(dir, true), HasSubstr("neither tokenizer.json nor vocab.txt"));
  EXPECT_THAT(missing_from(dir / "absent", true), HasSubstr("neither"));
  write_file(dir / "vocab.txt", "x");
  EXPECT_EQ(missing_from(dir, true), "");
  EXPECT_THAT(missing_from(dir, false), HasSubstr("config.json"));
  write_file(dir / "config.json", "{}");
  EXPECT_THAT(missing_from(dir, false), HasSubstr("no model.safetensors"));
  write_file(dir / "pytorch_model.bin", "x");
  EXPECT_THAT(missing_from(dir, false), HasSubstr("pickle"));
  fs::create_symlink("../nowhere", dir / "model.safetensors");
  EXPECT_THAT(missing_from(dir, false), HasSubstr("pickle"));
  fs::remove(dir / "model.safetensors");
  write_file(dir / "model.safetensors.index.json", "{");
  EXPECT_THAT(missing_from(dir, false), HasSubstr("index.json"));
  write_file(dir / "model.safetensors.index.json", R"({"weight_map": {"a": "../1.safetensors"}})");
  EXPECT_THAT(missing_from(dir, false), HasSubstr("names \"../1.safetensors\", which is not"));
  write_file(dir / "model.safetensors.index.json", R"({"weight_map": {"a": "1.safetensors"}})");
  EXPECT_THAT(missing_from(dir, false), HasSubstr("no 1.safetensors"));
  write_file(dir / "1.safetensors", "x");
  EXPECT_EQ(missing_from(dir, false), "");
}

TEST_F(CacheTest, TheDigestIsTheNameOfABlobOrNothing) {
  const fs::path dir = folder_.path() / "s";
  const std::string digest(64, 'a');
  const auto link_to = [&](const fs::path& target) {
    fs::create_directories(dir);
    fs::remove(dir / "model.safetensors");
    fs::create_symlink(target, dir / "model.safetensors");
    return weights_digest(dir);
  };
  EXPECT_EQ(link_to("../../blobs/" + digest), digest);
  EXPECT_EQ(link_to("../../blobs/" + std::string(40, 'a')), "");
  EXPECT_EQ(link_to("../../blobs/" + std::string(64, 'z')), "");
  EXPECT_EQ(link_to("../../other/" + digest), "");
  fs::remove(dir / "model.safetensors");
  EXPECT_EQ(weights_digest(dir), "");
  write_file(dir / "model.safetensors", "x");
  EXPECT_EQ(weights_digest(dir), "");
}

TEST_F(CacheTest, ListsModelsWithWhatIsWrongWithThem) {
  add_model("b/good", "aaaaaa", {"config.json", "vocab.txt", "model.safetensors"});
  add_ref("b/good", "main", "aaaaaa");
  add_ref("b/good", "v1", "aaaaaa");
  add_model("b/good", "000000", {"tokenizer.json"});
  add_model("a", "bbbbbb", {"config.json", "vocab.txt", "pytorch_model.bin"});
  add_model("x--y--z", "cccccc", {"config.json"});  // no hub id has that name
  write_file(folder_.path() / "datasets--a--b/snapshots/dddddd/config.json", "x");
  write_file(folder_.path() / "models--is-a-file", "x");
  write_file(folder_.path() / "models--b--good/snapshots/.DS_Store", "x");
  const auto models = list_cached(folder_.path());
  ASSERT_EQ(models.size(), 3u);
  EXPECT_EQ(models[0].id, "a");
  EXPECT_FALSE(models[0].usable);
  EXPECT_THAT(models[0].why_not, HasSubstr("pickle"));
  EXPECT_THAT(models[0].refs, IsEmpty());
  EXPECT_EQ(models[1].id, "b/good");
  EXPECT_EQ(models[1].revision, "000000");
  EXPECT_FALSE(models[1].usable);
  EXPECT_EQ(models[2].revision, "aaaaaa");
  EXPECT_TRUE(models[2].usable);
  EXPECT_EQ(models[2].why_not, "");
  EXPECT_THAT(models[2].refs, ElementsAre("main", "v1"));
  EXPECT_EQ(models[2].bytes, 3u);
  EXPECT_EQ(models[2].snapshot, folder_.path() / "models--b--good/snapshots/aaaaaa");
  EXPECT_THAT(list_cached(folder_.path() / "absent"), IsEmpty());
}

TEST(Sha1Test, KnownDigests) {
  // FIPS 180 examples, and what `git hash-object` says about an empty file.
  const auto sha1 = [](std::string_view text) {
    Sha1 hash;
    hash.update(text);
    return hash.hex_digest();
  };
  EXPECT_EQ(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1(std::string_view("blob 0\0", 7)), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  Sha1 pieces;
  for (int i = 0; i < 1'000'000; i += 8) pieces.update("aaaaaaaa");
  EXPECT_EQ(pieces.hex_digest(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(UrlTest, OriginsAndEscapes) {
  EXPECT_EQ(base::url_origin("https://Huggingface.CO/a"), "https://huggingface.co:443");
  EXPECT_EQ(base::url_origin("http://a:80/x?y#z"), base::url_origin("http://A"));
  EXPECT_NE(base::url_origin("http://a"), base::url_origin("https://a"));
  EXPECT_NE(base::url_origin("http://a:81"), base::url_origin("http://a"));
  EXPECT_EQ(base::url_origin("https://user:secret@host/"), "https://host:443");
  EXPECT_EQ(base::url_origin("https://huggingface.co@evil.example/"), "https://evil.example:443");
  for (const char* bad : {"", "huggingface.co", "ftp://a", "file:///a", "http://", "://"}) {
    EXPECT_EQ(base::url_origin(bad), "") << bad;
  }
  EXPECT_EQ(base::url_escape("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(base::url_escape("a-b_c.d~e"), "a-b_c.d~e");
  EXPECT_EQ(base::url_escape("\xc3\xa9 ?#%"), "%C3%A9%20%3F%23%25");
}

}  // namespace
}  // namespace crossrank::hub
