// pull() where it ends well: layout, redirects, resuming, servers with a bad day.
#include "hub/pull.h"

#include <gmock/gmock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "fake_hub.h"
#include "hub/hub_cache.h"

namespace {
bool file_system_has_locks = true;
}  // namespace

// In the place of the C library's, to be a file system without locks.
extern "C" int flock(int fd, int operation) {
  if (file_system_has_locks) return static_cast<int>(syscall(SYS_flock, fd, operation));
  errno = ENOLCK;
  return -1;
}

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

using PullTest = HubTest;

std::vector<std::string> ranges(const std::vector<LoggedRequest>& log) {
  std::vector<std::string> out;
  for (const auto& request : log) {
    if (request.cdn) out.push_back(request.range);
  }
  return out;
}

TEST_F(PullTest, FetchesWhatIsNeededIntoTheLayoutOfTheHub) {
  const auto folder = pull_quickly("test/plain");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  EXPECT_EQ(*folder, snapshot("test/plain"));
  expect_complete("test/plain");
  EXPECT_FALSE(fs::exists(*folder / "README.md"));
  EXPECT_THAT(hub->log("onnx"), IsEmpty());
  EXPECT_EQ(find_snapshot(cache(), "test/plain", ""), *folder);
  EXPECT_EQ(find_snapshot(cache(), "test/plain", kCommit), *folder);
}

TEST_F(PullTest, TheTokenGoesToTheHubAndNotToTheCdn) {
  for (const char* id : {"test/plain", "test/cdn-by-name", "test/renamed-old"}) {
    ASSERT_TRUE(pull_quickly(id).ok());
  }
  std::size_t hub_requests = 0;
  std::size_t cdn_requests = 0;
  for (const LoggedRequest& request : hub->log("")) {
    EXPECT_EQ(request.authorization, request.cdn ? "" : std::string("Bearer ") + kToken)
        << request.method << " " << request.path;
    ++(request.cdn ? cdn_requests : hub_requests);
  }
  EXPECT_GE(cdn_requests, 3u);
  EXPECT_GE(hub_requests, 3u * 7);
}

TEST_F(PullTest, TheTokenMayComeFromAFileOrTheCaller) {
  write_file(cache() / "home/token", std::string("  ") + kToken + "\n");
  const ScopedEnvironment none("HF_TOKEN", "");
  ASSERT_TRUE(pull_quickly("test/private").ok());
  write_file(cache() / "elsewhere", kToken);
  fs::remove(cache() / "home/token");
  EXPECT_FALSE(pull_quickly("test/private").ok());
  const ScopedEnvironment path("HF_TOKEN_PATH", (cache() / "elsewhere").string());
  EXPECT_TRUE(pull_quickly("test/private").ok());
  const ScopedEnvironment nothing("HF_TOKEN_PATH", "");
  PullOptions options;
  options.token = kToken;
  EXPECT_TRUE(pull_quickly("test/private", options).ok());
}

TEST_F(PullTest, FollowsTheRelativeRedirectOfARenamedRepository) {
  const auto folder = pull_quickly("test/renamed-old");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  EXPECT_EQ(*folder, snapshot("test/renamed-old"));  // under the name that was asked for
  expect_complete("test/renamed-old");
}

TEST_F(PullTest, ResumesABrokenDownload) {
  const auto folder = pull_quickly("test/interrupted");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  expect_complete("test/interrupted");
  EXPECT_THAT(ranges(hub->log("/test/interrupted/model.safetensors")),
              ElementsAre("", "bytes=100000-", "bytes=200000-"));
}

TEST_F(PullTest, StartsOverWhenTheServerIgnoresTheRange) {
  ASSERT_TRUE(pull_quickly("test/interrupted-no-range").ok());
  expect_complete("test/interrupted-no-range");
}

TEST_F(PullTest, StartsOverWhenTheServerRefusesTheRange) {
  ASSERT_TRUE(pull_quickly("test/refuses-range").ok());
  expect_complete("test/refuses-range");
}

TEST_F(PullTest, AnEndWithoutALengthIsAnInterruption) {
  ASSERT_TRUE(pull_quickly("test/no-length").ok());
  expect_complete("test/no-length");
}

TEST_F(PullTest, GoesOnAfterAStall) {
  ASSERT_TRUE(pull_quickly("test/stalls-once").ok());
  expect_complete("test/stalls-once");
}

TEST_F(PullTest, AsksAgainAfterAServerError) {
  ASSERT_TRUE(pull_quickly("test/flaky").ok());
  expect_complete("test/flaky");
}

TEST_F(PullTest, ResumesWhatAnEarlierProcessLeft) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  const fs::path pointer = snapshot("test/plain") / "model.safetensors";
  const fs::path blob = fs::canonical(pointer);
  fs::path partial = blob;
  partial += ".incomplete";
  write_file(partial, read_file(blob).substr(0, 12'345));
  fs::remove(blob);
  const std::size_t before = hub->log("/test/plain/model.safetensors").size();
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  expect_complete("test/plain");
  auto log = hub->log("/test/plain/model.safetensors");
  log.erase(log.begin(), log.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_THAT(ranges(log), ElementsAre("bytes=12345-"));
}

TEST_F(PullTest, ALeftoverThatIsTooLongIsDropped) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  const fs::path blob = fs::canonical(snapshot("test/plain") / "model.safetensors");
  fs::path partial = blob;
  partial += ".incomplete";
  write_file(partial, std::string(kWeightsBytes + 1, 'x'));
  fs::remove(blob);
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  expect_complete("test/plain");
}

TEST_F(PullTest, ALeftoverThatIsWrongIsFoundByItsDigestAndDropped) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  const fs::path blob = fs::canonical(snapshot("test/plain") / "model.safetensors");
  for (const std::size_t size : {std::size_t{1000}, std::size_t{kWeightsBytes}}) {
    fs::path partial = blob;
    partial += ".incomplete";
    write_file(partial, std::string(size, 'x'));
    fs::remove(blob);
    const auto again = pull_quickly("test/plain");
    ASSERT_TRUE(again.ok()) << again.error().message;
    expect_complete("test/plain");
  }
}

TEST_F(PullTest, ASecondPullFetchesNothing) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  const std::size_t before = hub->log("/test/plain/model.safetensors").size();
  PullOptions options;
  std::size_t done = 0;
  options.progress = [&](std::size_t bytes, std::size_t) { done = bytes; };
  ASSERT_TRUE(pull_quickly("test/plain", options).ok());
  EXPECT_EQ(hub->log("/test/plain/model.safetensors").size(), before);
  EXPECT_GT(done, kWeightsBytes);  // reported as done, not as nothing
}

TEST_F(PullTest, ABlobOfTheWrongSizeIsReplaced) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  write_file(fs::canonical(snapshot("test/plain") / "model.safetensors"), "cut off");
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  expect_complete("test/plain");
}

TEST_F(PullTest, ADamagedBlobIsReplaced) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  for (const char* name : {"model.safetensors", "config.json"}) {
    const fs::path blob = fs::canonical(snapshot("test/plain") / name);
    std::string bytes = read_file(blob);
    bytes[bytes.size() / 2] ^= 1;
    write_file(blob, bytes);
  }
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  expect_complete("test/plain");
}

TEST_F(PullTest, OfflineAWholeModelIsWhereItIs) {
  const auto fetched = pull_quickly("test/plain");
  ASSERT_TRUE(fetched.ok());
  const ScopedEnvironment offline("HF_HUB_OFFLINE", "1");
  EXPECT_EQ(pull_quickly("test/plain").value(), *fetched);
  fs::remove(*fetched / "config.json");
  EXPECT_EQ(pull_quickly("test/plain").error().code, ErrorCode::kNetwork);
}

TEST_F(PullTest, AHubThatCannotBeReachedIsAnErrorThatNamesWhatIsThere) {
  const auto fetched = pull_quickly("test/plain");
  ASSERT_TRUE(fetched.ok());
  const ScopedEnvironment nobody("HF_ENDPOINT", "http://127.0.0.1:1");
  const auto again = pull_quickly("test/plain");
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(again.error().message, testing::HasSubstr(fetched->string()));
}

TEST_F(PullTest, AnotherCommitThanThePinnedOneIsRefused) {
  PullOptions options;
  options.revision = kCommit;
  const auto folder = pull_quickly("test/changing", options);
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(folder.error().message, testing::HasSubstr(std::string(kCommit)));
  expect_nothing_published("test/changing");
}

TEST_F(PullTest, ARefThatCannotBeWrittenLeavesNothingBeside) {
  fs::create_directories(repo("test/plain") / "refs/main/in-the-way");
  const auto folder = pull_quickly("test/plain");
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, ErrorCode::kIoError);
  const fs::directory_iterator refs(repo("test/plain") / "refs");
  EXPECT_EQ(std::distance(begin(refs), end(refs)), 1);
}

TEST_F(PullTest, ACopyInPlaceOfALinkIsReplaced) {
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  const fs::path pointer = snapshot("test/plain") / "config.json";
  fs::remove(pointer);
  write_file(pointer, "stale");
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  expect_complete("test/plain");
}

TEST_F(PullTest, ANewCommitGetsItsOwnSnapshotAndSharesBlobs) {
  const auto first = pull_quickly("test/changing");
  const auto second = pull_quickly("test/changing");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(*first, *second);
  EXPECT_EQ(read_file(repo("test/changing") / "refs/main"), second->filename().string());
  EXPECT_EQ(fs::canonical(*first / "model.safetensors"),
            fs::canonical(*second / "model.safetensors"));
  std::size_t transfers = 0;
  for (const auto& request : hub->log("/test/changing/model.safetensors")) transfers += request.cdn;
  EXPECT_EQ(transfers, 1u);
}

TEST_F(PullTest, BranchesTagsAndCommitsAreRevisions) {
  for (const std::string_view revision :
       {std::string_view("v1.0"), std::string_view("refs/pr/1"), kCommit}) {
    PullOptions options;
    options.revision = revision;
    const auto folder = pull_quickly("test/revisions", options);
    ASSERT_TRUE(folder.ok()) << folder.error().message;
    EXPECT_EQ(find_snapshot(cache(), "test/revisions", revision), *folder);
  }
  EXPECT_EQ(read_file(repo("test/revisions") / "refs/refs/pr/1"), kCommit);
  EXPECT_FALSE(fs::exists(repo("test/revisions") / "refs" / kCommit));
  EXPECT_EQ(find_snapshot(cache(), "test/revisions", "main"), std::nullopt);
}

TEST_F(PullTest, FetchesShardsByTheirIndex) {
  const auto folder = pull_quickly("test/sharded");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  EXPECT_EQ(fs::file_size(*folder / "model-00001-of-00002.safetensors"), 1000u);
  EXPECT_EQ(fs::file_size(*folder / "model-00002-of-00002.safetensors"), 2000u);
  EXPECT_TRUE(fs::is_regular_file(*folder / "model.safetensors.index.json"));
}

TEST_F(PullTest, AServerWithoutTheListingServiceWillDo) {
  const auto folder = pull_quickly("test/no-api");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  expect_complete("test/no-api");
}

TEST_F(PullTest, TokenizerOnlyLeavesTheWeights) {
  PullOptions options;
  options.tokenizer_only = true;
  const auto folder = pull_quickly("test/pickle", options);
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  EXPECT_TRUE(fs::is_regular_file(*folder / "tokenizer.json"));
  EXPECT_THAT(hub->log("test/pickle/resolve/" + std::string(kCommit) + "/pytorch"), IsEmpty());
}

TEST_F(PullTest, AVocabularyIsATokenizer) {
  const auto folder = pull_quickly("test/only-vocab");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  EXPECT_TRUE(fs::is_regular_file(*folder / "vocab.txt"));
}

TEST_F(PullTest, NamesOutsideTheModelAreNotFetched) {
  const auto folder = pull_quickly("test/hostile-listing");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  EXPECT_THAT(hub->log("passwd"), IsEmpty());
  EXPECT_THAT(hub->log("evil"), IsEmpty());
}

TEST_F(PullTest, ProgressCountsBytesOverAllFiles) {
  PullOptions options;
  std::size_t last = 0;
  std::size_t total = 0;
  std::size_t calls = 0;
  options.progress = [&](std::size_t bytes, std::size_t of) {
    EXPECT_GE(bytes, last);
    EXPECT_TRUE(total == 0 || of == total);
    last = bytes;
    total = of;
    ++calls;
  };
  const auto folder = pull_quickly("test/plain", options);
  ASSERT_TRUE(folder.ok());
  std::size_t size = 0;
  for (const auto& file : fs::directory_iterator(*folder)) size += file.file_size();
  EXPECT_EQ(last, size);
  EXPECT_EQ(total, size);
  EXPECT_GT(calls, 6u);
}

TEST_F(PullTest, WhatAProgressFunctionThrowsComesThrough) {
  PullOptions options;
  options.progress = [](std::size_t bytes, std::size_t) {
    if (bytes > 10'000) throw std::runtime_error("enough");
  };
  EXPECT_THROW((void)pull_quickly("test/plain", options), std::runtime_error);
  ASSERT_TRUE(pull_quickly("test/plain").ok());
  expect_complete("test/plain");
}

TEST_F(PullTest, TwoAtOnceTransferTheWeightsOnce) {
  std::optional<Result<fs::path>> first;
  std::thread other([&] { first = pull_quickly("test/slow"); });
  const auto second = pull_quickly("test/slow");
  other.join();
  ASSERT_TRUE(first->ok()) << first->error().message;
  ASSERT_TRUE(second.ok()) << second.error().message;
  expect_complete("test/slow");
  std::size_t transfers = 0;
  for (const auto& request : hub->log("/test/slow/model.safetensors")) transfers += request.cdn;
  EXPECT_EQ(transfers, 1u);
}

TEST_F(PullTest, TwoAtOnceWithoutLocksEndInOneWholeBlob) {
  file_system_has_locks = false;
  std::optional<Result<fs::path>> first;
  std::thread other([&] { first = pull_quickly("test/slow"); });
  const auto second = pull_quickly("test/slow");
  other.join();
  file_system_has_locks = true;
  ASSERT_TRUE(first->ok()) << first->error().message;
  ASSERT_TRUE(second.ok()) << second.error().message;
  expect_complete("test/slow");
}

TEST_F(PullTest, WithoutLocksNothingIsLeftOfAFailure) {
  file_system_has_locks = false;
  const auto result = pull_quickly("test/always-interrupted");
  file_system_has_locks = true;
  ASSERT_FALSE(result.ok());
  for (const auto& blob : fs::directory_iterator(repo("test/always-interrupted") / "blobs")) {
    EXPECT_EQ(blob.path().extension(), "") << "left over: " << blob.path();
  }
}

TEST_F(PullTest, CancelIsSeenAtOnceAndKeepsWhatArrived) {
  std::atomic<bool> cancel = false;
  PullOptions options;
  options.cancel = &cancel;
  std::chrono::steady_clock::time_point asked;
  options.progress = [&](std::size_t bytes, std::size_t) {
    if (bytes > 100'000 && !cancel.exchange(true)) asked = std::chrono::steady_clock::now();
  };
  const auto result = pull_quickly("test/stalls", options);
  const auto took = std::chrono::steady_clock::now() - asked;
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_LT(took, std::chrono::milliseconds(500));  // 0.1 s between looks, on a busy machine
  expect_nothing_published("test/stalls");
  std::uintmax_t kept = 0;
  for (const auto& blob : fs::directory_iterator(repo("test/stalls") / "blobs")) {
    if (blob.path().extension() == ".incomplete") kept = blob.file_size();
  }
  EXPECT_EQ(kept, 100'000u);
}

TEST_F(PullTest, CancelIsSeenWhileNobodyAnswers) {
  std::atomic<bool> cancel = false;
  PullOptions options;
  options.cancel = &cancel;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel = true;
  });
  const auto start = std::chrono::steady_clock::now();
  const auto result = pull_quickly("test/hangs", options);
  const auto took = std::chrono::steady_clock::now() - start;
  later.join();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_LT(took, std::chrono::milliseconds(700));
}

}  // namespace
}  // namespace crossrank::hub
