// pull(): ask what there is, fetch what is needed, then make the snapshot appear.
#include "hub/pull.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/try.h"
#include "hub/blob_store.h"
#include "hub/environment.h"
#include "hub/hub_cache.h"
#include "hub/hub_client.h"
#include "hub/io_error.h"
#include "hub/model_files.h"
#include "json/shard_index.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

// One call of pull().
class Download {
 public:
  Download(HubClient& client, const fs::path& cache, std::string_view id, std::string revision,
           const PullOptions& options)
      : client_(client),
        id_(id),
        revision_(std::move(revision)),
        options_(options),
        repo_(repo_folder(cache, id)),
        blobs_(client, cache, id_) {}

  Result<fs::path> run() {
    CR_TRY(ask_for_listing());
    CR_TRY(check_commit());
    CR_TRY(plan());
    CR_TRY(check_space());
    CR_TRY(fetch_all());
    return make_snapshot();
  }

 private:
  // commit_ and, where the server lists files, listed_.
  Result<void> ask_for_listing();
  // A commit that was asked for is the one that is answered with, once that is known.
  Result<void> check_commit() const;
  // files_: everything that is needed, with sizes and digests.
  Result<void> plan();
  Result<void> plan_weights();
  // Adds `name` to files_; false when there is no such file.
  Result<bool> add(std::string_view name);
  Result<std::vector<std::string>> fetch_shard_names();
  Result<void> check_space() const;
  Result<void> fetch_all();
  Result<fs::path> make_snapshot();
  Result<void> link(const fs::path& snapshot, const RemoteFile& file) const;
  Result<void> write_ref() const;

  bool may_exist(std::string_view name) const {
    return !listed_ || std::find(listed_->begin(), listed_->end(), name) != listed_->end();
  }
  bool planned(std::string_view name) const {
    return std::any_of(files_.begin(), files_.end(),
                       [&](const RemoteFile& file) { return file.name == name; });
  }
  // What to ask the hub for: the commit once it is known, so that all files are of one state.
  const std::string& target() const { return commit_.empty() ? revision_ : commit_; }

  HubClient& client_;
  std::string id_;
  std::string revision_;
  const PullOptions& options_;
  fs::path repo_;
  BlobStore blobs_;
  std::string commit_;
  std::optional<std::vector<std::string>> listed_;
  std::vector<RemoteFile> files_;
};

Result<void> Download::ask_for_listing() {
  CR_TRY_ASSIGN(std::optional<Listing> listing, client_.list(id_, revision_));
  if (listing) {
    commit_ = std::move(listing->commit);
    listed_ = std::move(listing->files);
  }
  return {};
}

Result<void> Download::check_commit() const {
  if (commit_.empty() || commit_ == revision_ || !is_whole_commit(revision_)) return {};
  return Error{ErrorCode::kNetwork, id_ + ": commit " + revision_ +
                                        " was asked for and the hub answers with " + commit_ +
                                        ". Nothing is fetched; check HF_ENDPOINT."};
}

Result<bool> Download::add(std::string_view name) {
  if (!may_exist(name)) return false;
  CR_TRY_ASSIGN(std::optional<RemoteFile> file, client_.look_up(id_, target(), name));
  if (!file) return false;
  if (commit_.empty()) commit_ = file->commit;
  CR_TRY(check_commit());
  if (commit_.empty() || (!file->commit.empty() && file->commit != commit_)) {
    return Error{ErrorCode::kNetwork,
                 id_ + ": the hub does not say which commit " + file->name +
                     " belongs to, or names another one than for the rest. Try again, or check "
                     "HF_ENDPOINT."};
  }
  files_.push_back(*std::move(file));
  return true;
}

Result<void> Download::plan() {
  for (const std::string_view name : kSideFiles) CR_TRY(add(name));
  if (files_.empty() && !listed_) {  // a server that lists nothing and has none of them
    base::HttpReply nothing;
    nothing.status = 404;
    return client_.refusal(id_, revision_, nothing);
  }
  const auto lacks = [&](const std::string& what) {
    return Error{ErrorCode::kUnsupportedModel, id_ + " has no " + what +
                                                   " at the hub, so it is not a model that "
                                                   "crossrank can run."};
  };
  if (!planned(kTokenizerFile) && !planned(kVocabFile)) {
    for (const std::string_view name : kSentencePieceFiles) {
      if (!listed_ || !may_exist(name)) continue;
      return lacks("tokenizer.json, which transformers makes of its " + std::string(name) + ",");
    }
    return lacks("tokenizer.json or vocab.txt");
  }
  if (options_.tokenizer_only) return {};
  if (!planned(kConfigFile)) return lacks("config.json");
  return plan_weights();
}

Result<void> Download::plan_weights() {
  CR_TRY_ASSIGN(const bool single, add(kWeightsFile));
  if (single) return {};
  CR_TRY_ASSIGN(const bool sharded, add(kIndexFile));
  if (!sharded) {
    return Error{ErrorCode::kUnsupportedModel,
                 id_ +
                     " has no model.safetensors at the hub. Weights in another format "
                     "(pytorch_model.bin is a pickle) are not read; convert them with "
                     "transformers: AutoModelForSequenceClassification.from_pretrained(\"" +
                     id_ + "\").save_pretrained(\"FOLDER\")."};
  }
  CR_TRY_ASSIGN(const std::vector<std::string> shards, fetch_shard_names());
  for (const std::string& shard : shards) {
    CR_TRY_ASSIGN(const bool found, add(shard));
    if (!found) {
      return Error{ErrorCode::kUnsupportedModel,
                   id_ + ": its index names " + shard + ", which is not at the hub."};
    }
  }
  return {};
}

Result<std::vector<std::string>> Download::fetch_shard_names() {
  const RemoteFile& index = files_.back();
  if (index.size > json::kMaxIndexBytes) {  // not fetched at all
    return Error{ErrorCode::kBadSafetensors, id_ + ": its " + index.name + " exceeds 16 MB."};
  }
  CR_TRY(blobs_.fetch(index, commit_, [](std::uint64_t) {}));
  CR_TRY_ASSIGN(const base::Blob file, base::map_file(blobs_.path_of(index)));
  CR_TRY_ASSIGN(json::ShardIndex parsed,
                json::parse_shard_index(base::Blob(id_ + "/" + index.name, file.bytes())));
  return std::move(parsed.files);
}

Result<void> Download::check_space() const {
  std::uint64_t missing = 0;
  for (const RemoteFile& file : files_) {
    const std::uint64_t more = file.size - blobs_.bytes_present(file);
    missing = missing > UINT64_MAX - more ? UINT64_MAX : missing + more;
  }
  fs::path existing = repo_;
  std::error_code error;
  while (!fs::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  const fs::space_info space = fs::space(existing.empty() ? "." : existing, error);
  if (error || missing <= space.available) return {};  // unknown: writing will tell
  const auto megabytes = [](std::uint64_t bytes) {
    return std::to_string((bytes + 999'999) / 1'000'000) + " MB";
  };
  return Error{ErrorCode::kIoError, id_ + " needs " + megabytes(missing) + " and the disk of " +
                                        repo_.string() + " has " + megabytes(space.available) +
                                        " left. Free some, or set HF_HUB_CACHE to another disk."};
}

Result<void> Download::fetch_all() {
  std::uint64_t total = 0;
  for (const RemoteFile& file : files_) total += file.size;  // fits: check_space() passed
  std::uint64_t before = 0;
  for (const RemoteFile& file : files_) {
    CR_TRY(blobs_.fetch(file, commit_, [&](std::uint64_t done) {
      if (options_.progress) options_.progress(before + done, total);
    }));
    before += file.size;
  }
  return {};
}

Result<fs::path> Download::make_snapshot() {
  fs::path snapshot = repo_ / "snapshots" / commit_;
  std::error_code error;
  fs::create_directories(snapshot, error);
  if (error) return io_error(snapshot, "create this folder", error.value());
  for (const RemoteFile& file : files_) CR_TRY(link(snapshot, file));
  if (revision_ != commit_) CR_TRY(write_ref());
  return snapshot;
}

Result<void> Download::link(const fs::path& snapshot, const RemoteFile& file) const {
  const fs::path target = fs::path("../../blobs") / file.etag;
  const fs::path pointer = snapshot / file.name;
  if (symlink(target.c_str(), pointer.c_str()) == 0) return {};
  if (errno != EEXIST) {
    return io_error(pointer, "make a symbolic link (a file system without them? Set HF_HUB_CACHE)",
                    errno);
  }
  std::error_code error;
  if (fs::read_symlink(pointer, error) == target && !error) return {};
  // An older state of the file, or a copy of it: replaced in one step.
  const fs::path fresh = snapshot / (file.name + "." + std::to_string(getpid()) + ".tmp");
  if (symlink(target.c_str(), fresh.c_str()) != 0 || rename(fresh.c_str(), pointer.c_str()) != 0) {
    Error failed = io_error(pointer, "replace this file", errno);
    fs::remove(fresh, error);
    return failed;
  }
  return {};
}

Result<void> Download::write_ref() const {
  const fs::path ref = repo_ / "refs" / revision_;
  std::error_code error;
  fs::create_directories(ref.parent_path(), error);
  if (error) return io_error(ref.parent_path(), "create this folder", error.value());
  fs::path fresh = ref;
  fresh += "." + std::to_string(getpid()) + ".tmp";
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file << commit_;
  file.close();
  if (!file || rename(fresh.c_str(), ref.c_str()) != 0) {
    Error failed = io_error(ref, "write", errno);
    fs::remove(fresh, error);
    return failed;
  }
  return {};
}

}  // namespace

Result<fs::path> pull(std::string_view id, const PullOptions& options) {
  if (!is_hub_id(id)) {
    return Error{ErrorCode::kInvalidArgument, "\"" + std::string(id) +
                                                  "\" is no hub id. One looks like " +
                                                  "cross-encoder/ms-marco-MiniLM-L-6-v2."};
  }
  std::string revision = options.revision.empty() ? "main" : options.revision;
  if (!is_revision(revision)) {
    return Error{ErrorCode::kInvalidArgument,
                 "\"" + revision + "\" is no revision. Name a branch, a tag or a commit."};
  }
  const fs::path cache =
      options.cache_dir.empty() ? default_cache_dir() : fs::path(expand_path(options.cache_dir));
  const std::optional<fs::path> cached = find_snapshot(cache, id, revision);
  const bool whole = cached && missing_from(*cached, options.tokenizer_only).empty();
  if (hub_offline()) {
    if (whole) return *cached;
    return Error{ErrorCode::kNetwork,
                 "HF_HUB_OFFLINE is set, so nothing is downloaded. Unset it "
                 "to fetch " +
                     std::string(id) + "."};
  }
  HubOptions hub;
  hub.endpoint = hub_endpoint();
  hub.token = options.token.empty() ? hub_token() : clean_token(options.token);
  hub.timeouts.stall = options.stall;
  hub.retry_delay = options.retry_delay;
  hub.cancel = options.cancel;
  CR_TRY_ASSIGN(HubClient client, HubClient::create(std::move(hub)));
  auto snapshot = Download(client, cache, id, std::move(revision), options).run();
  if (!snapshot.ok() && snapshot.error().code == ErrorCode::kNetwork && whole) {
    Error error = std::move(snapshot).error();
    error.message += " The cache has it in " + cached->string() +
                     "; with HF_HUB_OFFLINE=1 that is taken without asking.";
    return error;
  }
  return snapshot;
}

}  // namespace crossrank::hub
