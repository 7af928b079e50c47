// resolve_model(): the default chain, folders, the cache, and when the network may be asked.
#include "hub/resolve.h"

#include <gmock/gmock.h>

#include "fake_hub.h"
#include "hub/builtin.h"
#include "hub/hub_cache.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kOldName = "cross-encoder/ms-marco-MiniLM-L-6-v2";
constexpr const char* kNewName = "cross-encoder/ms-marco-MiniLM-L6-v2";

class ResolveTest : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    write_model(builtin());
    builtin_ = std::make_unique<ScopedEnvironment>("CROSSRANK_BUILTIN", builtin().string());
    requests_before_ = hub->log("").size();
  }
  void TearDown() override {
    builtin_.reset();
    HubTest::TearDown();
  }

  static void write_model(const fs::path& folder) {
    for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
      write_file(folder / name, "x");
    }
  }
  fs::path builtin() const { return cache() / "the-builtin"; }
  // A model in the cache as hub tools leave it, weights as a link into blobs/.
  fs::path cache_model(const std::string& id, const std::string& digest = std::string(64, 'd')) {
    write_file(repo(id) / "refs/main", "abcdef0");
    fs::path folder = repo(id) / "snapshots/abcdef0";
    write_model(folder);
    write_file(repo(id) / "blobs" / digest, "weights");
    fs::remove(folder / "model.safetensors");
    fs::create_symlink(fs::path("../../blobs") / digest, folder / "model.safetensors");
    return folder;
  }
  void expect_no_request() const { EXPECT_EQ(hub->log("").size(), requests_before_); }

  std::unique_ptr<ScopedEnvironment> builtin_;
  std::size_t requests_before_ = 0;
};

fs::path folder_of(const ResolvedModel& model) { return std::get<fs::path>(model.files); }

TEST_F(ResolveTest, WithoutANameTheCachedMiniLmIsUsed) {
  for (const char* cached : {kNewName, kOldName}) {
    const fs::path folder = cache_model(cached);
    const auto model = resolve_model("", {});
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(model->name, kOldName);
    EXPECT_EQ(folder_of(*model), folder);
    EXPECT_EQ(model->source, folder.string());
    EXPECT_EQ(model->weights_sha256, std::string(64, 'd'));
    EXPECT_EQ(model->note, "");
  }
  expect_no_request();
}

TEST_F(ResolveTest, WithoutANameAndCacheTheBuiltinIsUsedAndSaysSo) {
  const auto model = resolve_model("", {});
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->name, "builtin");
  EXPECT_EQ(folder_of(*model), builtin());
  EXPECT_THAT(model->note, HasSubstr(std::string("crossrank pull ") + kOldName));
  EXPECT_THAT(model->note, HasSubstr("builtin"));
  EXPECT_THAT(model->note, Not(HasSubstr("\n")));
  expect_no_request();
}

TEST_F(ResolveTest, AnUnusableMiniLmIsNotTheDefaultAndTheNoteSaysWhy) {
  fs::remove(cache_model(kOldName) / "model.safetensors");
  const auto model = resolve_model("", {});
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->name, "builtin");
  EXPECT_THAT(model->note, HasSubstr("no model.safetensors"));
  // The other spelling may be whole.
  const fs::path folder = cache_model(kNewName);
  EXPECT_EQ(folder_of(resolve_model("", {}).value()), folder);
}

TEST_F(ResolveTest, TheVariableNamesTheModelAndNothingIsDownloaded) {
  {
    const ScopedEnvironment named("CROSSRANK_MODEL", builtin().string());
    EXPECT_EQ(folder_of(resolve_model("", {}).value()), builtin());
    EXPECT_EQ(resolve_model("", {}).value().name, builtin().string());
  }
  cache_model(kOldName);
  {
    const ScopedEnvironment named("CROSSRANK_MODEL", "test/plain");
    const auto model = resolve_model("", {});
    ASSERT_FALSE(model.ok());  // named, so nothing else takes its place
    EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
    EXPECT_THAT(model.error().message, HasSubstr("CROSSRANK_MODEL is test/plain: "));
    EXPECT_THAT(model.error().message, HasSubstr("`crossrank pull test/plain`"));
    EXPECT_THAT(model.error().message, HasSubstr("`builtin`"));
  }
  {
    const ScopedEnvironment named("CROSSRANK_MODEL", "builtin");
    EXPECT_EQ(resolve_model("", {}).value().name, "builtin");
    EXPECT_EQ(resolve_model("", {}).value().note, "");
    // A name given wins over the variable.
    EXPECT_EQ(resolve_model(kOldName, {}).value().name, kOldName);
  }
  expect_no_request();
}

TEST_F(ResolveTest, ANamedModelInTheCacheNeedsNoNetwork) {
  const fs::path folder = cache_model("org/name");
  const auto model = resolve_model("org/name", {});
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->name, "org/name");
  EXPECT_EQ(folder_of(*model), folder);
  expect_no_request();
}

TEST_F(ResolveTest, BothSpellingsFindWhicheverIsCached) {
  const fs::path folder = cache_model(kOldName);
  for (const char* name : {kOldName, kNewName}) {
    const auto model = resolve_model(name, {});
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(model->name, name);
    EXPECT_EQ(folder_of(*model), folder);
  }
  expect_no_request();
}

TEST_F(ResolveTest, ANamedModelThatIsNotCachedIsFetched) {
  ResolveOptions options;
  std::size_t done = 0;
  options.progress = [&](std::size_t bytes, std::size_t) { done = bytes; };
  const auto model = resolve_model("test/plain", options);
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->name, "test/plain");
  EXPECT_EQ(folder_of(*model), snapshot("test/plain"));
  EXPECT_EQ(model->weights_sha256.size(), 64u);
  EXPECT_GT(done, kWeightsBytes);
  const std::size_t requests = hub->log("").size();
  ASSERT_TRUE(resolve_model("test/plain", {}).ok());
  EXPECT_EQ(hub->log("").size(), requests);
}

TEST_F(ResolveTest, TheOldNameOfTheMiniLmModelIsFetchedThroughItsRedirect) {
  const auto model = resolve_model(kOldName, {});
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(folder_of(*model), snapshot(kOldName));
  EXPECT_EQ(folder_of(resolve_model("", {}).value()), snapshot(kOldName));
}

TEST_F(ResolveTest, OfflineMeansAnErrorThatNamesTheWaysOut) {
  ResolveOptions local;
  local.local_files_only = true;
  const ScopedEnvironment offline("HF_HUB_OFFLINE", "1");
  for (const ResolveOptions& options : {local, ResolveOptions()}) {
    const auto model = resolve_model("test/plain", options);
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
    EXPECT_THAT(model.error().message, HasSubstr("`crossrank pull test/plain`"));
    EXPECT_THAT(model.error().message, HasSubstr("`builtin`"));
  }
  expect_no_request();
}

TEST_F(ResolveTest, AFailedDownloadNamesTheWaysOutToo) {
  const auto model = resolve_model("test/absent", {});
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
  EXPECT_THAT(model.error().message, HasSubstr("`crossrank pull test/absent`"));
  EXPECT_THAT(model.error().message, HasSubstr("`builtin`"));
  EXPECT_EQ(resolve_model("test/wrong-digest", {}).error().code, ErrorCode::kDigestMismatch);
}

TEST_F(ResolveTest, ASnapshotWithoutWeightsIsNotCachedExceptForItsTokenizer) {
  fs::remove(cache_model("test/plain") / "model.safetensors");
  ResolveOptions options;
  options.local_files_only = true;
  const auto model = resolve_model("test/plain", options);
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message, HasSubstr("no model.safetensors"));
  EXPECT_THAT(model.error().message, Not(HasSubstr("is not in the cache")));
  options.tokenizer_only = true;
  EXPECT_TRUE(resolve_model("test/plain", options).ok());
  expect_no_request();
  const auto fetched = resolve_model("test/plain", {});
  ASSERT_TRUE(fetched.ok()) << fetched.error().message;
  EXPECT_EQ(folder_of(*fetched), snapshot("test/plain"));
}

TEST_F(ResolveTest, ATokenizerAloneIsFetchedAlone) {
  ResolveOptions options;
  options.tokenizer_only = true;
  ASSERT_TRUE(resolve_model("test/plain", options).ok());
  EXPECT_FALSE(fs::exists(snapshot("test/plain") / "model.safetensors"));
  ASSERT_TRUE(resolve_model("test/plain", {}).ok());
  EXPECT_TRUE(fs::exists(snapshot("test/plain") / "model.safetensors"));
}

TEST_F(ResolveTest, RevisionsAreKeptApart) {
  cache_model("test/revisions");
  ResolveOptions options;
  options.revision = "v1.0";
  options.local_files_only = true;
  const auto absent = resolve_model("test/revisions", options);
  ASSERT_FALSE(absent.ok());
  EXPECT_THAT(absent.error().message, HasSubstr("`crossrank pull test/revisions@v1.0`"));
  options.local_files_only = false;
  const auto model = resolve_model("test/revisions", options);
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(folder_of(*model), snapshot("test/revisions"));
  options.revision = "abcdef0";
  EXPECT_EQ(folder_of(resolve_model("test/revisions", options).value()).filename(), "abcdef0");
  for (const char* name : {"", "builtin"}) {
    EXPECT_EQ(resolve_model(name, options).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(ResolveTest, ARevisionMayStandBehindTheName) {
  cache_model("test/revisions");
  EXPECT_EQ(folder_of(resolve_model("test/revisions@abcdef0", {}).value()).filename(), "abcdef0");
  expect_no_request();
  const auto model = resolve_model("test/revisions@v1.0", {});
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(folder_of(*model), snapshot("test/revisions"));
  EXPECT_EQ(model->name, "test/revisions");
  EXPECT_EQ(resolve_model("test/revisions@", {}).error().code, ErrorCode::kInvalidArgument);
  ResolveOptions options;
  options.revision = "main";
  EXPECT_EQ(resolve_model("test/revisions@v1.0", options).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(ResolveTest, ADownloadIsAnnouncedAndNothingElseIs) {
  int announced = 0;
  ResolveOptions options;
  options.before_download = [&] { ++announced; };
  ASSERT_TRUE(resolve_model("test/plain", options).ok());
  EXPECT_EQ(announced, 1);
  EXPECT_TRUE(resolve_model("test/plain", options).ok());
  EXPECT_FALSE(resolve_model("/no/such/folder", options).ok());
  const ScopedEnvironment wrong("CROSSRANK_BUILTIN", cache().string());
  EXPECT_FALSE(resolve_model("builtin", options).ok());
  const ScopedEnvironment offline("HF_HUB_OFFLINE", "1");
  EXPECT_THAT(resolve_model("test/private", options).error().message, HasSubstr("HF_HUB_OFFLINE"));
  EXPECT_EQ(announced, 1);
}

TEST_F(ResolveTest, AnotherCacheFolder) {
  TempFolder other;
  write_file(other.path() / "models--a--b/refs/main", "abcdef0");
  write_model(other.path() / "models--a--b/snapshots/abcdef0");
  ResolveOptions options;
  options.cache_dir = other.path().string();
  options.local_files_only = true;
  EXPECT_TRUE(resolve_model("a/b", options).ok());
  EXPECT_FALSE(resolve_model("a/b",
                             [] {
                               ResolveOptions local;
                               local.local_files_only = true;
                               return local;
                             }())
                   .ok());
}

// Puts the current folder back.
class InFolder {
 public:
  explicit InFolder(const fs::path& folder) : before_(fs::current_path()) {
    fs::current_path(folder);
  }
  ~InFolder() { fs::current_path(before_); }
  InFolder(const InFolder&) = delete;
  InFolder& operator=(const InFolder&) = delete;

 private:
  fs::path before_;
};

TEST_F(ResolveTest, AFolderWinsOverAHubId) {
  cache_model("test/plain");
  write_model(cache() / "here/test/plain");
  const InFolder in(cache() / "here");
  const auto model = resolve_model("test/plain", {});
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(folder_of(*model), "test/plain");
  EXPECT_EQ(model->name, "test/plain");
  EXPECT_EQ(model->weights_sha256, "");  // unknown until somebody reads the file
  for (const char* name : {"./test/plain", "test/plain/", "test/../test/plain"}) {
    EXPECT_TRUE(resolve_model(name, {}).ok()) << name;
  }
  expect_no_request();
}

TEST_F(ResolveTest, ASnapshotFolderTellsItsDigest) {
  const fs::path folder = cache_model("org/name");
  EXPECT_EQ(resolve_model(folder.string(), {}).value().weights_sha256, std::string(64, 'd'));
}

TEST_F(ResolveTest, APathThatLeadsNowhereIsNotAskedOfTheHub) {
  for (const char* name : {"/no/such/folder", "./nowhere", "../nowhere", "no/such/folder",
                           "nowhere/", "test/plain/", "~/nowhere",
                           "."
                           "/x",
                           "/"
                           "nowhere"}) {
    const auto model = resolve_model(name, {});
    ASSERT_FALSE(model.ok()) << name;
    EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
    EXPECT_THAT(model.error().message,
                HasSubstr(std::string("folder ") + name + " does not exist"));
  }
  for (const char* name : {"two words", "a--b", "org/na me@main"}) {
    const auto model = resolve_model(name, {});
    ASSERT_FALSE(model.ok()) << name;
    EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
    EXPECT_THAT(model.error().message, HasSubstr("nor a hub id"));
  }
  expect_no_request();
}

TEST_F(ResolveTest, BuiltinInAnotherCaseIsNotAskedOfTheHub) {
  for (const char* name : {"Builtin", "BUILTIN"}) {
    const auto model = resolve_model(name, {});
    ASSERT_FALSE(model.ok()) << name;
    EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
    EXPECT_THAT(model.error().message, HasSubstr("write `builtin`"));
  }
  expect_no_request();
}

TEST_F(ResolveTest, AFileIsNoModel) {
  const std::string file = (builtin() / "model.safetensors").string();
  const auto model = resolve_model(file, {});
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
  EXPECT_THAT(model.error().message, HasSubstr("is a file"));
}

TEST_F(ResolveTest, ABuiltinFolderWithoutAModelIsAnErrorThatNamesTheVariable) {
  const ScopedEnvironment wrong("CROSSRANK_BUILTIN", cache().string());
  for (const char* name : {"", "builtin"}) {
    const auto model = resolve_model(name, {});
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
    EXPECT_THAT(model.error().message, HasSubstr("CROSSRANK_BUILTIN"));
  }
}

TEST_F(ResolveTest, WithoutAnyBuiltinTheErrorSaysWhereItIsLookedFor) {
  const ScopedEnvironment unset("CROSSRANK_BUILTIN", "");
  EXPECT_EQ(find_embedded(), nullptr);  // this program does not link crossrank_builtin
  const auto model = resolve_model("builtin", {});
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().code, ErrorCode::kModelNotFound);
  EXPECT_THAT(model.error().message, HasSubstr("share/crossrank/models"));
}

}  // namespace
}  // namespace crossrank::hub
