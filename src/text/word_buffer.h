// WordBuffer: the UTF-8 bytes of the word being read. Allocates for long words alone.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/utf8.h"

namespace crossrank::text {

class WordBuffer {
 public:
  WordBuffer() = default;
  WordBuffer(const WordBuffer&) = delete;
  WordBuffer& operator=(const WordBuffer&) = delete;

  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }
  void clear() { size_ = 0; }

  // Appends map[byte] for each byte.
  void push_mapped(std::string_view bytes, const std::array<char, 256>& map) {
    reserve(bytes.size());
    char* out = data_ + size_;
    for (const char byte : bytes) *out++ = map[static_cast<unsigned char>(byte)];
    size_ += bytes.size();
  }

  // Appends a scalar value.
  void push(char32_t c) {
    reserve(4);
    size_ = static_cast<std::size_t>(base::encode_utf8(c, data_ + size_) - data_);
  }

 private:
  void reserve(std::size_t more) {
    if (capacity_ - size_ < more) grow(more);
  }
  void grow(std::size_t more) {
    const std::size_t capacity = std::max(2 * capacity_, size_ + more);
    auto larger = std::make_unique<char[]>(capacity);
    std::copy_n(data_, size_, larger.get());
    heap_ = std::move(larger);
    data_ = heap_.get();
    capacity_ = capacity;
  }

  char inline_[256];
  std::unique_ptr<char[]> heap_;
  char* data_ = inline_;
  std::size_t size_ = 0;
  std::size_t capacity_ = sizeof(inline_);
};

}  // namespace crossrank::text
