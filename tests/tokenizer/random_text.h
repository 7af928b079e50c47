// The random texts of tests/tokenizer/compare.py, byte for byte: its random_text() describes
// them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace crossrank::text {

class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint32_t below(std::uint32_t n) {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return static_cast<std::uint32_t>((z ^ z >> 31) % n);
  }

 private:
  std::uint64_t state_;
};

inline constexpr std::pair<char32_t, char32_t> kRanges[] = {
    {0x0000, 0x007F},   {0x0080, 0x00FF},    {0x0100, 0x024F},   {0x0250, 0x02FF},
    {0x0300, 0x036F},   {0x0370, 0x03FF},    {0x0400, 0x052F},   {0x0530, 0x05FF},
    {0x0600, 0x077F},   {0x0900, 0x0DFF},    {0x0E00, 0x0FFF},   {0x1000, 0x11FF},
    {0x1680, 0x18AF},   {0x1AB0, 0x1AFF},    {0x1D00, 0x1DFF},   {0x1E00, 0x1EFF},
    {0x1F00, 0x1FFF},   {0x2000, 0x206F},    {0x20A0, 0x214F},   {0x2150, 0x2BFF},
    {0x2C00, 0x2E7F},   {0x3000, 0x30FF},    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA640, 0xABFF},   {0xAC00, 0xD7A3},    {0xD7B0, 0xD7FF},   {0xE000, 0xF8FF},
    {0xF900, 0xFAFF},   {0xFB00, 0xFDFF},    {0xFE00, 0xFFFF},   {0x10000, 0x107FF},
    {0x10800, 0x11FFF}, {0x16A00, 0x16FFF},  {0x1D100, 0x1D1FF}, {0x1D400, 0x1D7FF},
    {0x1E900, 0x1E95F}, {0x1F000, 0x1FAFF},  {0x20000, 0x2A6DF}, {0x2F800, 0x2FA1F},
    {0xE0000, 0xE01EF}, {0x10FFF0, 0x10FFFF}};

inline constexpr std::string_view kLiterals[] = {"[CLS]",
                                                 "[SEP]",
                                                 "[MASK]",
                                                 "[PAD]",
                                                 "[UNK]",
                                                 "[sep]",
                                                 "[SEP",
                                                 " [SEP] ",
                                                 "##ing",
                                                 "e\u0301",
                                                 "\u0130",
                                                 "\u03a3\u03a3",
                                                 "\ufb01",
                                                 "\u1e9e",
                                                 "\u00a0",
                                                 "\u200d",
                                                 "\u3000",
                                                 "\r\n",
                                                 "U.S.A.",
                                                 "don't",
                                                 "\u4f60\u597d",
                                                 "\uac00\u11a8",
                                                 "\u1112\u1161\u11ab",
                                                 "\U0001d15f",
                                                 "\u0344",
                                                 "\u0f73",
                                                 "\U0001f468\u200d\U0001f469\u200d\U0001f467",
                                                 "unaffable",
                                                 "Embeddings",
                                                 "3,141.59",
                                                 "\t"};

class RandomTexts {
 public:
  RandomTexts(std::uint64_t seed, std::u32string marks) : rng_(seed), marks_(std::move(marks)) {}

  // The next text: valid UTF-8.
  std::string next() {
    std::string out;
    for (std::uint32_t pieces = 1 + rng_.below(24); pieces > 0; --pieces) add_piece(out);
    return base::repair_utf8(out).value_or(out);
  }

 private:
  void add_piece(std::string& out) {
    const std::uint32_t kind = rng_.below(16);
    if (kind <= 6) {
      add_word(out);
    } else if (kind <= 9 || kind == 15) {
      add_from_range(out, kind == 15);
    } else if (kind == 10) {
      for (std::uint32_t n = 1 + rng_.below(3); n > 0; --n) {
        base::append_utf8(out, marks_[rng_.below(static_cast<std::uint32_t>(marks_.size()))]);
      }
    } else if (kind <= 12) {
      out += kLiterals[rng_.below(std::size(kLiterals))];
    } else if (kind == 13) {
      for (std::uint32_t n = 1 + rng_.below(6); n > 0; --n) {
        out += static_cast<char>(rng_.below(256));
      }
    } else {
      out += static_cast<char>(0x20 + rng_.below(0x21));
    }
  }

  void add_word(std::string& out) {
    const std::uint32_t length = 1 + rng_.below(10);
    const bool capital = rng_.below(8) == 0;
    for (std::uint32_t i = 0; i < length; ++i) {
      out += static_cast<char>((capital && i == 0 ? 'A' : 'a') + rng_.below(26));
    }
    out += ' ';
  }

  void add_from_range(std::string& out, bool repeat_one) {
    const auto [low, high] = kRanges[rng_.below(std::size(kRanges))];
    const auto draw = [&, first = low, count = high - low + 1] {
      return first + rng_.below(static_cast<std::uint32_t>(count));
    };
    if (repeat_one) {
      const char32_t c = draw();
      for (std::uint32_t n = 95 + rng_.below(10); n > 0; --n) base::append_utf8(out, c);
    } else {
      for (std::uint32_t n = 1 + rng_.below(4); n > 0; --n) base::append_utf8(out, draw());
    }
  }

  SplitMix64 rng_;
  std::u32string marks_;
};

}  // namespace crossrank::text
