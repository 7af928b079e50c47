// Downloading a blob: resume, bounded attempts, digest, atomic rename.
#include "hub/blob_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "hub/hub_cache.h"
#include "hub/io_error.h"
#include "hub/sha1.h"

namespace crossrank::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kLockPoll{100};  // cancel is seen within this
constexpr long kPartialContent = 206;
constexpr long kRangeNotSatisfiable = 416;
constexpr std::size_t kHashSlice = 4u << 20;       // likewise: 4 MB are hashed in 20 ms
constexpr std::uint64_t kRealProgress = 1u << 20;  // an attempt that brought this is no failure

// An open file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

Result<Fd> open_file(const fs::path& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return io_error(path, "write", errno);
  return Fd(fd);
}

struct Lock {
  Fd fd;
  bool held = true;
};

// Waits for the lock file and holds it. Not held where the file system has no locks: then two
// processes may fetch the same file, which wastes a download.
Result<Lock> lock(const HubClient& client, const fs::path& path) {
  Lock out;
  CR_TRY_ASSIGN(out.fd, open_file(path, O_RDWR));
  while (flock(out.fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) {
      out.held = false;
      break;
    }
    if (client.cancelled()) return download_cancelled();
    std::this_thread::sleep_for(kLockPoll);
  }
  return out;
}

// A name that no other process has, in this machine or another one that shares the disk.
std::string unique_suffix() {
  std::random_device random;
  char text[32];
  std::snprintf(text, sizeof(text), ".%08x%08x", random(), random());
  return text;
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return io_error(folder, "create this folder", error.value());
  return {};
}

}  // namespace

std::optional<std::uint64_t> range_start(std::string_view content_range) {
  constexpr std::string_view kUnit = "bytes ";
  if (!content_range.starts_with(kUnit)) return {};
  content_range.remove_prefix(kUnit.size());
  std::uint64_t start = 0;
  const auto [end, error] =
      std::from_chars(content_range.data(), content_range.data() + content_range.size(), start);
  if (error != std::errc() || end == content_range.data() + content_range.size() || *end != '-') {
    return {};
  }
  return start;
}

// The growing file blobs/<etag>.incomplete, or one of a name that is ours alone.
class BlobStore::Partial {
 public:
  // Goes on with what an earlier process left; for the holder of the lock.
  static Result<Partial> open(fs::path path, std::uint64_t expected) {
    CR_TRY_ASSIGN(Fd fd, open_file(path, O_RDWR));
    struct stat info {};
    if (fstat(fd.get(), &info) != 0) return io_error(path, "read", errno);
    Partial partial(std::move(path), std::move(fd), static_cast<std::uint64_t>(info.st_size));
    if (partial.size_ > expected) CR_TRY(partial.restart());
    return partial;
  }

  // Without a lock: nobody else writes to it, nobody goes on with it, so it goes unless published.
  static Result<Partial> open_own(fs::path path) {
    CR_TRY_ASSIGN(Fd fd, open_file(path, O_RDWR | O_EXCL));
    Partial partial(std::move(path), std::move(fd), 0);
    partial.temporary_ = true;
    return partial;
  }

  Partial(Partial&& other) noexcept
      : path_(std::move(other.path_)),
        fd_(std::move(other.fd_)),
        size_(other.size_),
        temporary_(std::exchange(other.temporary_, false)) {}
  Partial& operator=(Partial&&) = delete;
  ~Partial() {
    std::error_code ignored;
    if (temporary_) fs::remove(path_, ignored);
  }

  std::uint64_t size() const { return size_; }
  const fs::path& path() const { return path_; }

  Result<void> restart() {
    if (ftruncate(fd_.get(), 0) != 0) return io_error(path_, "write", errno);
    size_ = 0;
    return {};
  }

  Result<void> append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return io_error(path_, "write", errno);
      bytes.remove_prefix(static_cast<std::size_t>(n));
      size_ += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  Result<void> publish(const fs::path& target) {
    if (fsync(fd_.get()) != 0) return io_error(path_, "write", errno);
    if (rename(path_.c_str(), target.c_str()) != 0) return io_error(target, "write", errno);
    temporary_ = false;
    return {};
  }

 private:
  Partial(fs::path path, Fd fd, std::uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  fs::path path_;
  Fd fd_;
  std::uint64_t size_;
  bool temporary_ = false;  // removed with this object
};

Result<std::string> blob_digest(const fs::path& path, std::string_view etag,
                                const std::atomic<bool>* cancel) {
  CR_TRY_ASSIGN(const base::Blob blob, base::map_file(path));
  std::string_view bytes = blob.bytes();
  base::Sha256 sha256;
  Sha1 sha1;
  const bool is_git = etag.size() == 40;
  if (is_git) {
    std::string header = "blob " + std::to_string(bytes.size());
    header += '\0';
    sha1.update(header);
  }
  while (!bytes.empty()) {
    if (base::is_cancelled(cancel)) return download_cancelled();
    const std::string_view slice = bytes.substr(0, kHashSlice);
    is_git ? sha1.update(slice) : sha256.update(slice);
    bytes.remove_prefix(slice.size());
  }
  return is_git ? sha1.hex_digest() : sha256.hex_digest();
}

namespace {

Error mismatch(const RemoteFile& file, const fs::path& partial, const std::string& what) {
  std::error_code ignored;  // a file that is gone already is as good
  fs::remove(partial, ignored);
  return {ErrorCode::kDigestMismatch,
          file.name + " arrived damaged: " + what + " It was discarded; run the command again."};
}

}  // namespace

BlobStore::BlobStore(HubClient& client, const fs::path& cache, std::string id)
    : client_(client), id_(std::move(id)) {
  const fs::path repo = repo_folder(cache, id_);
  blobs_ = repo / "blobs";
  locks_ = cache / ".locks" / repo.filename();
}

fs::path BlobStore::path_of(const RemoteFile& file) const { return blobs_ / file.etag; }

std::uint64_t BlobStore::bytes_present(const RemoteFile& file) const {
  std::error_code error;
  if (fs::file_size(path_of(file), error) == file.size && !error) return file.size;
  const std::uintmax_t partial = fs::file_size(blobs_ / (file.etag + ".incomplete"), error);
  return error || partial > file.size ? 0 : partial;
}

Result<void> BlobStore::fetch(const RemoteFile& file, std::string_view commit,
                              const std::function<void(std::uint64_t)>& progress) {
  const auto digest = [&](const fs::path& path) {
    return blob_digest(path, file.etag, client_.cancel());
  };
  CR_TRY(make_folder(blobs_));
  CR_TRY(make_folder(locks_));
  CR_TRY_ASSIGN(const Lock lock_file, lock(client_, locks_ / (file.etag + ".lock")));
  std::error_code error;
  if (fs::file_size(path_of(file), error) == file.size && !error) {
    CR_TRY_ASSIGN(const std::string there, digest(path_of(file)));
    if (there == file.etag) {
      progress(file.size);
      return {};
    }
  }
  CR_TRY_ASSIGN(Partial partial,
                lock_file.held
                    ? Partial::open(blobs_ / (file.etag + ".incomplete"), file.size)
                    : Partial::open_own(blobs_ / (file.etag + unique_suffix() + ".incomplete")));
  progress(partial.size());
  const bool leftover = partial.size() > 0;
  CR_TRY(complete(file, commit, partial, progress));
  CR_TRY_ASSIGN(std::string found, digest(partial.path()));
  if (found != file.etag && leftover) {
    // An earlier download left something else than the beginning of this file: once more.
    CR_TRY(partial.restart());
    CR_TRY(complete(file, commit, partial, progress));
    CR_TRY_ASSIGN(found, digest(partial.path()));
  }
  if (found != file.etag) {
    return mismatch(file, partial.path(),
                    "its digest is " + found + " and the hub announced " + file.etag + ".");
  }
  return partial.publish(path_of(file));
}

Result<void> BlobStore::complete(const RemoteFile& file, std::string_view commit, Partial& partial,
                                 const std::function<void(std::uint64_t)>& progress) {
  std::uint64_t best = partial.size();
  for (unsigned failures = 0; partial.size() < file.size;) {
    const base::HttpOutcome outcome = attempt(file, commit, partial, progress);
    if (outcome.error && outcome.retry == base::Retry::kNever) return *outcome.error;
    if (partial.size() == file.size) break;
    const base::HttpReply& reply = outcome.reply;
    if (reply.status == kRangeNotSatisfiable) {
      CR_TRY(partial.restart());
    } else if (!outcome.error && reply.status / 100 == 2 &&
               !reply.header("content-length").empty()) {
      return mismatch(file, partial.path(),
                      "it ends after " + std::to_string(partial.size()) + " of " +
                          std::to_string(file.size) + " bytes.");
    } else if (!outcome.error && reply.status / 100 != 2 && !is_passing(reply)) {
      return client_.refusal(id_, commit, reply);
    }
    // Counted from the most that ever arrived: a server that starts over each time ends this too.
    failures = partial.size() >= best + kRealProgress ? 1 : failures + 1;
    best = std::max(best, partial.size());
    if (failures == kMaxAttempts) {
      Error last{ErrorCode::kNetwork, file.name + ": the connection keeps breaking."};
      if (outcome.error) {
        last = *outcome.error;
      } else if (is_passing(reply)) {
        last = client_.refusal(id_, commit, reply);
      }
      last.message += " What has arrived is kept: run the command again to go on from there.";
      return last;
    }
    CR_TRY(client_.wait(failures, reply));
  }
  return {};
}

// One request for the bytes that `partial` lacks.
base::HttpOutcome BlobStore::attempt(const RemoteFile& file, std::string_view commit,
                                     Partial& partial,
                                     const std::function<void(std::uint64_t)>& progress) {
  const std::uint64_t start = partial.size();
  bool first = true;
  const base::BodySink sink = [&](const base::HttpReply& reply,
                                  std::string_view bytes) -> Result<void> {
    if (std::exchange(first, false)) {
      if (reply.status != kPartialContent) {
        CR_TRY(partial.restart());  // the whole file, whatever we asked for
      } else if (range_start(reply.header("content-range")) != start) {
        return Error{ErrorCode::kNetwork, file.name + ": the server sends another part of it (\"" +
                                              reply.header("content-range") +
                                              "\") than was asked for."};
      }
    }
    if (bytes.size() > file.size - partial.size()) {
      return mismatch(
          file, partial.path(),
          "it is larger than the " + std::to_string(file.size) + " bytes that the hub announced.");
    }
    CR_TRY(partial.append(bytes));
    progress(partial.size());
    return {};
  };
  return client_.read(id_, commit, file.name, start, sink);
}

}  // namespace crossrank::hub
