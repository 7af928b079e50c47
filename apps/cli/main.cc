// The crossrank command: parses the command line and runs one subcommand. Scores nothing itself.
#include <CLI/CLI.hpp>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "commands.h"
#include "console.h"
#include "crossrank/version.h"
#include "interrupt.h"

namespace crossrank::cli {
namespace {

// One screen of 24 lines by 80 columns.
constexpr const char* kHelp =
    R"(crossrank scores (query, document) pairs with a cross-encoder on the CPU.

  crossrank rank -q QUERY [FILE|-]   the best documents of a list, best first
  crossrank hybrid -q QUERY [FILE|-] the same, the finalists judged by an LLM
  crossrank score [FILE|-]           one score a pair, in input order, streamed
  crossrank rerank                   a whole TREC run, to a TREC run
  crossrank eval --qrels F --run R   how good rankings are, and which is better
  crossrank tune, crossrank calibrate  the best blend; probabilities that hold
  crossrank serve                    the HTTP server
  crossrank tokenize [FILE|-]        the token ids that the model sees
  crossrank info, crossrank models   describe a model; list those available here
  crossrank pull ID[@REVISION]       fetch a model from the hub
  crossrank bench [FILE|-]           measure speed, latency and memory
  crossrank doctor                   check that this installation computes right

Shared flags (crossrank COMMAND --help shows them all; crossrank --version):
  --model MODEL   a folder, a hub id or builtin
  --format F      table|json|jsonl|tsv|trec; a table on a terminal, else jsonl
  --max-length N  --max-chars N  --truncation POLICY  --batch-tokens N
  --precision P   --threads N    --isa NAME           --quiet
Input is JSON lines, JSON, TSV or plain lines: {"page_content": "..."} or "..."
a line. Results go to standard output, messages to standard error.
Exit codes: 0 done, 1 internal, 2 usage, 3 model or resource missing or invalid,
4 bad input (with file and line), 5 judge degraded (--strict), 130 interrupted.
)";

int print(const std::string& text) {
  Output out;
  out.buffer() = text;
  const auto written = out.flush();
  return written.ok() ? kDone : fail(written.error());
}

// The one argument that nobody knows; what stands behind it may be its value.
std::string unexpected(const CLI::App& program) {
  const std::vector<std::string> left = program.remaining(/*recurse=*/true);
  for (const std::string& argument : left) {
    if (argument.starts_with('-')) return "unknown option '" + argument + "'";
  }
  const std::string first = left.empty() ? "" : left.front();
  if (!program.get_subcommands().empty()) return "unexpected argument '" + first + "'";
  std::string commands;
  for (const CLI::App* command : program.get_subcommands({})) {
    commands += (commands.empty() ? "" : ", ") + command->get_name();
  }
  return "unknown command '" + first + "'; commands: " + commands;
}

int run(int argc, char** argv) {
  CLI::App program("", "crossrank");
  program.set_help_flag("");
  bool help = false;
  bool version = false;
  program.add_flag("-h,--help", help);
  program.add_flag("--version", version);
  program.require_subcommand(0, 1);

  Command chosen;
  add_rank(program, chosen);
  add_hybrid(program, chosen);
  add_score(program, chosen);
  add_rerank(program, chosen);
  add_eval(program, chosen);
  add_tune(program, chosen);
  add_calibrate(program, chosen);
  add_tokenize(program, chosen);
  add_info(program, chosen);
  add_models(program, chosen);
  add_pull(program, chosen);
  add_serve(program, chosen);
  add_bench(program, chosen);
  add_doctor(program, chosen);
  for (CLI::App* command : program.get_subcommands({})) {
    command->set_help_flag("-h,--help", "Print this help and exit");
  }

  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(program.get_subcommands().front()->help("crossrank"));
  } catch (const CLI::ParseError& error) {
    std::string where = "crossrank";
    for (const CLI::App* command : program.get_subcommands()) where += " " + command->get_name();
    const bool extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    std::string what = extras ? unexpected(program) : error.what();
    if (const auto at = what.find(": At Most 1 required but received "); at != what.npos) {
      what.replace(at, what.npos, " may be given only once");
    }
    return fail({ErrorCode::kInvalidArgument, what + "; see " + where + " --help"});
  }
  if (version) return print(build_info() + "\n");
  if (help) return print(kHelp);
  if (!chosen) {
    return fail({ErrorCode::kInvalidArgument, "no command was given; see crossrank --help"});
  }
  return chosen();
}

}  // namespace
}  // namespace crossrank::cli

int main(int argc, char** argv) {
  using namespace crossrank::cli;
  install_signal_handlers();
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    say("out of memory: give fewer documents at a time, or a smaller --batch-tokens");
    return kInternalError;
  } catch (const std::exception& error) {
    say(std::string("an internal error: ") + error.what());
    return kInternalError;
  }
}
