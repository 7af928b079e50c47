// Judge flags on CLI11.
#include "judge_flags.h"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/small_file.h"
#include "base/try.h"
#include "base/utf8.h"
#include "choices.h"
#include "commands.h"
#include "options.h"
#include "parse_all.h"

namespace crossrank::cli {
namespace {

constexpr std::array kModes = {
    Name<JudgeMode>{"listwise", JudgeMode::kListwise},
    Name<JudgeMode>{"pointwise", JudgeMode::kPointwise},
};

constexpr std::array kOrderBiases = {
    Name<OrderBias>{"ignore", OrderBias::kIgnore},
    Name<OrderBias>{"two_pass", OrderBias::kTwoPass},
};

void add_server_flags(CLI::App& app, JudgeFlags& flags) {
  const char* group = "Judge server";
  JudgeOptions& options = flags.options;
  const auto text = [&](const char* flag, std::string& value, const char* help, const char* type) {
    app.add_option(flag, value, help)->type_name(type)->group(group);
  };
  text("--judge-url", options.url,
       "What /chat/completions follows, as in https://api.openai.com/v1\n"
       "(default: CROSSRANK_JUDGE_URL)",
       "URL");
  text("--judge-model", options.model, "Its name there (default: CROSSRANK_JUDGE_MODEL)", "NAME");
  text("--judge-api-key-env", options.api_key_env,
       "The variable that holds the key (default: CROSSRANK_JUDGE_API_KEY)", "NAME");
  text("--judge-api-key-file", options.api_key_file, "Or a file that holds it", "FILE");
  app.add_option("--judge-header", options.headers, "One more header; may be given again")
      ->type_name("'NAME: VALUE'")
      ->allow_extra_args(false)
      ->group(group);
  text("--judge-proxy", options.proxy, "Default: https_proxy and no_proxy", "URL");
  text("--judge-ca-bundle", options.ca_bundle, "Certificates, PEM (default: the system's)", "FILE");
  text("--judge-prices", options.price_file,
       "JSON: {\"MODEL\": {\"input_per_million\": X, \"output_per_million\": X}}", "FILE");
}

void add_param_flag(CLI::App& app, JudgeFlags& flags) {
  app.add_option_function<std::vector<std::string>>(
         "--judge-param",
         [&flags](const std::vector<std::string>& given) {
           for (const std::string& param : given) {
             const std::size_t equals = param.find('=');
             if (equals == param.npos) {
               throw CLI::ValidationError("--judge-param", "'" + param + "' is not KEY=JSON");
             }
             flags.options.params.push_back({param.substr(0, equals), param.substr(equals + 1)});
           }
         },
         "A member of the request, null removes it; may be given again")
      ->type_name("KEY=JSON")
      ->allow_extra_args(false)
      ->group("Judge");
}

void add_seed_flag(CLI::App& app, JudgeFlags& flags) {
  app.add_option_function<std::string>(
         "--judge-seed",
         [&flags](const std::string& text) {
           flags.options.seed = parse_all<std::uint64_t>(text);
           if (!flags.options.seed) {
             throw CLI::ValidationError("--judge-seed", "'" + text + "' is not a whole number");
           }
         },
         "Makes the request repeatable: for tests, not for strangers' documents")
      ->type_name("N")
      ->group("Judge");
}

}  // namespace

void add_judge_flags(CLI::App& app, JudgeFlags& flags) {
  const char* group = "Judge";
  JudgeOptions& options = flags.options;
  add_choice(app, "--judge-mode", options.mode, kModes,
             "One call for all finalists (default), or one for each")
      ->group(group);
  add_choice(app, "--order-bias", options.order_bias, kOrderBiases,
             "two_pass: ask again in reverse order and take the mean")
      ->group(group);
  std::optional<float>& gap = options.skip_if_gap;
  add_number(app, "--skip-if-gap", gap,
             "No call when the logits of the last document returned and the next differ by X", 0,
             std::numeric_limits<float>::max())
      ->group(group);
  add_count(app, "--judge-timeout-ms", flags.timeout_ms, "For all calls together (default 30000)",
            1)
      ->group(group);
  add_count(app, "--judge-concurrency", options.concurrency, "Calls at a time (default 4)", 1)
      ->group(group);
  add_count(app, "--judge-context-tokens", options.context_tokens,
            "The model's window, prompt and answer (default 8192)", 1)
      ->group(group);
  add_count(app, "--judge-document-tokens", options.document_tokens,
            "Of each document that the judge sees (default 512)", 1)
      ->group(group);
  add_count(app, "--judge-answer-tokens", options.answer_tokens,
            "Of the answer (default 64 and 96 for each finalist)", 1)
      ->group(group);
  add_param_flag(app, flags);
  add_server_flags(app, flags);
}

void add_judge_call_flags(CLI::App& app, JudgeFlags& flags) {
  const char* group = "Judge";
  app.add_option("--context", flags.context, "For the judge: who asks, and why")
      ->type_name("TEXT")
      ->group(group);
  app.add_option("--context-file", flags.context_file, "The same from a file")
      ->type_name("FILE")
      ->group(group);
  add_count(app, "--deadline-ms", flags.deadline_ms,
            "Yours for the whole command, from its start; half of it is the judge's at most")
      ->group(group);
  add_seed_flag(app, flags);
  app.add_option("--trace", flags.trace, "Write every request and answer there, without keys")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--judge-dry-run", flags.dry_run, "Print the requests, send nothing")->group(group);
  app.add_flag("--strict", flags.strict, "Exit code 5 when the judge degraded")->group(group);
}

Result<std::string> read_context(JudgeFlags& flags) {
  if (!flags.context.empty() && !flags.context_file.empty()) {
    return Error{ErrorCode::kInvalidArgument, "--context and --context-file exclude each other"};
  }
  if (flags.context_file.empty()) {
    repair_argument(flags.context, "the context");
    return flags.context;
  }
  CR_TRY_ASSIGN(std::string text, base::read_small_file(flags.context_file));
  return base::repair_utf8(text).value_or(text);
}

}  // namespace crossrank::cli
