// ModelRegistry: names to entries, entries to loaded models.
#include "model_registry.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/try.h"
#include "json/json.h"

namespace crossrank::server {
namespace {

constexpr std::size_t kDigestDigits = 12;
constexpr std::chrono::seconds kFailurePause{5};

// Of freed memory to the system, where malloc can be told to.
void give_back_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

Error bad_alias(const std::string& alias, const std::string& why) {
  return {ErrorCode::kInvalidArgument, "--served-model-name " + alias + ": " + why};
}

}  // namespace

Result<const Tokenizer*> ServedModel::tokenizer() const {
  const std::scoped_lock lock(mutex_);
  if (!tokenizer_) {
    LoadOptions options;
    options.local_files_only = true;  // the weights are here, so it is too
    CR_TRY_ASSIGN(tokenizer_, Tokenizer::load(encoder->info().name, options));
  }
  return &*tokenizer_;
}

ModelRegistry::ModelRegistry(RegistryOptions options, OnBatch on_batch, OnFatal on_fatal)
    : options_(std::move(options)),
      on_batch_(std::move(on_batch)),
      on_fatal_(std::move(on_fatal)) {}

Result<std::unique_ptr<ModelRegistry>> ModelRegistry::create(RegistryOptions options,
                                                             OnBatch on_batch, OnFatal on_fatal) {
  if (options.models.empty()) options.models.emplace_back();  // the default chain
  std::unique_ptr<ModelRegistry> registry(
      new ModelRegistry(std::move(options), std::move(on_batch), std::move(on_fatal)));
  CR_TRY(registry->add_names());
  CR_TRY(registry->find(""));
  return registry;
}

Result<void> ModelRegistry::add_names() {
  for (const std::string& model : options_.models) {
    auto entry = std::make_unique<Entry>();
    entry->model = model;
    entry->name = model;
    if (std::any_of(entries_.begin(), entries_.end(),
                    [&](const auto& other) { return other->model == model; })) {
      return Error{ErrorCode::kInvalidArgument, "--model " + model + " was given twice"};
    }
    entries_.push_back(std::move(entry));
  }
  for (const std::string& alias : options_.aliases) {
    const std::size_t equals = alias.find('=');
    const std::string name = alias.substr(0, equals);
    Entry* target = entries_.front().get();
    if (equals != alias.npos) {
      const std::string model = alias.substr(equals + 1);
      const auto found = std::find_if(entries_.begin(), entries_.end(),
                                      [&](const auto& entry) { return entry->model == model; });
      if (found == entries_.end()) {
        return bad_alias(alias, "no --model " + model + " was given");
      }
      target = found->get();
    }
    if (name.empty() || entry_of(name) != nullptr) {
      return bad_alias(alias, name.empty() ? "the name is empty" : "it is a model's name already");
    }
    if (target->name == target->model) target->name = name;
    aliases_.emplace_back(name, target);
  }
  return {};
}

ModelRegistry::Entry* ModelRegistry::entry_of(std::string_view name) const {
  for (const auto& [alias, entry] : aliases_) {
    if (alias == name) return entry;
  }
  for (const auto& entry : entries_) {
    if (entry->model == name || entry->name == name) return entry.get();
  }
  return nullptr;
}

Result<ModelRegistry::Entry*> ModelRegistry::named(std::string_view name) const {
  if (name.empty()) return entries_.front().get();
  const std::scoped_lock lock(mutex_);
  if (Entry* entry = entry_of(name)) return entry;
  if (entries_.size() == 1 && !options_.strict) return entries_.front().get();
  std::string all;
  for (const auto& [known, in_answers] : known_names()) all += (all.empty() ? "" : ", ") + known;
  return Error{ErrorCode::kModelNotFound,
               "no model is called " + json::quote(name) + " here; there is " + all};
}

Result<std::shared_ptr<const ServedModel>> ModelRegistry::find_loaded(std::string_view name) const {
  CR_TRY_ASSIGN(const Entry* entry, named(name));
  const std::scoped_lock lock(mutex_);
  return entry->served;
}

Result<std::shared_ptr<const ServedModel>> ModelRegistry::find(std::string_view name) {
  CR_TRY_ASSIGN(Entry * entry, named(name));
  // Whoever comes meanwhile waits here, and finds it loaded.
  const std::scoped_lock loading(entry->loading);
  {
    const std::scoped_lock lock(mutex_);
    if (entry->served) return entry->served;
  }
  if (Clock::now() < entry->failed + kFailurePause) return entry->failure;
  auto served = load(*entry);
  if (!served.ok()) {
    entry->failed = Clock::now();
    entry->failure = served.error();
    return entry->failure;
  }
  const std::scoped_lock lock(mutex_);
  if (entry->name.empty()) entry->name = (*served)->name;
  entry->served = *served;
  return served;
}

Result<std::shared_ptr<const ServedModel>> ModelRegistry::load(const Entry& entry) {
  CR_TRY_ASSIGN(CrossEncoder encoder, CrossEncoder::load(entry.model, options_.load));
  const std::shared_ptr<ServedModel> served(new ServedModel, [](const ServedModel* model) {
    delete model;
    give_back_memory();  // wherever the last one was who had it
  });
  CR_TRY_ASSIGN(const std::string digest, encoder.weights_sha256());
  served->digest = digest.substr(0, kDigestDigits);
  served->encoder = std::make_shared<const CrossEncoder>(std::move(encoder));
  served->name = entry.name.empty() ? served->encoder->info().name : entry.name;
  served->created = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  CR_TRY_ASSIGN(served->batcher,
                MicroBatcher::start(
                    served->encoder, options_.batcher,
                    [on_batch = on_batch_, name = served->name](const MicroBatchReport& report) {
                      on_batch(name, report);
                    },
                    on_fatal_));
  const std::scoped_lock lock(mutex_);
  std::erase_if(all_, [](const auto& weak) { return weak.expired(); });
  all_.push_back(served);
  return std::shared_ptr<const ServedModel>(served);
}

void ModelRegistry::shut_down() {
  std::vector<std::shared_ptr<const ServedModel>> alive;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& weak : all_) {
      if (auto model = weak.lock()) alive.push_back(std::move(model));
    }
  }
  for (const auto& model : alive) model->batcher->shut_down();
}

void ModelRegistry::reload(const OnReload& on_reload) {
  for (const auto& entry : entries_) {
    const std::scoped_lock loading(entry->loading);
    {
      const std::scoped_lock lock(mutex_);
      if (!entry->served) continue;
    }
    const auto fresh = load(*entry);
    if (!fresh.ok()) {
      on_reload(entry->name, fresh.error());
      continue;
    }
    std::shared_ptr<const ServedModel> old = *fresh;
    {
      const std::scoped_lock lock(mutex_);
      std::swap(entry->served, old);
    }
    on_reload(entry->name, fresh->get());
    // `old` goes here, outside of the lock, unless a request has it still.
  }
}

std::vector<std::pair<std::string, std::string>> ModelRegistry::names() const {
  const std::scoped_lock lock(mutex_);
  return known_names();
}

std::vector<std::pair<std::string, std::string>> ModelRegistry::known_names() const {
  std::vector<std::pair<std::string, std::string>> names;
  for (const auto& entry : entries_) names.emplace_back(entry->name, entry->name);
  for (const auto& [alias, entry] : aliases_) {
    if (alias != entry->name) names.emplace_back(alias, entry->name);
  }
  return names;
}

std::vector<std::shared_ptr<const ServedModel>> ModelRegistry::loaded() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<const ServedModel>> models;
  for (const auto& entry : entries_) {
    if (entry->served) models.push_back(entry->served);
  }
  return models;
}

}  // namespace crossrank::server
