// Starting the fake hub and looking at what it saw.
#include "fake_hub.h"

#include <signal.h>  // NOLINT: kill is POSIX
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/http_client.h"
#include "base/sha256.h"
#include "hub/hub_cache.h"
#include "json/json.h"

namespace crossrank::hub {

namespace fs = std::filesystem;

ScopedEnvironment::ScopedEnvironment(const std::vector<Variable>& variables) {
  for (const auto& [name, value] : variables) {
    const char* old = std::getenv(name.c_str());
    before_[name] = old == nullptr ? std::nullopt : std::optional<std::string>(old);
    value.empty() ? unsetenv(name.c_str()) : setenv(name.c_str(), value.c_str(), 1);
  }
}

ScopedEnvironment::ScopedEnvironment(std::string name, std::string value)
    : ScopedEnvironment(std::vector<Variable>{{std::move(name), std::move(value)}}) {}

ScopedEnvironment::~ScopedEnvironment() {
  for (const auto& [name, value] : before_) {
    value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
  }
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

FakeHub::FakeHub() {
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  if (pipe(input.data()) != 0 || pipe(output.data()) != 0) return;
  child_ = fork();
  if (child_ == 0) {
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    for (const int fd : {input[0], input[1], output[0], output[1]}) close(fd);
    execlp("python3", "python3", CROSSRANK_FAKE_HUB, nullptr);
    _exit(127);
  }
  close(input[0]);
  close(output[1]);
  its_input_ = input[1];
  std::string line;
  for (char c = 0; read(output[0], &c, 1) == 1 && c != '\n';) line += c;
  close(output[0]);
  std::string port;
  if (std::istringstream(line) >> port) endpoint_ = "http://127.0.0.1:" + port;
}

FakeHub::~FakeHub() {
  close(its_input_);  // it ends at the end of its input
  if (child_ > 0) {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
  }
}

std::vector<LoggedRequest> FakeHub::log(std::string_view part) const {
  auto client = base::HttpClient::create({}, nullptr);
  std::string body;
  const base::HttpOutcome outcome = client.value().perform(
      {.url = endpoint_ + "/_log"}, [&](const base::HttpReply&, std::string_view bytes) {
        body += bytes;
        return Result<void>();
      });
  EXPECT_EQ(outcome.reply.status, 200);
  std::vector<LoggedRequest> out;
  const json::Value entries = json::parse(body).value();
  for (const auto& entry : entries) {
    LoggedRequest request;
    request.cdn = entry["cdn"].get<bool>();
    request.method = entry["method"].get<std::string>();
    request.path = entry["path"].get<std::string>();
    request.authorization = entry["authorization"].get<std::string>();
    request.range = entry["range"].get<std::string>();
    if (request.path.find(part) != std::string::npos) out.push_back(std::move(request));
  }
  return out;
}

std::unique_ptr<FakeHub> HubTest::hub;

void HubTest::SetUpTestSuite() {
  hub = std::make_unique<FakeHub>();
  ASSERT_NE(hub->endpoint(), "") << "fake_hub.py did not start: is there a python3?";
}

void HubTest::TearDownTestSuite() { hub.reset(); }

void HubTest::SetUp() {
  ASSERT_FALSE(folder_.path().empty());
  std::vector<ScopedEnvironment::Variable> values = {
      {"HF_ENDPOINT", hub->endpoint()},
      {"HF_HUB_CACHE", cache().string()},
      {"HF_TOKEN", kToken},
      {"no_proxy", "*"},
      {"HF_HOME", (folder_.path() / "home").string()}};
  for (const char* name : {"HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",
                           "HF_TOKEN_PATH", "CROSSRANK_MODEL", "CROSSRANK_BUILTIN"}) {
    values.push_back({name, ""});
  }
  environment_ = std::make_unique<ScopedEnvironment>(values);
}

void HubTest::TearDown() {
  for (const LoggedRequest& request : hub->log("")) {
    if (request.cdn) {
      EXPECT_EQ(request.authorization, "") << request.path;
    }
  }
}

fs::path HubTest::repo(std::string_view id) const { return repo_folder(cache(), id); }

fs::path HubTest::snapshot(std::string_view id) const { return repo(id) / "snapshots" / kCommit; }

Result<fs::path> HubTest::pull_quickly(std::string_view id, PullOptions options) {
  options.retry_delay = std::chrono::milliseconds(5);
  options.stall = std::chrono::seconds(1);
  return pull(id, options);
}

void HubTest::expect_complete(std::string_view id) const {
  EXPECT_EQ(read_file(repo(id) / "refs/main"), kCommit);
  for (const char* name : {"config.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json",
                           "special_tokens_map.json", "model.safetensors"}) {
    const fs::path pointer = snapshot(id) / name;
    ASSERT_TRUE(fs::is_symlink(pointer)) << pointer;
    const fs::path target = fs::read_symlink(pointer);
    EXPECT_EQ(target.parent_path(), "../../blobs");
    EXPECT_TRUE(fs::is_regular_file(pointer)) << pointer;
  }
  std::string weights;
  for (std::uint64_t i = 0; i < kWeightsBytes; ++i) weights += static_cast<char>(i % 256);
  EXPECT_EQ(read_file(snapshot(id) / "model.safetensors"), weights);
  EXPECT_EQ(fs::read_symlink(snapshot(id) / "model.safetensors").filename(),
            base::sha256_hex(weights));
  EXPECT_EQ(read_file(snapshot(id) / "config.json"), R"({"model_type": "bert"})");
  for (const auto& blob : fs::directory_iterator(repo(id) / "blobs")) {
    EXPECT_EQ(blob.path().extension(), "") << "left over: " << blob.path();
  }
}

void HubTest::expect_nothing_published(std::string_view id) const {
  EXPECT_FALSE(fs::exists(repo(id) / "refs"));
  EXPECT_FALSE(fs::exists(repo(id) / "snapshots"));
  for (const auto& entry : fs::recursive_directory_iterator(cache())) {
    EXPECT_EQ(entry.path().string().find("evil"), std::string::npos) << entry.path();
  }
  EXPECT_FALSE(fs::exists(cache().parent_path() / "evil"));
}

}  // namespace crossrank::hub
