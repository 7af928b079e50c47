// resolve_model(): from what the user wrote to where the files are.
#include "hub/resolve.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "base/ascii.h"
#include "base/try.h"
#include "hub/builtin.h"
#include "hub/environment.h"
#include "hub/hub_cache.h"
#include "hub/model_files.h"
#include "hub/pull.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBuiltin = "builtin";
constexpr std::string_view kDefaultModel = "cross-encoder/ms-marco-MiniLM-L-6-v2";

ResolvedModel in_folder(std::string_view name, const fs::path& folder) {
  ResolvedModel model;
  model.name = name;
  model.source = folder.string();
  model.files = folder;
  model.weights_sha256 = weights_digest(folder);
  return model;
}

Error not_found(std::string message) { return {ErrorCode::kModelNotFound, std::move(message)}; }

std::string how_to_get(std::string_view id) {
  const std::string offline =
      hub_offline() ? " HF_HUB_OFFLINE is set, so it is not fetched now: unset it, then fetch it"
                    : " Fetch it";
  return offline + " with `crossrank pull " + std::string(id) +
         "`, or use the model that comes with crossrank: `builtin`.";
}

fs::path cache_of(const ResolveOptions& options) {
  return options.cache_dir.empty() ? default_cache_dir() : fs::path(expand_path(options.cache_dir));
}

// A name that can only be meant as a path.
bool looks_like_path(std::string_view name) {
  return name.starts_with('/') || name.starts_with('.') || name.starts_with('~') ||
         name.ends_with('/') || std::count(name.begin(), name.end(), '/') > 1;
}

Result<ResolvedModel> resolve_builtin() {
  if (const std::string folder = environment("CROSSRANK_BUILTIN"); !folder.empty()) {
    if (const std::string problem = missing_from(folder, false); !problem.empty()) {
      return not_found("CROSSRANK_BUILTIN is \"" + folder + "\", which holds no model: " + problem +
                       ". Unset it, or name a folder with one.");
    }
    return in_folder(kBuiltin, folder);
  }
  if (const EmbeddedModel* embedded = find_embedded()) {
    ResolvedModel model;
    model.name = kBuiltin;
    model.source = "embedded";
    model.files = embedded->files;
    model.weights_sha256 = embedded->weights_sha256;
    return model;
  }
  if (const std::optional<fs::path> folder = find_installed_builtin()) {
    return in_folder(kBuiltin, *folder);
  }
  return not_found(
      "The builtin model is neither linked into this program nor installed beside it (in "
      "share/crossrank/models). Set CROSSRANK_BUILTIN to its folder, or name another model.");
}

struct Lookup {
  std::optional<ResolvedModel> model;
  std::string state;  // where it is not: it is not in the cache, or what is there lacks something
};

Lookup look_in_cache(std::string_view id, const ResolveOptions& options) {
  Lookup out;
  const fs::path cache = cache_of(options);
  out.state = "is not in the cache " + cache.string();
  for (const std::string& spelling : spellings(id)) {
    const auto snapshot = find_snapshot(cache, spelling, options.revision);
    if (!snapshot) continue;
    const std::string problem = missing_from(*snapshot, options.tokenizer_only);
    if (problem.empty()) {
      out.model = in_folder(id, *snapshot);
      return out;
    }
    out.state = "is in the cache in part only: in " + snapshot->string() + ", " + problem;
  }
  return out;
}

Result<ResolvedModel> resolve_hub_id(std::string_view id, const ResolveOptions& options,
                                     bool may_download) {
  Lookup cached = look_in_cache(id, options);
  if (cached.model) return *std::move(cached.model);
  const std::string shown =
      std::string(id) + (options.revision.empty() ? "" : "@") + options.revision;
  if (!may_download || options.local_files_only || hub_offline()) {
    return not_found(shown + " " + cached.state + ". There is no folder of that name either." +
                     how_to_get(shown));
  }
  if (options.before_download) options.before_download();
  PullOptions pull_options;
  pull_options.revision = options.revision;
  pull_options.cache_dir = options.cache_dir;
  pull_options.token = options.token;
  pull_options.tokenizer_only = options.tokenizer_only;
  pull_options.cancel = options.cancel;
  pull_options.progress = options.progress;
  auto snapshot = pull(id, pull_options);
  if (snapshot.ok()) return in_folder(id, *snapshot);
  Error error = std::move(snapshot).error();
  if (error.code != ErrorCode::kCancelled) {
    error.message = shown + " could not be fetched, and there is no folder of that name. " +
                    error.message + how_to_get(shown);
  }
  return error;
}

Result<ResolvedModel> resolve_named(std::string_view name, const ResolveOptions& options,
                                    bool may_download) {
  if (name == kBuiltin) {
    if (!options.revision.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   "The builtin model has no revisions. Leave the revision away."};
    }
    return resolve_builtin();
  }
  const std::string shown(name);
  std::error_code error;
  const fs::file_status status = fs::status(shown, error);
  if (fs::is_directory(status)) return in_folder(name, shown);
  if (fs::exists(status)) {
    return not_found(shown + " is a file. Name the folder that holds the model's files.");
  }
  if (base::ascii_lower(name) == kBuiltin) {  // no hub is asked for what one key more would mean
    return not_found("There is no model " + shown +
                     ": write `builtin` for the one that comes with crossrank.");
  }
  if (looks_like_path(name)) {
    return not_found("The folder " + shown + " does not exist. Name a folder with a model, a hub " +
                     "id such as " + std::string(kDefaultModel) + ", or `builtin`.");
  }
  if (const auto split = split_revision(name)) {
    if (split->revision.empty() || !options.revision.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   shown +
                       (split->revision.empty() ? " has no revision behind the @."
                                                : " names a revision, and another option does.") +
                       " Name one: ORG/NAME@REVISION."};
    }
    ResolveOptions with_revision = options;
    with_revision.revision = split->revision;
    return resolve_hub_id(split->id, with_revision, may_download);
  }
  if (!is_hub_id(name)) {
    return not_found("\"" + shown +
                     "\" is neither a folder that exists nor a hub id (which looks " + "like " +
                     std::string(kDefaultModel) + "). For the model that comes with " +
                     "crossrank, say `builtin`.");
  }
  return resolve_hub_id(name, options, may_download);
}

}  // namespace

Result<ResolvedModel> resolve_model(std::string_view name, const ResolveOptions& options) {
  if (!name.empty()) return resolve_named(name, options, true);
  if (const std::string chosen = environment("CROSSRANK_MODEL"); !chosen.empty()) {
    auto model = resolve_named(chosen, options, false);
    if (model.ok()) return model;
    Error error = std::move(model).error();
    error.message = "CROSSRANK_MODEL is " + chosen + ": " + error.message;
    return error;
  }
  if (!options.revision.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "A revision was given without a model. Name the model that it belongs to."};
  }
  Lookup cached = look_in_cache(kDefaultModel, options);
  if (cached.model) return *std::move(cached.model);
  CR_TRY_ASSIGN(ResolvedModel model, resolve_builtin());
  model.note = std::string(kDefaultModel) + " " + cached.state +
               "; using the builtin model. Fetch it with `crossrank pull " +
               std::string(kDefaultModel) + "`.";
  return model;
}

}  // namespace crossrank::hub
