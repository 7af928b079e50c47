#!/usr/bin/env python3
"""Writes src/text/unicode_tables.{h,cc} by asking the `tokenizers` package of every scalar value.

Not a reader of Unicode data files: the package's crates carry several versions of Unicode at once,
and only the package knows which of them answers which question.

    pip install tokenizers==0.23.3
    python tools/gen_unicode_tables.py            # rewrites both files
    python tools/gen_unicode_tables.py --check    # exits 1 if they would change
"""

import argparse
import os
import pathlib
import struct
import sys
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers  # noqa: E402
from tokenizers import AddedToken, Tokenizer  # noqa: E402
from tokenizers.models import WordPiece  # noqa: E402
from tokenizers.normalizers import NFD, BertNormalizer, Precompiled  # noqa: E402
from tokenizers.pre_tokenizers import BertPreTokenizer  # noqa: E402

VERSION = "0.23.3"
BLOCK = 128  # code points a block of the second stage; 64 and 256 give larger tables

# Bits of CodePoint::flags, in the order of the enum that is written to the header.
FLAGS = [
    ("kCleanRemoved", "clean_text removes it"),
    ("kCleanSpace", "clean_text makes it U+0020"),
    ("kCjk", "handle_chinese_chars puts spaces around it"),
    ("kMark", "strip_accents drops it after decomposing (category Mn)"),
    ("kDecomposes", "NFD changes it; decompose() says into what"),
    ("kLowers", "lowercase changes it; lower() says into what"),
    ("kSpace", "BertPreTokenizer removes it; white space of added tokens"),
    ("kPunctuation", "BertPreTokenizer makes a word of it"),
    ("kWord", "a word character for added tokens with single_word"),
]
BIT = {name: 1 << i for i, (name, _) in enumerate(FLAGS)}

# CodePoint::grapheme: a class, and bits above it.
CLASSES = [
    ("kGraphemeOther", "begins a grapheme cluster"),
    ("kGraphemeControl", "is one, whatever stands beside it"),
    ("kGraphemeExtend", "belongs to the one before it; so does the next"),
    ("kGraphemeSpacingMark", "the same, but no pictograph reaches over it"),
    ("kGraphemePrepend", "takes the next one along"),
    ("kGraphemeL", "Hangul's leading consonants"),
    ("kGraphemeV", "vowels"),
    ("kGraphemeT", "trailing consonants"),
    ("kGraphemeLV", "syllables without"),
    ("kGraphemeLVT", "and with a trailing consonant"),
]
CLASS = {name: i for i, (name, _) in enumerate(CLASSES)}
GRAPHEME_BITS = [
    ("kGraphemeClass", 0x0F, "the bits of the class"),
    ("kPictographic", 0x10, "joined to another by U+200D"),
    ("kConjunctConsonant", 0x20, "joined to another by a linker"),
    ("kConjunctLinker", 0x40, "such a linker"),
    ("kConjunctExtend", 0x80, "may stand beside the linker"),
]
GRAPHEME_BIT = {name: value for name, value, _ in GRAPHEME_BITS}

HANGUL_BASE, HANGUL_COUNT = 0xAC00, 11172
L_BASE, V_BASE, T_BASE, V_COUNT, T_COUNT = 0x1100, 0x1161, 0x11A7, 21, 28


def scalars():
    yield from range(0xD800)
    yield from range(0xE000, 0x110000)


def bert(clean=False, cjk=False, strip=False, lower=False):
    n = BertNormalizer(
        clean_text=clean, handle_chinese_chars=cjk, strip_accents=strip, lowercase=lower
    )
    return n.normalize_str


def added_token_probe(**flags):
    """A tokenizer whose id 1 is the added token Q."""
    t = Tokenizer(WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    t.add_tokens([AddedToken("Q", normalized=False, **flags)])
    return t


def hangul(cp):
    i = cp - HANGUL_BASE
    parts = [L_BASE + i // (V_COUNT * T_COUNT), V_BASE + i % (V_COUNT * T_COUNT) // T_COUNT]
    return parts + ([T_BASE + i % T_COUNT] if i % T_COUNT else [])


class Classes:
    """Combining classes, read off the places that NFD's stable sort gives a character."""

    def __init__(self):
        self.nfd = NFD().normalize_str
        by_class = {}
        for cp in scalars():
            c = chr(cp)
            ccc = unicodedata.combining(c)
            if ccc and self.nfd(c) == c and self.moves(c):
                by_class.setdefault(ccc, c)
        self.classes = sorted(by_class)
        self.references = "".join(by_class[c] for c in self.classes)
        assert self.nfd("a" + self.references[::-1]) == "a" + self.references, "reference classes"

    def moves(self, c):
        """Whether the package knows a class of c: Python may know a later Unicode."""
        overlay, acute = "\u0334", "\u0301"  # classes 1 and 230
        return (
            self.nfd("a" + c + overlay) == "a" + overlay + c
            or self.nfd("a" + acute + c) == "a" + c + acute
        )

    def of(self, c):
        behind = self.nfd("a" + self.references + c)[1:]
        before = self.nfd("a" + c + self.references)[1:]
        if behind == self.references + c and before == c + self.references:
            return 0  # stays wherever it is put
        # Put last it moves in front of all larger classes; put first, behind all smaller ones.
        not_larger = behind.rindex(c) if c not in self.references else self.references.index(c) + 1
        smaller = before.index(c) if c not in self.references else self.references.index(c)
        assert not_larger == smaller + 1, f"U+{ord(c):04X} has a class that no reference has"
        return self.classes[smaller]


def precompiled(c):
    """Precompiled with a charsmap that maps `c` to X: of a grapheme cluster of less than 6 bytes
    that begins with c all becomes X, in any other place c alone does."""
    key = c.encode()
    units = [0] * 256 * (len(key) + 2)
    node = 0
    for depth, byte in enumerate(key + b"\0"):
        base = 256 * (depth + 1)
        units[node] |= (node ^ base) << 10 | (byte == 0) << 8
        node = base ^ byte
        units[node] = byte or 1 << 31  # the leaf: offset 0 of the replacements
    trie = struct.pack(f"<{len(units)}I", *units)
    return Precompiled(struct.pack("<I", len(trie)) + trie + b"X\0").normalize_str


class Graphemes:
    """Where grapheme clusters end, read off what Precompiled does to clusters that break there."""

    ZWJ, ACUTE, KA, VIRAMA = "\u200d", "\u0301", "\u0915", "\u094d"
    L, V, T, PREPEND, SMILE, COPYRIGHT = "\u1100", "\u1161", "\u11a8", "\u0600", "\u263a", "\u00a9"

    def __init__(self):
        probes = ["a", self.ACUTE, self.KA, self.COPYRIGHT, self.L, self.V, self.T, self.PREPEND]
        self.map = {c: precompiled(c) for c in probes}

    def joins(self, before, probe):
        """Whether the cluster of `before` goes on with `probe`, which then keeps its accent."""
        return self.map[probe](before + probe + self.ACUTE).endswith("X" + self.ACUTE)

    def continues(self, syllable, c):
        """Whether c belongs to the cluster of a Hangul letter."""
        return self.map[self.PREPEND](self.PREPEND + syllable + c) != "X" + c

    def hangul(self, c):
        if self.joins(c, self.L):
            return "kGraphemeL"
        if self.joins(c, self.V):
            return "kGraphemeV" if self.continues(self.V, c) else "kGraphemeLV"
        if self.joins(c, self.T):
            return "kGraphemeT" if self.continues(self.T, c) else "kGraphemeLVT"
        return "kGraphemeOther"

    def class_of(self, c):
        if self.map["a"]("a" + c) == "X":
            extends = self.joins(self.SMILE + c + self.ZWJ, self.COPYRIGHT) or c == self.ZWJ
            return "kGraphemeExtend" if extends else "kGraphemeSpacingMark"
        if self.map[self.ACUTE](c + self.ACUTE * 2) == c + "X":
            return "kGraphemeControl"
        if self.joins(c, "a"):
            return "kGraphemePrepend"
        return self.hangul(c)

    def of(self, c):
        value = CLASS[self.class_of(c)]
        if self.joins(c + self.ZWJ, self.COPYRIGHT):
            value |= GRAPHEME_BIT["kPictographic"]
        if self.joins(c + self.VIRAMA, self.KA):
            value |= GRAPHEME_BIT["kConjunctConsonant"]
        if value == CLASS["kGraphemeExtend"]:  # others go on or break for reasons of their own
            if self.joins(self.KA + c, self.KA):
                value |= GRAPHEME_BIT["kConjunctLinker"]
            elif self.joins(self.KA + c + self.VIRAMA, self.KA):
                value |= GRAPHEME_BIT["kConjunctExtend"]
        return value


def ask():
    clean, cjk = bert(clean=True), bert(cjk=True)
    strip, lower = bert(strip=True), bert(lower=True)
    split = BertPreTokenizer().pre_tokenize_str
    single_word = added_token_probe(single_word=True)
    right_strip = added_token_probe(rstrip=True)
    classes, graphemes = Classes(), Graphemes()
    records, decompositions, lowers = {}, {}, {}
    for cp in scalars():
        c = chr(cp)
        flags = 0
        cleaned = clean(c)
        assert cleaned in ("", " ", c), f"clean_text U+{cp:04X}"
        if cleaned == "":
            flags |= BIT["kCleanRemoved"]
        elif cleaned == " ":
            flags |= BIT["kCleanSpace"]
        spaced = cjk(c)
        assert spaced in (c, f" {c} "), f"handle_chinese_chars U+{cp:04X}"
        if spaced != c:
            flags |= BIT["kCjk"]
        decomposed = classes.nfd(c)
        if decomposed != c:
            flags |= BIT["kDecomposes"]
            if HANGUL_BASE <= cp < HANGUL_BASE + HANGUL_COUNT:
                assert [ord(d) for d in decomposed] == hangul(cp), f"Hangul U+{cp:04X}"
            else:
                decompositions[cp] = [ord(d) for d in decomposed]
        elif strip(c) == "":
            flags |= BIT["kMark"]
        else:
            assert strip(c) == c, f"strip_accents U+{cp:04X}"
        lowered = lower(c)
        if lowered != c:
            flags |= BIT["kLowers"]
            lowers[cp] = [ord(d) for d in lowered]
        words = [w for w, _ in split(f"a{c}b")]
        if words == ["a", "b"]:
            flags |= BIT["kSpace"]
        elif words == ["a", c, "b"]:
            flags |= BIT["kPunctuation"]
        else:
            assert words == [f"a{c}b"], f"BertPreTokenizer U+{cp:04X}"
        if c != "Q":
            after = 1 in single_word.encode("Q" + c).ids
            assert after == (1 in single_word.encode(c + "Q").ids), f"single_word U+{cp:04X}"
            if not after:
                flags |= BIT["kWord"]
            stripped = right_strip.encode("Q" + c).offsets[0] == (0, 2)
            assert stripped == bool(flags & BIT["kSpace"]), f"rstrip U+{cp:04X}"
        else:
            flags |= BIT["kWord"]
        records[cp] = (flags, classes.of(c) if decomposed == c else 0, graphemes.of(c))
    # What decompose() followed by "drop kMark" gives is what strip_accents does.
    for cp, parts in decompositions.items():
        kept = [p for p in parts if not records[p][0] & BIT["kMark"]]
        assert [ord(d) for d in strip(chr(cp))] == kept, f"strip_accents U+{cp:04X}"
    return records, decompositions, lowers


def wrap(values):
    """Values and commas in lines of at most 100 columns."""
    lines = ["    "]
    for value in values:
        if len(lines[-1]) + len(value) + 1 > 100:
            lines.append("    ")
        lines[-1] += value + ","
    return "\n".join(lines)


def mapping_table(name, mapping, pool):
    """Sorted (from, begin, length) rows into the pool of code points."""
    rows = []
    for cp in sorted(mapping):
        to = mapping[cp]
        begin = (
            next((i for i in range(len(pool) - len(to) + 1) if pool[i : i + len(to)] == to), None)
            if len(to) > 1
            else pool.index(to[0])
            if to[0] in pool
            else None
        )
        if begin is None:
            begin = len(pool)
            pool += to
        assert begin < 1 << 16 and len(to) < 8
        rows.append(f"{{0x{cp:X},{begin},{len(to)}}}")
    return f"constexpr Mapping {name}[] = {{\n{wrap(rows)}\n}};\n"


def header():
    width = max(len(f"{name} = 1 << {i}") for i, (name, _) in enumerate(FLAGS))
    flags = "\n".join(
        f"  {f'{name} = 1 << {i},'.ljust(width + 1)}  // {meaning}"
        for i, (name, meaning) in enumerate(FLAGS)
    )
    rows = [(f"{name} = {i},", meaning) for i, (name, meaning) in enumerate(CLASSES)]
    rows += [(f"{name} = 0x{value:02X},", meaning) for name, value, meaning in GRAPHEME_BITS]
    width = max(len(row) for row, _ in rows)
    graphemes = "\n".join(f"  {row.ljust(width)}  // {meaning}" for row, meaning in rows)
    return f"""\
// What the tokenizer must know of each code point. GENERATED by tools/gen_unicode_tables.py from
// `tokenizers` {VERSION}: not the tables of one Unicode version, and not to be edited.
#pragma once

#include <cstdint>
#include <string_view>

namespace crossrank::text {{

enum CodePointFlag : std::uint16_t {{
{flags}
}};

// Of CodePoint::grapheme. CR, LF and U+200D are told by their code points; regional indicators are
// kGraphemeOther, as no cluster of two of them is short enough to matter.
enum Grapheme : std::uint8_t {{
{graphemes}
}};

struct CodePoint {{
  std::uint16_t flags;
  std::uint8_t combining_class;  // 0 for those that decompose: their parts have it
  std::uint8_t grapheme;
}};

// Properties of any code point below 0x110000.
CodePoint code_point(char32_t c);

// The canonical decomposition, to the end, of a code point with kDecomposes. Hangul syllables are
// computed into `hangul`; others are views of a table.
std::u32string_view decompose(char32_t c, char32_t (&hangul)[3]);

// The lowercase of a code point with kLowers, which no neighbour changes.
std::u32string_view lower(char32_t c);

}}  // namespace crossrank::text
"""


def source(records, decompositions, lowers):
    kinds = sorted(set(records.values()) | {(0, 0, 0)})
    assert len(kinds) <= 256
    index = {kind: i for i, kind in enumerate(kinds)}
    blocks, stage1 = [], []
    for start in range(0, 0x110000, BLOCK):
        block = [index[records.get(cp, (0, 0, 0))] for cp in range(start, start + BLOCK)]
        if block not in blocks:
            blocks.append(block)
        stage1.append(blocks.index(block))
    stage1_type = "std::uint8_t" if len(blocks) <= 256 else "std::uint16_t"
    kind_rows = [f"{{0x{f:X},{c},0x{g:X}}}" for f, c, g in kinds]
    pool = []
    tables = mapping_table("kDecompositionRows", decompositions, pool)
    tables += "\n" + mapping_table("kLowerRows", lowers, pool)
    pool_rows = [f"0x{c:X}" for c in pool]
    shift = BLOCK.bit_length() - 1
    blocks_text = wrap([str(v) for block in blocks for v in block])
    return f"""\
// Tables of unicode_tables.h. GENERATED by tools/gen_unicode_tables.py from `tokenizers` {VERSION}:
// not to be edited.
#include "text/unicode_tables.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace crossrank::text {{
namespace {{

// clang-format off
// Every combination of the three that occurs.
constexpr CodePoint kKinds[] = {{
{wrap(kind_rows)}
}};

// The block of c >> {shift}.
constexpr {stage1_type} kBlockOf[] = {{
{wrap([str(v) for v in stage1])}
}};

// The kind of each code point of each block.
constexpr std::uint8_t kBlocks[] = {{
{blocks_text}
}};

struct Mapping {{
  std::uint32_t from;
  std::uint16_t begin;  // in kPool
  std::uint16_t length;
}};

{tables}
constexpr char32_t kPool[] = {{
{wrap(pool_rows)}
}};
// clang-format on

template <std::size_t kSize>
std::u32string_view find(const Mapping (&table)[kSize], char32_t c) {{
  const Mapping* row =
      std::lower_bound(std::begin(table), std::end(table), c,
                       [](const Mapping& m, char32_t key) {{ return m.from < key; }});
  if (row == std::end(table) || row->from != c) return {{}};
  return {{kPool + row->begin, row->length}};
}}

}}  // namespace

CodePoint code_point(char32_t c) {{
  return kKinds[kBlocks[static_cast<std::size_t>(kBlockOf[c >> {shift}]) * {BLOCK} + c % {BLOCK}]];
}}

std::u32string_view decompose(char32_t c, char32_t (&hangul)[3]) {{
  constexpr char32_t kHangulBase = 0x{HANGUL_BASE:X}, kHangulCount = {HANGUL_COUNT};
  constexpr char32_t kVowels = {V_COUNT}, kTrails = {T_COUNT};
  if (c - kHangulBase >= kHangulCount) return find(kDecompositionRows, c);
  const char32_t i = c - kHangulBase;
  hangul[0] = 0x{L_BASE:X} + i / (kVowels * kTrails);
  hangul[1] = 0x{V_BASE:X} + i % (kVowels * kTrails) / kTrails;
  hangul[2] = 0x{T_BASE:X} + i % kTrails;
  return {{hangul, i % kTrails != 0 ? 3u : 2u}};
}}

std::u32string_view lower(char32_t c) {{ return find(kLowerRows, c); }}

}}  // namespace crossrank::text
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    options = parser.parse_args()
    if tokenizers.__version__ != VERSION:
        sys.exit(f"needs tokenizers {VERSION}, found {tokenizers.__version__}")
    folder = pathlib.Path(__file__).resolve().parent.parent / "src" / "text"
    files = {folder / "unicode_tables.h": header(), folder / "unicode_tables.cc": source(*ask())}
    changed = [p.name for p, text in files.items() if not p.exists() or p.read_text() != text]
    if options.check:
        sys.exit(f"{', '.join(changed)} would change" if changed else 0)
    for path, text in files.items():
        path.write_text(text)
    print(f"wrote {', '.join(changed)}" if changed else "nothing changed")


if __name__ == "__main__":
    main()
