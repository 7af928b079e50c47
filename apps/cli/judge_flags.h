// The flags of the LLM judge, and what the library gets of them.
#pragma once

#include <optional>
#include <string>

#include "crossrank/judge.h"
#include "crossrank/result.h"

namespace CLI {
class App;
}  // namespace CLI

namespace crossrank::cli {

struct JudgeFlags {
  JudgeOptions options;
  std::size_t timeout_ms = 30'000;
  std::size_t deadline_ms = 0;
  std::string context;
  std::string context_file;
  std::string trace;  // a file; "" = none
  bool dry_run = false;
  bool strict = false;
};

// Flags of the judge itself, under the groups Judge and Judge server.
void add_judge_flags(CLI::App& app, JudgeFlags& flags);
// Flags of one ranking: its context, deadline, seed and trace, a dry run, --strict.
void add_judge_call_flags(CLI::App& app, JudgeFlags& flags);

// The text of --context or --context-file, as valid UTF-8. Errors: kInvalidArgument for both,
// kFileNotFound, kIoError, kBadInput for more than 1 MB.
Result<std::string> read_context(JudgeFlags& flags);

}  // namespace crossrank::cli
