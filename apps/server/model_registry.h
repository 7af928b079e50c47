// ModelRegistry: the models that a server serves, by the names that clients give them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crossrank/cross_encoder.h"
#include "crossrank/options.h"
#include "crossrank/result.h"
#include "crossrank/tokenizer.h"
#include "micro_batcher.h"

namespace crossrank::server {

// A loaded model. Whoever still needs one that was replaced keeps it alive; the last one to let go
// must not be the batcher's own thread.
struct ServedModel {
  std::string name;       // as answers call it
  std::string digest;     // of the weights, 12 digits
  long long created = 0;  // when it was loaded, seconds since 1970
  std::shared_ptr<const CrossEncoder> encoder;
  std::unique_ptr<MicroBatcher> batcher;

  // For token ids alone; loaded when it is first asked for.
  Result<const Tokenizer*> tokenizer() const;

 private:
  mutable std::mutex mutex_;
  mutable std::optional<Tokenizer> tokenizer_;  // guarded by mutex_ until it is there
};

struct RegistryOptions {
  std::vector<std::string>
      models;  // as CrossEncoder::load knows them; the first one is the default
  std::vector<std::string> aliases;  // NAME (of the first model) or NAME=MODEL
  bool strict = false;               // with one model too, only its names are taken
  LoadOptions load;
  BatcherOptions batcher;
};

// May be used from any thread.
class ModelRegistry {
 public:
  using OnBatch = std::function<void(const std::string& model, const MicroBatchReport&)>;
  using OnFatal = std::function<void(const Error&)>;

  // Loads the first model. Errors: those of CrossEncoder::load; kInvalidArgument for an alias of no
  // model or a name that stands for two.
  static Result<std::unique_ptr<ModelRegistry>> create(RegistryOptions options, OnBatch on_batch,
                                                       OnFatal on_fatal);

  // The model that `name` stands for, loaded if it was not yet, which takes its time; "" is the
  // first one. Errors: kModelNotFound when it stands for none, with the names that there are; those
  // of CrossEncoder::load, which is not tried again for some seconds then.
  Result<std::shared_ptr<const ServedModel>> find(std::string_view name);
  // The same at once; null when it is not loaded.
  Result<std::shared_ptr<const ServedModel>> find_loaded(std::string_view name) const;

  // Loads again what is loaded, and puts it in the old one's place. Requests that have the old one
  // keep it. A model that does not load stays as it was. One call at a time.
  using OnReload =
      std::function<void(const std::string& model, const Result<const ServedModel*>& outcome)>;
  void reload(const OnReload& on_reload);

  // The names that clients are told, each with the one that its model has in answers.
  std::vector<std::pair<std::string, std::string>> names() const;
  std::vector<std::shared_ptr<const ServedModel>> loaded() const;

  // Shuts the batchers down, those of models that were replaced too. None may be being loaded.
  void shut_down();

 private:
  struct Entry {
    std::string model;  // to load
    std::string name;   // in answers
    std::mutex loading;
    std::shared_ptr<const ServedModel> served;  // guarded by mutex_; null = not yet
    Error failure;                              // guarded by loading: the last one
    Clock::time_point failed = Clock::time_point::min();
  };

  ModelRegistry(RegistryOptions options, OnBatch on_batch, OnFatal on_fatal);
  Result<void> add_names();
  Result<std::shared_ptr<const ServedModel>> load(const Entry& entry);
  Result<Entry*> named(std::string_view name) const;
  Entry* entry_of(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> known_names() const;  // mutex_ is held

  const RegistryOptions options_;
  const OnBatch on_batch_;
  const OnFatal on_fatal_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::pair<std::string, Entry*>> aliases_;
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<const ServedModel>> all_;  // guarded by mutex_: whatever was loaded
};

}  // namespace crossrank::server
