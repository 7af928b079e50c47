// crossrank info: what a model is, and on what it runs.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "crossrank/version.h"
#include "display.h"
#include "model_loader.h"
#include "options.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

struct InfoFlags {
  ModelFlags model;
  OutputFlags output;
};

json::Value to_json(const ModelInfo& info, const std::string& weights_sha256) {
  return {{"model", info.name},
          {"source", info.source},
          {"architecture", info.architecture},
          {"layers", info.layers},
          {"hidden_size", info.hidden_size},
          {"heads", info.heads},
          {"intermediate_size", info.intermediate_size},
          {"vocab_size", info.vocab_size},
          {"max_length", info.max_length},
          {"num_labels", info.num_labels},
          {"parameters", info.parameters},
          {"activation", name_of(info.activation)},
          {"calibration", calibration_facts(info.calibration)},
          {"weights_sha256", weights_sha256},
          {"precision", name_of(info.precision)},
          {"isa", info.isa},
          {"available_isas", available_isas()},
          {"threads", info.threads},
          {"version", version()}};
}

std::string as_table(const json::Value& facts) {
  Table table({{"", false}, {"", false}});
  for (const auto& fact : facts.items()) {
    std::string text;
    if (fact.value().is_array()) {
      for (const json::Value& item : fact.value()) {
        text += (text.empty() ? "" : ", ") + item.get<std::string>();
      }
    } else if (fact.value().is_null()) {
      text = "none";
    } else if (fact.value().is_object()) {
      for (const auto& [name, value] : fact.value().items()) {
        text += (text.empty() ? "" : ", ") + name + " " +
                (value.is_string() ? value.get<std::string>() : json::dump(value));
      }
    } else {
      text = fact.value().is_string() ? fact.value().get<std::string>() : json::dump(fact.value());
    }
    table.add_row({fact.key(), text});
  }
  return table.render(200, /*with_titles=*/false);
}

Result<void> info(const InfoFlags& flags) {
  CR_TRY_ASSIGN(const CrossEncoder encoder, open_model(flags.model, flags.output.quiet));
  CR_TRY_ASSIGN(const std::string sha256, encoder.weights_sha256());
  const json::Value facts = to_json(encoder.info(), sha256);
  Output out;
  switch (flags.output.resolved()) {
    case Format::kTable: out.buffer() = as_table(facts); break;
    case Format::kJson: out.buffer() = json::dump_pretty(facts) + "\n"; break;
    default: out.buffer() = json::dump(facts) + "\n"; break;
  }
  return out.flush();
}

}  // namespace

void add_info(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand("info", "Describe a model and what it runs on.");
  auto flags = std::make_shared<InfoFlags>();
  add_model_flags(*app, flags->model);
  add_compute_flags(*app, flags->model);
  add_calibration_flag(*app, flags->model);
  add_output_flags(*app, flags->output, {Format::kTable, Format::kJson, Format::kJsonl});
  run_as(*app, chosen, [flags] { return info(*flags); });
}

}  // namespace crossrank::cli
