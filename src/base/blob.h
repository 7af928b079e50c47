// Blob: named read-only bytes and whatever keeps them alive (a mapping, a string, or nothing).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace crossrank::base {

// A file linked into the executable.
struct NamedBytes {
  std::string_view name;  // "config.json"
  std::string_view bytes;
};

// Copyable; copies share the owner. The bytes live as long as any copy.
class Blob {
 public:
  Blob() = default;
  Blob(std::string name, std::string_view bytes, std::shared_ptr<const void> owner = nullptr)
      : name_(std::move(name)), bytes_(bytes), owner_(std::move(owner)), present_(true) {}

  // False for a default-constructed Blob: the file does not exist.
  explicit operator bool() const { return present_; }
  const std::string& name() const { return name_; }  // for messages: a path, or "builtin/x"
  std::string_view bytes() const { return bytes_; }

 private:
  std::string name_;
  std::string_view bytes_;
  std::shared_ptr<const void> owner_;
  bool present_ = false;
};

}  // namespace crossrank::base
