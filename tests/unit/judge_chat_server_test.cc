// A judge's server as it is set up: what is refused, and secrets, which are sent and never shown.
#include <chrono>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crossrank/rerankers.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_chat.h"
#include "tests/support/judge_rank.h"
#include "tests/support/temp_folder.h"

namespace crossrank {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST(ChatServer, KeysAreSentAndNeverShown) {
  const TempFolder folder;
  const std::string path = (folder.path() / "key").string();
  write_file(path, "  sk-secret-1234\n");
  const FakeChat chat({always(status(401, R"({"error":"no such key: sk-secret-1234"})"))});
  JudgeOptions options = options_of(chat);
  options.api_key_file = path;
  options.headers = {"X-Org: acme-5678"};
  std::string shown;
  options.trace = [&](const JudgeExchange& exchange) {
    shown += exchange.url + exchange.request + exchange.response + exchange.error;
    for (const std::string& header : exchange.headers) shown += header + "\n";
  };
  const JudgedRanking ranking = rank(3, options);
  EXPECT_THAT(chat.requests()[0].headers,
              testing::Contains("Authorization: Bearer sk-secret-1234"));
  EXPECT_THAT(chat.requests()[0].headers, testing::Contains("X-Org: acme-5678"));
  EXPECT_THAT(ranking.judge.message, HasSubstr("[redacted]"));
  for (const std::string& text : {ranking.judge.message, shown}) {
    EXPECT_THAT(text, Not(HasSubstr("sk-secret")));
    EXPECT_THAT(text, Not(HasSubstr("acme-5678")));
  }
  EXPECT_THAT(shown, HasSubstr("X-Org: [redacted]"));
}

TEST(ChatServer, SecretsAreFoundHoweverTheyAreWritten) {
  const std::string_view key = "sk-proj/secret+1234";
  std::string parted, escaped;
  for (const char c : key) {
    parted += std::string(1, c) + "\u200B";
    escaped += R"(\u00)" + std::string(1, "0123456789abcdef"[c >> 4]) + "0123456789abcdef"[c & 15];
  }
  const TempFolder folder;
  const std::string path = (folder.path() / "key").string();
  write_file(path, key);
  for (const std::string& written :
       {std::string(key), parted, escaped, std::string(R"(sk-proj\/secret+1234)"),
        std::string(R"(sk\u002Dproj\\\/secret+1234)")}) {
    for (const std::string& body :
         {R"({"error":{"message":")" + written + "\"}}", "<b>" + written + "</b>",
          R"({"error":{"message":")" + std::string(290, '.') + written + "\"}}"}) {
      const FakeChat chat({always(status(401, body))});
      JudgeOptions options = options_of(chat);
      options.api_key_file = path;
      std::string traced;
      options.trace = [&](const JudgeExchange& exchange) { traced += exchange.response; };
      const std::string message = rank(3, options).judge.message;
      EXPECT_THAT(message + traced, Not(HasSubstr("secret"))) << body;
      EXPECT_THAT(message, Not(HasSubstr("sk-"))) << body;
      if (written != parted) {
        EXPECT_THAT(traced, HasSubstr("[redacted]")) << body;
      }
    }
  }
}

TEST(ChatServer, RedactingALargeAnswerTakesNoTime) {
  for (const std::string_view piece :
       {"EMPTY", "EMPT", "E", "\\", R"(\u005c)", R"(E\u005c)", R"(E\\)"}) {
    std::string body;
    while (body.size() < 1'000'000) body += piece;
    const FakeChat chat({always(status(401, body))});
    JudgeOptions options = options_of(chat);
    options.headers = {"X-Key: EMPTY"};
    options.trace = [](const JudgeExchange&) {};
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(rank(1, options).judge.outcome, JudgeOutcome::kProviderError);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 4s) << piece;
  }
}

TEST(ChatServer, ModelAndReasonsAreRedacted) {
  const FakeChat chat({[](const JudgeHttpRequest&) {
    return status(200, R"({"model":"m secret-key","choices":[{"message":{"content":)"
                       R"("{\"c01\":{\"relevance\":7,\"reason\":\"secret\\u002dkey\"}}"}}]})");
  }});
  JudgeOptions options = options_of(chat);
  options.headers = {"X-Key: secret-key"};
  const JudgedRanking ranking = rank(1, options);
  EXPECT_EQ(ranking.judge.model, "m [redacted]");
  EXPECT_EQ(ranking.results[0].judge->reason, "[redacted]");
}

TEST(ChatServer, ThePasswordOfTheProxyIsASecret) {
  for (const char* proxy : {"http://me:se%2Fcret@p:1", "me:se%2Fcret@p", "x://me:se%2Fcret@[bad"}) {
    const FakeChat chat({always({.status = 0, .error = "no me:se%2Fcret or se/cret"})});
    JudgeOptions options = options_of(chat);
    options.proxy = proxy;
    EXPECT_EQ(rank(3, options).judge.message, "no [redacted] or [redacted]") << proxy;
  }
}

// All that is shown of a ranking whose server says `body`.
std::string shown_of(const std::vector<std::string>& headers, const std::string& body) {
  const FakeChat chat({always(status(401, body))});
  JudgeOptions options = options_of(chat);
  options.headers = headers;
  std::string shown;
  options.trace = [&](const JudgeExchange& exchange) { shown += exchange.response; };
  shown += rank(3, options).judge.message;
  return shown;
}

TEST(ChatServer, PiecesOfAHeaderAreSecrets) {
  struct Piece {
    const char* header;
    const char* echo;  // what a server may repeat of it
  };
  for (const auto& [header, echo] : std::vector<Piece>{
           {"Authorization: Bearer sk-live-0123456789", "sk-live-0123456789"},
           {"Authorization:Bearer   sk-live-0123456789", "sk-live-0123456789"},
           {"Cookie: a=SECRETVALUE; b=othersecret", "SECRETVALUE"},
           {"Cookie: a=SECRETVALUE; b=othersecret", "othersecret"},
           {"Cookie: a=one=two=three", "one=two=three"},
           {"Authorization: Digest username=\"me\", response=\"6629fae49393\"", "6629fae49393"},
           {"X-Keys: first-key-1,second-key-2", "second-key-2"},
           {"Authorization: Basic bWU6c2VjcmV0", "bWU6c2VjcmV0"},
           {"Authorization: Basic bWU6c2VjcmV0", "me:secret"},
           {"Authorization: Basic bWU6c2VjcmV0", "secret"},
           {"proxy-authorization: bAsIc bWU6c2VjcmV0cw==", "secrets"},
           {"proxy-authorization: bAsIc bWU6c2VjcmV0cw==", "bWU6c2VjcmV0cw"}}) {
    const std::string text = echo;
    for (const std::string& body :
         {R"({"error":{"message":"bad key )" + text + "\"}}", "not " + text + ".", text}) {
      const std::string shown = shown_of({header}, body);
      EXPECT_THAT(shown, Not(HasSubstr(text))) << header;
      EXPECT_THAT(shown, HasSubstr("[redacted]")) << header;
    }
  }
}

TEST(ChatServer, WordsAreNoSecrets) {
  const std::string said = "Bearer tokens are for documents; a search engine sends its own";
  EXPECT_THAT(
      shown_of({"Authorization: Bearer sk-live-0123456789", "Cookie: a=b; c=d",
                "X-Title: a search engine for documents", "User-Agent: documents and tokens"},
               said),
      HasSubstr(said));
}

TEST(ChatServer, ATransportThatThrowsHasNoAnswer) {
  int traced = 0;
  JudgeOptions options = options_of(FakeChat({kByNumber}));
  options.headers = {"X-Key: secret-key"};
  options.transport = [](const JudgeHttpRequest&) -> JudgeHttpReply {
    throw std::runtime_error("no socket for secret-key");
  };
  options.trace = [&](const JudgeExchange& exchange) {
    ++traced;
    EXPECT_EQ(exchange.status, 0);
    EXPECT_THAT(exchange.error, HasSubstr("no socket for [redacted]"));
  };
  for (const JudgeMode mode : {JudgeMode::kListwise, JudgeMode::kPointwise}) {
    options.mode = mode;
    const JudgedRanking ranking = rank(3, options);
    EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kProviderError);
    EXPECT_THAT(ranking.judge.message, HasSubstr("no socket for [redacted]"));
    EXPECT_THAT(order(ranking), testing::ElementsAre(0, 1, 2));
  }
  EXPECT_EQ(traced, 4);
  options.transport = [](const JudgeHttpRequest&) -> JudgeHttpReply { throw std::bad_alloc(); };
  EXPECT_EQ(error_of(LlmJudge::create(options).value().rank("q", documents(3))).code,
            ErrorCode::kOutOfMemory);
}

TEST(ChatServer, ATraceThatThrowsCostsNothing) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.trace = [](const JudgeExchange&) { throw std::runtime_error("the disk is full"); };
  for (const JudgeMode mode : {JudgeMode::kListwise, JudgeMode::kPointwise}) {
    options.mode = mode;
    const JudgedRanking ranking = rank(3, options);
    EXPECT_EQ(ranking.judge.outcome, JudgeOutcome::kJudged);
    EXPECT_THAT(order(ranking), testing::ElementsAre(2, 1, 0));
  }
}

TEST(ChatServer, RequestsStayWhatTheyAre) {
  const FakeChat chat({kByNumber});
  JudgeOptions options = options_of(chat);
  options.headers = {"X-Flag: true", "X-Model: json_schema"};
  std::string traced;
  options.trace = [&](const JudgeExchange& exchange) { traced = exchange.request; };
  EXPECT_EQ(rank(3, options).judge.outcome, JudgeOutcome::kJudged);
  EXPECT_EQ(traced, chat.requests()[0].body);
}

TEST(ChatServer, SettingsThatCannotWorkAreRefusedAtOnce) {
  const FakeChat chat({kByNumber});
  const auto refused = [&](const std::function<void(JudgeOptions&)>& change) {
    JudgeOptions options = options_of(chat);
    change(options);
    return error_of(LlmJudge::create(options));
  };
  using O = JudgeOptions;
  for (const std::function<void(O&)>& change : std::vector<std::function<void(O&)>>{
           [](O& o) { o.url = ""; }, [](O& o) { o.model = ""; }, [](O& o) { o.url = "ftp://x/v1"; },
           [](O& o) { o.url = "http://user:pass@x/v1"; }, [](O& o) { o.url = "http://x/v1?key=1"; },
           [](O& o) { o.url = "http://x/\n"; },
           [](O& o) { o.api_key_env = "CROSSRANK_TEST_NO_SUCH_VARIABLE"; },
           [](O& o) { o.headers = {"no colon"}; }, [](O& o) { o.headers = {"A: b\r\nC: d"}; },
           [](O& o) {
             o.params = {{"top_p", "{"}};
           },
           [](O& o) {
             o.params = {{"messages", "[]"}};
           },
           [](O& o) {
             o.params = {{"", "1"}};
           },
           [](O& o) { o.timeout = 0ms; }, [](O& o) { o.timeout = 24h + 1ms; },
           [](O& o) { o.timeout = std::chrono::milliseconds::max(); },
           [](O& o) { o.concurrency = 0; }, [](O& o) { o.document_tokens = 0; },
           [](O& o) { o.skip_if_gap = -1.0F; },
           [](O& o) { o.mode = JudgeMode::kPointwise, o.order_bias = OrderBias::kTwoPass; }}) {
    const Error error = refused(change);
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << error.message;
  }
  EXPECT_EQ(refused([](O& o) { o.api_key_file = "/no/such/file"; }).code, ErrorCode::kFileNotFound);
  EXPECT_THAT(refused([](O& o) { o.api_key_env = "sk-the-key-itself"; }).message,
              testing::Not(testing::HasSubstr("sk-")));
  EXPECT_EQ(chat.requests().size(), 0u);
}

}  // namespace
}  // namespace crossrank
