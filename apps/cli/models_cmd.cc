// crossrank models: the built-in model and those in the hub cache.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <variant>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "display.h"
#include "hub/hub_cache.h"
#include "hub/resolve.h"
#include "options.h"
#include "progress_bar.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

json::Value builtin_row() {
  json::Value row = {{"id", "builtin"}, {"revision", nullptr}, {"refs", json::Value::array()},
                     {"path", nullptr}, {"bytes", nullptr},    {"usable", true},
                     {"why_not", ""}};
  const auto resolved = hub::resolve_model("builtin", {});
  if (!resolved.ok()) {
    row["usable"] = false;
    row["why_not"] = resolved.error().message;
    return row;
  }
  row["path"] = resolved->source;
  std::uintmax_t bytes = 0;
  if (const auto* files = std::get_if<std::span<const base::NamedBytes>>(&resolved->files)) {
    for (const base::NamedBytes& file : *files) bytes += file.bytes.size();
  } else {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(
             std::get<std::filesystem::path>(resolved->files), error)) {
      if (entry.is_regular_file(error)) bytes += entry.file_size(error);
    }
  }
  row["bytes"] = bytes;
  return row;
}

json::Value to_json(const hub::CachedModel& model) {
  return {{"id", model.id},          {"revision", model.revision},
          {"refs", model.refs},      {"path", model.snapshot.string()},
          {"bytes", model.bytes},    {"usable", model.usable},
          {"why_not", model.why_not}};
}

std::string as_table(const json::Value& rows) {
  Table table({{"model"}, {"revision"}, {"size", true}, {"usable"}, {"where"}});
  for (const json::Value& row : rows) {
    const bool usable = row["usable"].get<bool>();
    table.add_row(
        {row["id"].get<std::string>(),
         row["revision"].is_null() ? "" : row["revision"].get<std::string>().substr(0, 12),
         row["bytes"].is_null() ? "" : with_unit(row["bytes"].get<double>()), usable ? "yes" : "no",
         usable ? row["path"].get<std::string>() : row["why_not"].get<std::string>()});
  }
  return table.render(terminal_width());
}

Result<void> models(const OutputFlags& flags) {
  json::Value rows = json::Value::array();
  rows.push_back(builtin_row());
  for (const hub::CachedModel& model : hub::list_cached(hub::default_cache_dir())) {
    rows.push_back(to_json(model));
  }
  Output out;
  switch (flags.resolved()) {
    case Format::kTable: out.buffer() = as_table(rows); break;
    case Format::kJson: out.buffer() = json::dump_pretty(rows) + "\n"; break;
    default:
      for (const json::Value& row : rows) out.buffer() += json::dump(row) + "\n";
      break;
  }
  return out.flush();
}

}  // namespace

void add_models(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand("models", "List the built-in and the cached models.");
  auto flags = std::make_shared<OutputFlags>();
  add_output_flags(*app, *flags, {Format::kTable, Format::kJson, Format::kJsonl});
  run_as(*app, chosen, [flags] { return models(*flags); });
}

}  // namespace crossrank::cli
