// pull() where it cannot end well: which error, what it says, and what is left behind.
#include <gmock/gmock.h>

#include "fake_hub.h"
#include "hub/pull.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

struct Case {
  const char* id;
  ErrorCode code;
  std::vector<const char*> says;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.id; }  // NOLINT: GoogleTest's name

class PullErrorsTest : public HubTest, public testing::WithParamInterface<Case> {};

TEST_P(PullErrorsTest, IsAnErrorThatSaysWhatToDo) {
  const auto result = pull_quickly(GetParam().id);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(to_string(result.error().code), to_string(GetParam().code)) << result.error().message;
  for (const char* part : GetParam().says) EXPECT_THAT(result.error().message, HasSubstr(part));
  EXPECT_THAT(result.error().message, Not(HasSubstr(kToken)));
  expect_nothing_published(GetParam().id);
}

INSTANTIATE_TEST_SUITE_P(
    Servers, PullErrorsTest,
    testing::Values(
        Case{"test/absent", ErrorCode::kModelNotFound, {"no model test/absent", "HF_TOKEN"}},
        Case{"test/gated", ErrorCode::kNetwork, {"gated", "/test/gated", "HF_TOKEN"}},
        Case{"test/gated-no-token", ErrorCode::kNetwork, {"gated", "HF_TOKEN"}},
        Case{"test/forbidden", ErrorCode::kNetwork, {"403", "HF_TOKEN"}},
        Case{"test/unauthorized", ErrorCode::kNetwork, {"refuses the token", "401"}},
        Case{"test/wrong-digest", ErrorCode::kDigestMismatch, {"model.safetensors", "digest is"}},
        Case{"test/wrong-git-digest", ErrorCode::kDigestMismatch, {"config.json", "digest is"}},
        Case{"test/too-long", ErrorCode::kDigestMismatch, {"larger than the 307200 bytes"}},
        Case{"test/too-short", ErrorCode::kDigestMismatch, {"307195 of 307200"}},
        Case{"test/wrong-range", ErrorCode::kNetwork, {"another part"}},
        Case{"test/always-interrupted", ErrorCode::kNetwork, {"run the command again"}},
        Case{"test/no-size", ErrorCode::kNetwork, {"no usable size of model.safetensors"}},
        Case{"test/absurd-size", ErrorCode::kIoError, {"2305843009214 MB", "HF_HUB_CACHE"}},
        Case{"test/impossible-size", ErrorCode::kNetwork, {"no usable size"}},
        Case{"test/hostile-etag", ErrorCode::kNetwork, {"no usable digest"}},
        Case{"test/hostile-commit", ErrorCode::kNetwork, {"\"sha\" is not a commit"}},
        Case{"test/other-commit", ErrorCode::kNetwork, {"which commit"}},
        Case{"test/hostile-index", ErrorCode::kBadSafetensors, {"weight_map"}},
        Case{"test/shard-missing", ErrorCode::kUnsupportedModel, {"model-00002-of-00002"}},
        Case{"test/pickle", ErrorCode::kUnsupportedModel, {"no model.safetensors", "pickle"}},
        Case{"test/no-tokenizer", ErrorCode::kUnsupportedModel, {"tokenizer.json or vocab.txt"}},
        Case{"test/huge-json", ErrorCode::kNetwork, {"more than 16 MB"}},
        Case{"test/not-json", ErrorCode::kNetwork, {"unusable", "JSON"}},
        Case{"test/json-array", ErrorCode::kNetwork, {"not a JSON object"}},
        Case{"test/broken", ErrorCode::kNetwork, {"HTTP 500", "Try again later"}},
        Case{"test/asks-for-an-hour", ErrorCode::kNetwork, {"429", "3600 seconds"}},
        Case{"test/circle", ErrorCode::kNetwork, {"in a circle"}}),
    [](const auto& param) {
      std::string name = std::string(param.param.id).substr(5);
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

using PullFailureTest = HubTest;

TEST_F(PullFailureTest, ADamagedFileIsRemoved) {
  for (const char* id : {"test/wrong-digest", "test/too-long", "test/too-short"}) {
    ASSERT_FALSE(pull_quickly(id).ok());
    for (const auto& blob : fs::directory_iterator(repo(id) / "blobs")) {
      EXPECT_NE(blob.path().extension(), ".incomplete") << blob.path();
      EXPECT_LT(blob.file_size(), 10'000u) << "the weights are there: " << blob.path();
    }
  }
}

TEST_F(PullFailureTest, AttemptsAreBounded) {
  ASSERT_FALSE(pull_quickly("test/always-interrupted").ok());
  std::size_t transfers = 0;
  for (const auto& request : hub->log("/test/always-interrupted/model")) transfers += request.cdn;
  EXPECT_EQ(transfers, 5u);
  ASSERT_FALSE(pull_quickly("test/broken").ok());
  EXPECT_EQ(hub->log("/api/models/test/broken/").size(), 5u);
  ASSERT_FALSE(pull_quickly("test/asks-for-an-hour").ok());
  EXPECT_EQ(hub->log("/api/models/test/asks-for-an-hour/").size(), 1u);
}

TEST_F(PullFailureTest, WithoutATokenA401SaysHowToGetOne) {
  const ScopedEnvironment none("HF_TOKEN", "");
  const auto result = pull_quickly("test/unauthorized");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(result.error().message, HasSubstr("/settings/tokens"));
}

TEST_F(PullFailureTest, AnUnknownRevisionIsNamed) {
  PullOptions options;
  options.revision = "v9";
  const auto result = pull_quickly("test/revisions", options);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kModelNotFound);
  EXPECT_THAT(result.error().message, HasSubstr("no revision \"v9\""));
}

TEST_F(PullFailureTest, NamesAndRevisionsAreChecked) {
  for (const char* id : {"", "a/b/c", "../x", "a--b", "/etc", "x y", "a/..", "models/x.git"}) {
    const auto result = pull_quickly(id);
    ASSERT_FALSE(result.ok()) << id;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument) << id;
  }
  for (const char* revision : {"../x", "/x", "a//b", "a/../b", ".x", "a b", "x/", "a\nb"}) {
    PullOptions options;
    options.revision = revision;
    const auto result = pull_quickly("test/plain", options);
    ASSERT_FALSE(result.ok()) << revision;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument) << revision;
  }
}

TEST_F(PullFailureTest, OfflineIsAnErrorAtOnce) {
  const std::size_t before = hub->log("").size();
  for (const char* name : {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}) {
    for (const char* value : {"1", "on", "YES", "True"}) {
      const ScopedEnvironment offline(name, value);
      const auto result = pull_quickly("test/plain");
      ASSERT_FALSE(result.ok());
      EXPECT_EQ(result.error().code, ErrorCode::kNetwork);
      EXPECT_THAT(result.error().message, HasSubstr("HF_HUB_OFFLINE"));
    }
  }
  EXPECT_EQ(hub->log("").size(), before);
  const ScopedEnvironment online("HF_HUB_OFFLINE", "0");
  EXPECT_TRUE(pull_quickly("test/plain").ok());
}

TEST_F(PullFailureTest, NobodyAtTheEndpoint) {
  const ScopedEnvironment closed("HF_ENDPOINT", "http://127.0.0.1:1");
  const auto result = pull_quickly("test/plain");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNetwork);
  EXPECT_THAT(result.error().message, HasSubstr("127.0.0.1"));
  EXPECT_THAT(result.error().message, HasSubstr("HF_ENDPOINT"));
}

TEST_F(PullFailureTest, AnEndpointThatIsNoAddress) {
  for (const char* endpoint : {"huggingface", "ftp://127.0.0.1", "file:///etc", "http://"}) {
    const ScopedEnvironment odd("HF_ENDPOINT", endpoint);
    const auto result = pull_quickly("test/plain");
    ASSERT_FALSE(result.ok()) << endpoint;
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument) << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr("HF_ENDPOINT"));
  }
}

TEST_F(PullFailureTest, ATokenCannotCarryHeaders) {
  PullOptions options;
  options.token = "hf_x\x01y";
  const auto result = pull_quickly("test/plain", options);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(result.error().message, HasSubstr("HF_TOKEN"));
}

TEST_F(PullFailureTest, ACacheThatCannotBeWritten) {
  write_file(cache() / "a-file", "");
  PullOptions options;
  options.cache_dir = (cache() / "a-file").string();
  const auto result = pull_quickly("test/plain", options);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kIoError);
  EXPECT_THAT(result.error().message, HasSubstr("a-file"));
}

}  // namespace
}  // namespace crossrank::hub
