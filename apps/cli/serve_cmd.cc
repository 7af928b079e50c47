// crossrank serve: the HTTP server. Its flags, and what the server gets of them.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/server/server.h"
#include "base/small_file.h"
#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "judge_flags.h"
#include "model_loader.h"
#include "options.h"
#include "ranking_input.h"

namespace crossrank::cli {
namespace {

constexpr std::size_t kMaxTimeoutMs = 86'400'000;

struct ServeFlags {
  server::ServerOptions server;
  ModelFlags model;  // what all models are loaded with
  std::vector<std::string> models;
  std::size_t port = 8080;
  std::string api_key_file;
  std::string api_key_env;
  std::size_t header_timeout_ms = 10'000;
  std::size_t request_timeout_ms = 60'000;
  std::size_t cache_mb = 0;
  std::string metadata_fields;
  JudgeFlags judge;
  bool quiet = false;
};

// Keys from --api-key-file, one a line, and --api-key-env.
Result<std::vector<std::string>> read_keys(const ServeFlags& flags) {
  std::vector<std::string> keys;
  const auto add = [&](std::string_view key) {  // false if it is blank
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t begin = key.find_first_not_of(kBlank);
    if (begin == key.npos) return false;
    keys.emplace_back(key.substr(begin, key.find_last_not_of(kBlank) + 1 - begin));
    return true;
  };
  if (!flags.api_key_file.empty()) {
    CR_TRY_ASSIGN(const std::string text, base::read_small_file(flags.api_key_file));
    for (std::size_t pos = 0; pos < text.size();) {
      const std::size_t end = std::min(text.find('\n', pos), text.size());
      add(std::string_view(text).substr(pos, end - pos));
      pos = end + 1;
    }
    if (keys.empty()) {
      return Error{ErrorCode::kBadInput, flags.api_key_file + " holds no key; a line is one"};
    }
  }
  if (const std::string& name = flags.api_key_env; !name.empty()) {
    const char* key = std::getenv(name.c_str());
    if (key == nullptr || !add(key)) {
      return Error{ErrorCode::kInvalidArgument,
                   "--api-key-env: the variable " + name + " is not set or empty"};
    }
  }
  return keys;
}

// A judge where --judge-url or CROSSRANK_JUDGE_URL says where it is.
bool has_judge(const ServeFlags& flags) {
  const char* url = std::getenv("CROSSRANK_JUDGE_URL");
  return !flags.judge.options.url.empty() || (url != nullptr && *url != '\0');
}

Result<void> serve(ServeFlags& flags) {
  server::ServerOptions& options = flags.server;
  if (flags.port > 65535) {
    return Error{ErrorCode::kInvalidArgument,
                 "--port " + std::to_string(flags.port) + " is no port; there are 65,535"};
  }
  if (!flags.judge.options.model.empty() && !has_judge(flags)) {
    return Error{ErrorCode::kInvalidArgument,
                 "--judge-model: there is no --judge-url (or CROSSRANK_JUDGE_URL) to ask it at"};
  }
  options.port = static_cast<std::uint16_t>(flags.port);
  CR_TRY_ASSIGN(options.api_keys, read_keys(flags));
  if (std::max(flags.header_timeout_ms, flags.request_timeout_ms) > kMaxTimeoutMs) {
    return Error{ErrorCode::kInvalidArgument,
                 "--header-timeout-ms and --request-timeout-ms are at most " +
                     std::to_string(kMaxTimeoutMs) + ", a day"};
  }
  options.http.header_timeout = std::chrono::milliseconds(flags.header_timeout_ms);
  options.http.request_timeout = std::chrono::milliseconds(flags.request_timeout_ms);
  options.http.all_bodies_bytes =
      std::max(options.http.all_bodies_bytes, 4 * options.http.max_body_bytes);
  if (const std::string& file = flags.model.load.calibration;
      flags.models.size() > 1 && !file.empty() && file != kNoCalibration) {
    return Error{ErrorCode::kInvalidArgument,
                 "--calibration is of one model's weights, and there are several: put a "
                 "crossrank_calibration.json into the folder of each"};
  }
  CR_TRY(check_chunks(options.rules.truncation, options.rules.chunk));
  options.registry.batcher.cache_bytes = flags.cache_mb << 20;
  options.registry.models = flags.models;
  options.registry.load = flags.model.load;
  options.registry.load.local_files_only = true;  // fetched here and now, never for a request
  options.hybrid.metadata_fields = split_fields(flags.metadata_fields);
  options.hybrid.top_k = 0;
  if (has_judge(flags)) {
    options.judge = flags.judge.options;
    options.judge->top_k = 0;  // the requests say
    options.judge->timeout = std::chrono::milliseconds(flags.judge.timeout_ms);
  }
  options.log_requests = !flags.quiet;
  std::vector<std::string> models = flags.models;
  if (models.empty()) models.emplace_back();
  for (const std::string& model : models) {
    ModelFlags one = flags.model;
    one.model = model;
    CR_TRY(fetch_model(one, /*tokenizer_only=*/false, flags.quiet));
  }
  return server::serve(std::move(options));
}

void add_listen_flags(CLI::App& app, ServeFlags& flags) {
  const char* group = "Server";
  server::ServerOptions& options = flags.server;
  app.add_option("--host", options.host, "Address to listen on (default 127.0.0.1)")
      ->type_name("IP")
      ->group(group);
  add_count(app, "--port", flags.port, "Default 8080; 0 = any that is free")->group(group);
  app.add_option("--api-key-file", flags.api_key_file, "Keys that clients may use, one a line")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--api-key-env", flags.api_key_env, "The variable that holds a key")
      ->type_name("NAME")
      ->group(group);
  app.add_option("--allow-origin", options.allow_origin,
                 "Whose pages may call from a browser, or * (default: its own alone)")
      ->type_name("ORIGIN")
      ->group(group);
  add_count(app, "--max-documents", options.max_documents, "Of a request (default 10000)", 1)
      ->group(group);
  add_count(app, "--max-body-bytes", options.http.max_body_bytes, "Of a request (default 33554432)",
            1)
      ->group(group);
  add_count(app, "--max-connections", options.http.max_connections,
            "Others wait to be accepted (default 1024)", 1)
      ->group(group);
  add_count(app, "--header-timeout-ms", flags.header_timeout_ms,
            "For a client to send its headers (default 10000)", 1)
      ->group(group);
  add_count(app, "--request-timeout-ms", flags.request_timeout_ms,
            "For an answer; clients may ask for less (default 60000)", 1)
      ->group(group);
  add_count(app, "--cache-mb", flags.cache_mb, "Memory for scores that come again (default 0)")
      ->group(group);
}

}  // namespace

void add_serve(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand("serve", "The HTTP server.");
  auto flags = std::make_shared<ServeFlags>();
  add_listen_flags(*app, *flags);
  server::RegistryOptions& registry = flags->server.registry;
  app->add_option("--model", flags->models,
                  "A folder, a hub id or builtin; may be given again. The first one is loaded at\n"
                  "once and answers requests that name none, the others when they are asked for")
      ->type_name("MODEL")
      ->allow_extra_args(false)
      ->group("Model");
  app->add_option("--served-model-name", registry.aliases,
                  "A name for the first model, or NAME=MODEL; may be given again")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group("Model");
  app->add_flag("--strict-model", registry.strict,
                "With one model, too, refuse requests for another")
      ->group("Model");
  add_compute_flags(*app, flags->model);
  add_calibration_flag(*app, flags->model);
  add_count(*app, "--max-length", flags->model.load.max_length,
            "Tokens a pair (default: the model's own)")
      ->group("Model");
  add_chunk_flags(*app, flags->server.rules.truncation, flags->server.rules.chunk);
  ReRankOptions& hybrid = flags->server.hybrid;
  const char* group = "/v1/hybrid";
  const CLI::Option* max_chars =
      add_count(*app, "--max-chars", hybrid.max_chars,
                "Characters of a document that are scored, 0 = all (default 400, with chunks 0)")
          ->group(group);
  app->add_option("--metadata-fields", flags->metadata_fields,
                  "Metadata in front of the text, one a line, for example title,source")
      ->type_name("A,B")
      ->group(group);
  app->add_option("--metadata-template", hybrid.metadata_template,
                  "The scored text, for example \"{title}. {page_content}\"")
      ->type_name("TEXT")
      ->group(group);
  add_count(*app, "--candidates", flags->server.candidates,
            "Finalists that the judge sees (default 10)", 1)
      ->group(group);
  add_judge_flags(*app, flags->judge);
  app->add_flag("--quiet", flags->quiet, "No line for each request")->group("Server");
  app->footer(
      "It logs JSON lines on standard error. SIGTERM lets what is under way be answered, SIGHUP\n"
      "loads the models again. GET /openapi.json describes the routes; / is a page to try them.\n"
      "/v1/hybrid needs --judge-url (or CROSSRANK_JUDGE_URL) and --judge-model.");
  run_as(*app, chosen, [flags, max_chars] {
    server::ServerOptions& options = flags->server;
    if (uses_chunks(options.rules.truncation) && max_chars->empty()) options.hybrid.max_chars = 0;
    return serve(*flags);
  });
}

}  // namespace crossrank::cli
