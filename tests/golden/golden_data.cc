// Reading the golden files.
#include "golden_data.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "engine/compute.h"
#include "kernels/dispatch.h"

namespace crossrank::golden {
namespace {

std::string excerpt(const std::string& text) {
  std::string out = text.substr(0, 24);
  while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0x80) != 0) out.pop_back();
  return '"' + out + (out.size() < text.size() ? "...\"" : "\"");
}

}  // namespace

std::filesystem::path source_dir() { return CROSSRANK_SOURCE_DIR; }
std::filesystem::path golden_dir() { return source_dir() / "tests" / "golden"; }

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<json::Value> read_lines(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  std::vector<json::Value> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line).value());
  if (lines.empty()) throw std::runtime_error(file.string() + " is empty");
  return lines;
}

std::vector<ModelCase> read_models() try {
  std::vector<ModelCase> models;
  for (const json::Value& row : read_lines(golden_dir() / "cases" / "models.jsonl")) {
    ModelCase model;
    model.name = row.at("name").get<std::string>();
    model.folder = (golden_dir() / row.at("folder").get<std::string>()).lexically_normal().string();
    model.architecture = row.at("architecture").get<std::string>();
    model.activation = row.at("activation").get<std::string>();
    model.max_length = row.at("max_length").get<std::size_t>();
    model.num_labels = row.at("num_labels").get<std::size_t>();
    model.hidden_size = row.at("hidden_size").get<std::size_t>();
    model.layers = row.at("layers").get<std::size_t>();
    model.vocab_size = row.at("vocab_size").get<std::size_t>();
    models.push_back(std::move(model));
  }
  return models;
} catch (const std::exception&) {
  return {};
}

ModelCase read_model(std::string_view name) {
  for (ModelCase& model : read_models()) {
    if (model.name == name) return std::move(model);
  }
  throw std::runtime_error("cases/models.jsonl has no model " + std::string(name));
}

std::vector<PairCase> read_pairs(const std::string& model) {
  std::vector<PairCase> pairs;
  for (const json::Value& row : read_lines(golden_dir() / "cases" / "pairs" / (model + ".jsonl"))) {
    PairCase pair;
    pair.query = row.at("query").get<std::string>();
    pair.document = row.at("document").get<std::string>();
    pair.ids = row.at("ids").get<std::vector<std::int32_t>>();
    pair.type_ids = row.at("type_ids").get<std::vector<std::int32_t>>();
    pair.logits = row.at("logits").get<std::vector<float>>();
    pair.logits64 = row.at("logits64").get<std::vector<double>>();
    pair.scores = row.at("scores").get<std::vector<float>>();
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::vector<TextPair> views(const std::vector<PairCase>& pairs) {
  std::vector<TextPair> out;
  out.reserve(pairs.size());
  for (const PairCase& pair : pairs) out.push_back({pair.query, pair.document});
  return out;
}

std::string describe(const std::string& model, std::size_t index, const PairCase& pair) {
  return "model " + model + ", pair " + std::to_string(index) + " (" + excerpt(pair.query) + " / " +
         excerpt(pair.document) + ")";
}

CrossEncoder load(const std::string& folder, const std::string& isa, std::size_t threads,
                  Precision precision) {
  LoadOptions options;
  options.precision = precision;
  options.isa = isa;
  options.threads = threads;
  Result<CrossEncoder> encoder = CrossEncoder::load(folder, options);
  // A kernel that was asked for and not taken would make every test of it say nothing.
  if (encoder.ok() && encoder->info().isa != isa) {
    throw std::runtime_error("asked for " + isa + ", got " + encoder->info().isa);
  }
  return std::move(encoder).value();
}

std::vector<std::string> isas() {
  std::vector<std::string> names;
  for (const kernels::KernelTable* table : kernels::available_kernels(kernels::Arithmetic::kFp32)) {
    names.emplace_back(table->name);
  }
  return names;
}

std::string IsaModel::name() const {
  const std::string arithmetic = name_of(engine::arithmetic_of(precision).value());
  return isa + (precision == Precision::kFp32 ? "_" : "_" + arithmetic + "_") + model.name;
}

std::vector<IsaModel> isa_models(Precision precision) {
  std::vector<IsaModel> out;
  const kernels::Arithmetic arithmetic = engine::arithmetic_of(precision).value();
  for (const kernels::KernelTable* table : kernels::available_kernels(arithmetic)) {
    for (const ModelCase& model : read_models()) out.push_back({table->name, model, precision});
  }
  return out;
}

}  // namespace crossrank::golden
