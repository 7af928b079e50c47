// FakeHub: fake_hub.py as a child process, and an environment in which nothing else can be reached.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/pull.h"
#include "tests/support/temp_folder.h"

namespace crossrank::hub {

// What fake_hub.py calls its state of things.
inline constexpr std::string_view kCommit = "0123456789abcdef0123456789abcdef01234567";
inline constexpr std::uint64_t kWeightsBytes = 307'200;

// Environment variables as they are to be for a while; "" unsets. Restores what was there before.
class ScopedEnvironment {
 public:
  struct Variable {
    std::string name;
    std::string value;
  };
  explicit ScopedEnvironment(const std::vector<Variable>& variables);
  ScopedEnvironment(std::string name, std::string value);
  ~ScopedEnvironment();
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

std::string read_file(const std::filesystem::path& path);

struct LoggedRequest {
  bool cdn = false;
  std::string method;
  std::string path;  // decoded
  std::string authorization;
  std::string range;
};

class FakeHub {
 public:
  FakeHub();
  ~FakeHub();
  FakeHub(const FakeHub&) = delete;
  FakeHub& operator=(const FakeHub&) = delete;

  // "http://127.0.0.1:PORT"; "" when python3 could not be started.
  const std::string& endpoint() const { return endpoint_; }
  // The requests so far whose path has `part` in it.
  std::vector<LoggedRequest> log(std::string_view part) const;

 private:
  int child_ = -1;
  int its_input_ = -1;
  std::string endpoint_;
};

// A cache of its own for each test, and one hub for all. After each test: no request to the CDN
// carried the token.
class HubTest : public testing::Test {
 protected:
  static constexpr const char* kToken = "hf_for_private_things";

  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  const std::filesystem::path& cache() const { return folder_.path(); }
  std::filesystem::path repo(std::string_view id) const;
  std::filesystem::path snapshot(std::string_view id) const;
  // pull() with short waits.
  Result<std::filesystem::path> pull_quickly(std::string_view id, PullOptions options = {});
  // The whole model of fake_hub.py is there, in the layout of a hub cache.
  void expect_complete(std::string_view id) const;
  // Nothing that another tool could take for a model, and no stray file.
  void expect_nothing_published(std::string_view id) const;

  static std::unique_ptr<FakeHub> hub;
  TempFolder folder_;
  std::unique_ptr<ScopedEnvironment> environment_;
};

}  // namespace crossrank::hub
