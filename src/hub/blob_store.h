// BlobStore: brings one file into the blobs/ folder of a cached model, whole and checked, or not at
// all. Knows nothing of revisions and snapshots.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "crossrank/result.h"
#include "hub/hub_client.h"

namespace crossrank::hub {

// The first byte's position in the Content-Range "bytes 100-199/200"; empty when it is something
// else.
std::optional<std::uint64_t> range_start(std::string_view content_range);

class BlobStore {
 public:
  // `id` in the cache folder `cache`. The client must outlive the store.
  BlobStore(HubClient& client, const std::filesystem::path& cache, std::string id);

  std::filesystem::path path_of(const RemoteFile& file) const;
  // Bytes of `file` that need not be fetched: all, those of an interrupted download, or none.
  std::uint64_t bytes_present(const RemoteFile& file) const;

  // Fetches `file` at `commit` unless it is there; what is there is hashed, and fetched again when
  // it is damaged. blobs/<etag>.incomplete collects the bytes and survives an interruption, a crash
  // and kCancelled; it is removed on kDigestMismatch. A lock file, the one that huggingface_hub
  // takes, keeps a second process waiting; where the file system has no locks, each process
  // collects in a file of its own. `progress` hears how many bytes of the file are there. Errors:
  // kNetwork, kModelNotFound, kDigestMismatch, kIoError, kCancelled.
  Result<void> fetch(const RemoteFile& file, std::string_view commit,
                     const std::function<void(std::uint64_t)>& progress);

 private:
  class Partial;

  // Attempts until `partial` has the size of `file`.
  Result<void> complete(const RemoteFile& file, std::string_view commit, Partial& partial,
                        const std::function<void(std::uint64_t)>& progress);
  base::HttpOutcome attempt(const RemoteFile& file, std::string_view commit, Partial& partial,
                            const std::function<void(std::uint64_t)>& progress);

  HubClient& client_;
  std::string id_;
  std::filesystem::path blobs_;
  std::filesystem::path locks_;
};

// The digest of a file in the form of the blob's name `etag`: SHA-256 for 64 digits, else that of a
// git blob. Errors: kFileNotFound, kIoError, kCancelled.
Result<std::string> blob_digest(const std::filesystem::path& path, std::string_view etag,
                                const std::atomic<bool>* cancel);

}  // namespace crossrank::hub
