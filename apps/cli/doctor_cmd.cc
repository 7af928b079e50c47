// crossrank doctor: proves that this installation computes what it should. Changes nothing.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "commands.h"
#include "console.h"
#include "crossrank/tokenizer.h"
#include "crossrank/version.h"
#include "display.h"
#include "folder_checks.h"
#include "hub/resolve.h"
#include "interrupt.h"
#include "model_loader.h"
#include "options.h"
#include "progress_bar.h"
#include "reference_logits.h"
#include "result_writer.h"

namespace crossrank::cli {
namespace {

struct DoctorFlags {
  ModelFlags model;
  OutputFlags output;
};

enum class Outcome { kOk, kFailed, kSkipped };

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk: return "ok";
    case Outcome::kFailed: return "FAILED";
    case Outcome::kSkipped: return "skipped";
  }
  return "";  // not reached: the switch is exhaustive
}

struct Check {
  std::string name;
  Outcome outcome;
  std::string detail;
};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", value);
  return text;
}

// The value in kB of a line such as "VmHWM:   1234 kB" of a file of /proc, in bytes.
std::optional<double> proc_bytes(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return 1024 * std::strtod(line.c_str() + key.size() + 1, {});
  }
  return std::nullopt;
}

// The memory that this process may use: the machine's, or less if its cgroup says so.
std::optional<double> memory_limit() {
  std::optional<double> limit = proc_bytes("/proc/meminfo", "MemTotal");
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    double bytes = 0;  // version 2 says "max" where there is no limit, which is no number
    if (limit && file >> bytes) limit = std::min(*limit, bytes);
  }
  return limit;
}

// The checks of one model. Each method is one check; a check that cannot be made says why.
class Doctor {
 public:
  explicit Doctor(const DoctorFlags& flags) : flags_(flags) {}

  // Errors: kCancelled, and what is wrong with the command line. What is wrong with the model or
  // the installation is a failed check.
  Result<void> run() {
    CR_TRY(load());
    if (encoder_) {
      check_tokenizer();
      check_segments();
      check_reference();
      check_isas();
      check_invariance();
    }
    check_memory();
    if (interrupted()) return Error{ErrorCode::kCancelled, "interrupted"};
    return {};
  }

  [[nodiscard]] const std::vector<Check>& checks() const { return checks_; }
  [[nodiscard]] bool failed() const {
    return std::any_of(checks_.begin(), checks_.end(),
                       [](const Check& c) { return c.outcome == Outcome::kFailed; });
  }
  // True when the model could not be loaded, which says nothing about the installation.
  [[nodiscard]] bool no_model() const { return !encoder_; }
  [[nodiscard]] std::string model() const { return encoder_ ? encoder_->info().name : ""; }
  [[nodiscard]] const std::string& sha256() const { return sha256_; }
  [[nodiscard]] std::string description() const {
    return encoder_ ? describe(encoder_->info(), sha256_.substr(0, kDigestDigits)) : "no model";
  }

 private:
  void add(const char* name, Outcome outcome, std::string detail) {
    checks_.push_back({name, outcome, std::move(detail)});
  }

  static std::string damage(const std::string& files, const std::string& folder) {
    return files + " in " + folder +
           " is not what the hub announced: fetch it again with crossrank pull";
  }

  Result<void> load() {
    auto encoder = open_model(flags_.model, flags_.output.quiet);
    auto sha256 = encoder.ok() ? encoder->weights_sha256() : Result<std::string>(encoder.error());
    if (!sha256.ok()) {
      const ExitCode code = exit_code(sha256.error().code);
      if (code == kUsage || code == kInterrupted) return std::move(sha256).error();
      std::string detail = sha256.error().message;
      hub::ResolveOptions local;
      local.local_files_only = true;
      const auto resolved = hub::resolve_model(flags_.model.model, local);
      if (resolved.ok()) {
        CR_TRY_ASSIGN(const std::string damaged, damaged_files(resolved->source));
        if (!damaged.empty()) detail += " " + damage(damaged, resolved->source);
      }
      add("model files", Outcome::kFailed, std::move(detail));
      for (const char* name : {"tokenizer", "segment ids", "reference logits", "instruction sets",
                               "batch invariance"}) {
        add(name, Outcome::kSkipped, "the model did not load");
      }
      return {};
    }
    encoder_.emplace(std::move(*encoder));
    sha256_ = std::move(*sha256);
    const ModelInfo& info = encoder_->info();
    reference_ = find_reference(info, sha256_);
    write_pairs();
    CR_TRY_ASSIGN(const std::string damaged, damaged_files(info.source));
    if (!damaged.empty()) {
      add("model files", Outcome::kFailed, damage(damaged, info.source));
      return {};
    }
    add("model files", Outcome::kOk,
        info.architecture + ", " + with_thousands(info.parameters) + " parameters, from " +
            info.source);
    return {};
  }

  // Models without published logits are held against themselves on the built-in model's pairs.
  void write_pairs() {
    for (const ReferenceLogit& pair : (reference_ ? *reference_ : builtin_reference()).pairs) {
      queries_.emplace_back(pair.query);
      documents_.emplace_back();
      for (std::size_t i = 0; i < pair.repeat; ++i) documents_.back() += pair.document;
    }
  }

  [[nodiscard]] std::vector<TextPair> pairs() const {
    std::vector<TextPair> out;
    for (std::size_t i = 0; i < queries_.size(); ++i) out.push_back({queries_[i], documents_[i]});
    return out;
  }

  // All logits, [pairs, labels].
  static Result<std::vector<float>> logits(const CrossEncoder& encoder,
                                           const std::vector<TextPair>& pairs,
                                           ScoreOptions options = {}) {
    options.cancel = &interrupted();
    CR_TRY_ASSIGN(const Predictions predictions, encoder.predict(pairs, options));
    std::vector<float> out;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      const auto row = predictions.logits(i);
      out.insert(out.end(), row.begin(), row.end());
    }
    return out;
  }

  void check_tokenizer() {
    const auto tokenizer = open_tokenizer(flags_.model);
    const auto encoding =
        tokenizer.ok()
            ? tokenizer->encode((reference_ ? *reference_ : builtin_reference()).tokenized)
            : Result<Encoding>(tokenizer.error());
    if (!encoding.ok()) return add("tokenizer", Outcome::kFailed, encoding.error().message);
    const std::string vocabulary = with_thousands(tokenizer->vocab_size()) + " tokens";
    for (const std::int32_t id : encoding->ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= encoder_->info().vocab_size) {
        return add("tokenizer", Outcome::kFailed,
                   "token id " + std::to_string(id) + " is outside of the model's " +
                       with_thousands(encoder_->info().vocab_size) +
                       " embeddings: the tokenizer "
                       "belongs to another model");
      }
    }
    if (const std::string conflict = tokenizer_conflict(encoder_->info().source);
        !conflict.empty()) {
      return add("tokenizer", Outcome::kFailed, conflict);
    }
    if (reference_ == nullptr) {
      return add("tokenizer", Outcome::kOk, vocabulary + ", all ids within the model's embeddings");
    }
    if (!std::equal(encoding->ids.begin(), encoding->ids.end(), reference_->ids.begin(),
                    reference_->ids.end())) {
      return add("tokenizer", Outcome::kFailed,
                 "a known text gives other token ids than it must: tokenizer.json or vocab.txt is "
                 "not this model's");
    }
    add("tokenizer", Outcome::kOk,
        vocabulary + ", the " + std::to_string(encoding->ids.size()) + " ids of a known text");
  }

  // Types are 0 for [CLS] query [SEP] and 1 for document [SEP], and the model tells them apart.
  void check_segments() {
    const auto tokenizer = open_tokenizer(flags_.model);
    const auto pair = tokenizer.ok() ? tokenizer->encode(queries_[0], documents_[0])
                                     : Result<Encoding>(tokenizer.error());
    const auto swapped =
        pair.ok() ? tokenizer->encode(documents_[0], queries_[0]) : Result<Encoding>(pair.error());
    if (!swapped.ok()) return add("segment ids", Outcome::kFailed, swapped.error().message);
    if (swapped->ids == pair->ids) {
      return add("segment ids", Outcome::kSkipped,
                 "a limit of " + std::to_string(encoder_->info().max_length) +
                     " tokens leaves nothing that could change places");
    }
    // Whatever a short limit leaves of both: the query ends at the first [SEP].
    const auto sep = std::find(pair->ids.begin(), pair->ids.end(), pair->ids.back());
    const auto query_tokens = static_cast<std::size_t>(sep - pair->ids.begin()) + 1;
    const auto ones =
        static_cast<std::size_t>(std::count(pair->type_ids.begin(), pair->type_ids.end(), 1));
    if (ones == 0 && reference_ == nullptr) {
      return add("segment ids", Outcome::kSkipped, "this model has one segment");
    }
    for (std::size_t i = 0; i < pair->type_ids.size(); ++i) {
      const std::int32_t wanted = i < query_tokens ? 0 : 1;
      if (pair->type_ids[i] != wanted) {
        return add("segment ids", Outcome::kFailed,
                   "token " + std::to_string(i) + " of a pair has type " +
                       std::to_string(pair->type_ids[i]) + ", not " + std::to_string(wanted));
      }
    }
    const auto there = logits(*encoder_, {{queries_[0], documents_[0]}});
    const auto back = logits(*encoder_, {{documents_[0], queries_[0]}});
    if (!there.ok() || !back.ok()) {
      return add("segment ids", Outcome::kFailed, (there.ok() ? back : there).error().message);
    }
    if (*there == *back) {
      return add("segment ids", Outcome::kFailed,
                 "query and document can change places without changing the logit");
    }
    add("segment ids", Outcome::kOk,
        "0 for " + std::to_string(query_tokens) + " tokens of the query, 1 for " +
            std::to_string(ones) + " of the document; swapped, " + rounded(there->front()) +
            " becomes " + rounded(back->front()));
  }

  void check_reference() {
    const char* name = "reference logits";
    const ModelInfo& info = encoder_->info();
    if (reference_ == nullptr) {
      return add(name, Outcome::kSkipped, "none are known for " + info.name);
    }
    if (info.precision != Precision::kFp32) {
      return add(name, Outcome::kSkipped, "they hold for --precision fp32");
    }
    const auto scored = logits(*encoder_, pairs());
    if (!scored.ok()) return add(name, Outcome::kFailed, scored.error().message);
    const std::vector<bool> comparable = same_cut_as_reference();
    double worst = 0;  // as a share of its tolerance
    std::size_t worst_pair = 0;
    std::size_t outside = 0;
    std::size_t compared = 0;
    for (std::size_t i = 0; i < scored->size(); ++i) {
      if (!comparable[i]) continue;
      ++compared;
      const ReferenceLogit& wanted = reference_->pairs[i];
      const double share = std::fabs((*scored)[i] - wanted.logit) / wanted.tolerance;
      outside += !(share <= 1);
      if (!(share <= worst)) {
        worst = share;
        worst_pair = i;
      }
    }
    const ReferenceLogit& wanted = reference_->pairs[worst_pair];
    if (compared == 0) {
      return add(name, Outcome::kSkipped,
                 "this model cuts all known pairs, to " + std::to_string(info.max_length) +
                     " tokens, otherwise than the one whose logits are known");
    }
    const std::string of = " of " + std::to_string(compared) + " ";
    if (outside > 0) {
      return add(name, Outcome::kFailed,
                 std::to_string(outside) + of + "logits are wrong; \"" + std::string(wanted.query) +
                     "\" with \"" + snippet(wanted.document, 40) + "\" gives " +
                     rounded((*scored)[worst_pair]) + ", not " + rounded(wanted.logit) +
                     ": the weights, the tokenizer or the kernels are not what they should be");
    }
    add(name, Outcome::kOk,
        std::to_string(compared) + " " + std::string(reference_->origin) + " hold, the worst at " +
            number(100 * worst) + " % of its tolerance" +
            (compared < scored->size()
                 ? "; " + std::to_string(scored->size() - compared) + " are cut otherwise here"
                 : ""));
  }

  // For each pair whether what is scored of it is what was scored for the reference, which cuts to
  // 512 tokens from the right. A tokenizer that cuts elsewhere is no defect.
  [[nodiscard]] std::vector<bool> same_cut_as_reference() const {
    constexpr std::size_t kReferenceLength = 512;
    std::vector<bool> same(queries_.size(), true);
    const auto tokenizer = open_tokenizer(flags_.model);
    if (!tokenizer.ok()) return same;  // which check_tokenizer() reports
    ScoreOptions two;
    two.max_length = 3;
    const auto cut = tokenizer->encode("1 2", two);
    const auto first = tokenizer->encode("1");
    const bool from_right = cut.ok() && first.ok() && cut->ids == first->ids;
    if (encoder_->info().max_length == kReferenceLength && from_right) return same;
    for (std::size_t i = 0; i < queries_.size(); ++i) {
      const auto pair = tokenizer->encode(queries_[i], documents_[i]);
      same[i] = pair.ok() && !pair->truncation.truncated() &&
                pair->truncation.tokens_total <= kReferenceLength;
    }
    return same;
  }

  // Every kernel set that this CPU runs gives the same logits within the bound of docs/fidelity.md.
  void check_isas() {
    const char* name = "instruction sets";
    const auto wanted = logits(*encoder_, pairs());
    if (!wanted.ok()) return add(name, Outcome::kFailed, wanted.error().message);
    if (encoder_->info().precision != Precision::kFp32) {
      return add(name, Outcome::kSkipped, "they are compared with --precision fp32");
    }
    std::string ran;
    double worst = 0;
    for (const std::string& isa : available_isas()) {
      LoadOptions options = flags_.model.load;
      options.isa = isa;
      const auto encoder = CrossEncoder::load(flags_.model.model, options);
      const auto scored =
          encoder.ok() ? logits(*encoder, pairs()) : Result<std::vector<float>>(encoder.error());
      if (!scored.ok()) return add(name, Outcome::kFailed, isa + ": " + scored.error().message);
      if (encoder->info().isa != isa) {
        return add(name, Outcome::kFailed, isa + " was asked for, " + encoder->info().isa + " ran");
      }
      for (std::size_t i = 0; i < scored->size(); ++i) {
        const double difference = std::fabs((*scored)[i] - (*wanted)[i]);
        const double bound = 1e-4 * std::max(1.0, std::fabs(static_cast<double>((*wanted)[i])));
        if (!(difference <= bound)) {
          return add(name, Outcome::kFailed,
                     isa + " gives " + shortest((*scored)[i]) + " where " + encoder_->info().isa +
                         " gives " + shortest((*wanted)[i]));
        }
        worst = std::max(worst, difference / bound);
      }
      ran += (ran.empty() ? "" : ", ") + isa;
    }
    add(name, Outcome::kOk,
        ran + "; they differ by " + number(100 * worst) + " % of the tolerance at most");
  }

  // The same bits alone, together, in any order, in any batch, on one thread.
  void check_invariance() {
    const char* name = "batch invariance";
    const std::vector<TextPair> all = pairs();
    const auto wanted = logits(*encoder_, all);
    if (!wanted.ok()) return add(name, Outcome::kFailed, wanted.error().message);
    const std::size_t labels = encoder_->info().num_labels;
    const auto same = [&](const Result<std::vector<float>>& got, std::size_t first,
                          const std::string& what) {
      if (!got.ok()) return add(name, Outcome::kFailed, got.error().message), false;
      for (std::size_t i = 0; i < got->size(); ++i) {
        const float reference = (*wanted)[first * labels + i];
        if (std::bit_cast<std::uint32_t>((*got)[i]) != std::bit_cast<std::uint32_t>(reference)) {
          add(name, Outcome::kFailed,
              what + " changes a logit from " + shortest(reference) + " to " + shortest((*got)[i]));
          return false;
        }
      }
      return true;
    };
    for (const std::size_t batch_tokens : {std::size_t{64}, std::size_t{16384}}) {
      ScoreOptions options;
      options.batch_tokens = batch_tokens;
      if (!same(logits(*encoder_, all, options), 0,
                "a batch of " + std::to_string(batch_tokens) + " tokens")) {
        return;
      }
    }
    for (std::size_t i = all.size(); i-- > 0;) {
      if (!same(logits(*encoder_, {all[i]}), i, "scoring a pair alone")) return;
    }
    LoadOptions options = flags_.model.load;
    options.threads = encoder_->info().threads == 1 ? 2 : 1;
    const auto other = CrossEncoder::load(flags_.model.model, options);
    const auto scored =
        other.ok() ? logits(*other, all) : Result<std::vector<float>>(other.error());
    if (!same(scored, 0,
              std::to_string(options.threads) + " threads instead of " +
                  std::to_string(encoder_->info().threads))) {
      return;
    }
    add(name, Outcome::kOk,
        std::to_string(all.size()) +
            " pairs alone and together, batches of 64 and 16,384 tokens, " + "1 and " +
            std::to_string(std::max<std::size_t>(2, encoder_->info().threads)) +
            " threads: the same bits");
  }

  // Half of what may be used is left for the user's documents.
  void check_memory() {
    const auto peak = proc_bytes("/proc/self/status", "VmHWM");
    const auto limit = memory_limit();
    if (!peak || !limit) return add("memory", Outcome::kSkipped, "/proc does not tell");
    const std::string detail = with_unit(*peak) + " at most so far, of " + with_unit(*limit);
    if (*peak > *limit / 2) {
      return add("memory", Outcome::kFailed,
                 detail +
                     ": too little is left for documents; raise the limit, or take a smaller "
                     "model or fewer --threads");
    }
    add("memory", Outcome::kOk, detail);
  }

  const DoctorFlags& flags_;
  std::optional<CrossEncoder> encoder_;
  std::string sha256_;
  const ReferenceSet* reference_ = nullptr;
  std::vector<std::string> queries_, documents_;
  std::vector<Check> checks_;
};

json::Value to_json(const Check& check) {
  return {{"check", check.name}, {"result", name_of(check.outcome)}, {"detail", check.detail}};
}

void write_table(std::string& out, const Doctor& doctor) {
  // A failure is read to its end: the last column is not cut.
  constexpr std::size_t kWide = 1000;
  Table table({{"check"}, {"result"}, {"detail"}});
  for (const Check& check : doctor.checks()) {
    table.add_row({check.name, name_of(check.outcome), check.detail});
  }
  out += table.render(kWide) + doctor.description() + "\n";
}

int doctor(const DoctorFlags& flags) {
  Doctor doctor(flags);
  if (const auto done = doctor.run(); !done.ok()) return fail(done.error());
  Output out;
  switch (flags.output.resolved()) {
    case Format::kTable: write_table(out.buffer(), doctor); break;
    case Format::kJson: {
      json::Value checks = json::Value::array();
      for (const Check& check : doctor.checks()) checks.push_back(to_json(check));
      out.buffer() = json::dump_pretty({{"model", doctor.model()},
                                        {"weights_sha256", doctor.sha256()},
                                        {"ok", !doctor.failed()},
                                        {"checks", checks}}) +
                     "\n";
      break;
    }
    default:
      for (const Check& check : doctor.checks()) out.buffer() += json::dump(to_json(check)) + "\n";
      if (!flags.output.quiet) say("checked " + doctor.description());
      break;
  }
  if (const auto written = out.flush(); !written.ok()) return fail(written.error());
  if (!doctor.failed()) return kDone;
  if (!flags.output.quiet) {
    say(doctor.no_model() ? "this model cannot be used"
                          : "a check failed: this model or this installation is not to be trusted");
  }
  return kResource;
}

}  // namespace

void add_doctor(CLI::App& program, Command& chosen) {
  CLI::App* app = program.add_subcommand(
      "doctor", "Prove that the installation computes right; exit 3 if a check fails.");
  auto flags = std::make_shared<DoctorFlags>();
  app->footer("A check that cannot be made here is skipped, with the reason; that is no failure.");
  add_model_flags(*app, flags->model);
  add_compute_flags(*app, flags->model);
  add_output_flags(*app, flags->output, {Format::kTable, Format::kJson, Format::kJsonl});
  app->callback([flags, &chosen] { chosen = [flags] { return doctor(*flags); }; });
}

}  // namespace crossrank::cli
