// Blob: named read-only bytes and whatever keeps them alive (a mapping, a string, or nothing).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace crossrank::base {

// A file linked into the executable.
struct NamedBytes {
  std::string_view name;  // "config.json"
  std::string_view bytes;
};

// What tells a file from another one, and from what it was before it was written to.
struct FileStamp {
  std::uint64_t device = 0, inode = 0;
  std::uint64_t size = 0;
  std::int64_t seconds = 0, nanoseconds = 0;  // of the last write
};

// Copyable; copies share the owner. The bytes live as long as any copy.
class Blob {
 public:
  Blob() = default;
  Blob(std::string name, std::string_view bytes, std::shared_ptr<const void> owner = nullptr,
       std::optional<FileStamp> stamp = std::nullopt)
      : name_(std::move(name)),
        bytes_(bytes),
        owner_(std::move(owner)),
        stamp_(stamp),
        present_(true) {}

  // False for a default-constructed Blob: the file does not exist.
  explicit operator bool() const { return present_; }
  const std::string& name() const { return name_; }  // for messages: a path, or "builtin/x"
  std::string_view bytes() const { return bytes_; }
  // Of the mapped file when it was mapped; nothing for other bytes.
  const std::optional<FileStamp>& stamp() const { return stamp_; }

 private:
  std::string name_;
  std::string_view bytes_;
  std::shared_ptr<const void> owner_;
  std::optional<FileStamp> stamp_;
  bool present_ = false;
};

}  // namespace crossrank::base
