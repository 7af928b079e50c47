#!/usr/bin/env python3
"""Compares src/text with the `tokenizers` package, exhaustively; keeps digests of its answers.

    python tests/tokenizer/compare.py --binary build/release/tests/tokenizer/tokenizer_probe
        [--texts FILE ...]   further texts: each line, each run of 40 lines, and the whole file
        [--update]           write digests.json instead of comparing with it

What is compared, for the package's and our ids, spans and normalized texts: every scalar value
alone and between letters; ordered pairs of one character of every combining class; 100,000 random
texts; random tokenizer.json files with added tokens of all kinds; longest_first truncation. The
first difference is shown. tests/tokenizer/tokenizer_digest_test.cc recomputes the digests without
the package; the random texts there and here come from one algorithm, described at random_text().
"""

import argparse
import hashlib
import itertools
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import tokenizers  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from tokenizers.normalizers import NFD, BertNormalizer  # noqa: E402

VERSION = "0.23.3"
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "models" / "minilm-l6-crossrank" / "tokenizer.json"
DIGESTS = pathlib.Path(__file__).resolve().parent / "digests.json"
BATCH = 20_000
RANDOM_TEXTS = 100_000
RANDOM_SEED = 20190704
OPTIONS = ["".join(bits) for bits in itertools.product("01", repeat=4)]  # of BertNormalizer

# random_text(): the pools. The C++ test has the same lists.
RANGES = [
    (0x0000, 0x007F),
    (0x0080, 0x00FF),
    (0x0100, 0x024F),
    (0x0250, 0x02FF),
    (0x0300, 0x036F),
    (0x0370, 0x03FF),
    (0x0400, 0x052F),
    (0x0530, 0x05FF),
    (0x0600, 0x077F),
    (0x0900, 0x0DFF),
    (0x0E00, 0x0FFF),
    (0x1000, 0x11FF),
    (0x1680, 0x18AF),
    (0x1AB0, 0x1AFF),
    (0x1D00, 0x1DFF),
    (0x1E00, 0x1EFF),
    (0x1F00, 0x1FFF),
    (0x2000, 0x206F),
    (0x20A0, 0x214F),
    (0x2150, 0x2BFF),
    (0x2C00, 0x2E7F),
    (0x3000, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA640, 0xABFF),
    (0xAC00, 0xD7A3),
    (0xD7B0, 0xD7FF),
    (0xE000, 0xF8FF),
    (0xF900, 0xFAFF),
    (0xFB00, 0xFDFF),
    (0xFE00, 0xFFFF),
    (0x10000, 0x107FF),
    (0x10800, 0x11FFF),
    (0x16A00, 0x16FFF),
    (0x1D100, 0x1D1FF),
    (0x1D400, 0x1D7FF),
    (0x1E900, 0x1E95F),
    (0x1F000, 0x1FAFF),
    (0x20000, 0x2A6DF),
    (0x2F800, 0x2FA1F),
    (0xE0000, 0xE01EF),
    (0x10FFF0, 0x10FFFF),
]
LITERALS = [
    "[CLS]",
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
    "\t",
]
MASK64 = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        return (z ^ (z >> 31)) % n


def random_text(rng, marks):
    """1 to 24 pieces, each of a kind drawn from 16; then what is not UTF-8 is replaced.

    0..6 a word of 1 to 10 letters a..z and a space, the first letter a capital once in 8;
    7..9 1 to 4 characters of one of RANGES; 10 1 to 3 of `marks`; 11, 12 one of LITERALS;
    13 1 to 6 bytes of any value; 14 a digit or ASCII sign (0x20..0x40);
    15 a character of one of RANGES 95 to 104 times.
    """
    out = bytearray()
    for _ in range(1 + rng.below(24)):
        kind = rng.below(16)
        if kind <= 6:
            length = 1 + rng.below(10)
            capital = rng.below(8) == 0
            for i in range(length):
                out.append((0x41 if capital and i == 0 else 0x61) + rng.below(26))
            out += b" "
        elif kind <= 9 or kind == 15:
            low, high = RANGES[rng.below(len(RANGES))]
            if kind == 15:
                out += chr(low + rng.below(high - low + 1)).encode() * (95 + rng.below(10))
            else:
                for _ in range(1 + rng.below(4)):
                    out += chr(low + rng.below(high - low + 1)).encode()
        elif kind == 10:
            for _ in range(1 + rng.below(3)):
                out += marks[rng.below(len(marks))].encode()
        elif kind <= 12:
            out += LITERALS[rng.below(len(LITERALS))].encode()
        elif kind == 13:
            for _ in range(1 + rng.below(6)):
                out.append(rng.below(256))
        else:
            out.append(0x20 + rng.below(0x21))
    return out.decode(errors="replace")


def scalars():
    return map(chr, itertools.chain(range(0xD800), range(0xE000, 0x110000)))


def class_representatives():
    """The first character of every combining class and of every class outside of category Mn."""
    nfd = NFD().normalize_str
    strip = BertNormalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False
    ).normalize_str
    overlay, acute = "\u0334", "\u0301"
    found = {("starter", 0): "b", ("mark", 0): "\u034f"}
    for c in scalars():
        ccc = unicodedata.combining(c)
        moves = ccc and (
            nfd("a" + c + overlay) == "a" + overlay + c or nfd("a" + acute + c) == "a" + c + acute
        )
        if moves and nfd(c) == c:
            found.setdefault(("mark" if strip(c) == "" else "other", ccc), c)
    return [found[key] for key in sorted(found)]


class Probe:
    """Our side: tokenizer_probe on a batch of texts."""

    def __init__(self, binary):
        self.binary = binary

    def run(self, args, data):
        done = subprocess.run([self.binary, *map(str, args)], input=data, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"{self.binary} {args}: exit {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def texts(self, args, texts):
        encoded = [t.encode() for t in texts]
        return self.run(args, b"".join(struct.pack("<I", len(e)) + e for e in encoded))


def pack_ids(encoding, text):
    del text
    return struct.pack(f"<{len(encoding.ids) + 1}i", len(encoding.ids), *encoding.ids)


def pack_spans(encoding, text):
    """Ids with spans in bytes."""
    ends = [0, *itertools.accumulate(len(c.encode()) for c in text)]
    numbers = [len(encoding.ids)]
    for token, (begin, end) in zip(encoding.ids, encoding.offsets):
        numbers += [token, ends[begin], ends[end]]
    return struct.pack(f"<{len(numbers)}i", *numbers)


def split_records(data, numbers_each):
    pos = 0
    while pos < len(data):
        (count,) = struct.unpack_from("<I", data, pos)
        size = 4 + 4 * count * numbers_each if numbers_each else 4 + count
        yield data[pos : pos + size]
        pos += size


class Comparison:
    def __init__(self, probe):
        self.probe = probe
        self.digests = {}
        self.cases = 0
        self.failures = 0

    def check(self, name, texts, expect, args, numbers_each):
        """Compares batch by batch; keeps the digest of the expected records."""
        digest = hashlib.sha256()
        start, count, failures = time.monotonic(), 0, 0
        texts = iter(texts)
        while batch := list(itertools.islice(texts, BATCH)):
            expected = expect(batch)
            for record in expected:
                digest.update(record)
            actual = self.probe.texts(args, batch)
            count += len(batch)
            if b"".join(expected) == actual:
                continue
            for text, want, got in zip(batch, expected, split_records(actual, numbers_each)):
                if want != got:
                    failures += 1
                    if failures <= 3:
                        self.show(name, text, want, got, numbers_each)
        self.cases += count
        self.failures += failures
        print(
            f"{name}: {count - failures} of {count} equal, {time.monotonic() - start:.1f} s",
            flush=True,
        )
        return digest.hexdigest()

    def show(self, name, text, want, got, numbers_each):
        def readable(record):
            if not numbers_each:
                return ascii(record[4:].decode())
            return struct.unpack(f"<{len(record) // 4}i", record)[1:]

        print(
            f"DIFFERENT in {name}: {ascii(text)}\n  package {readable(want)}\n"
            f"  ours    {readable(got)}",
            flush=True,
        )

    def tokens(self, name, tokenizer, files, texts, spans=False):
        pack = pack_spans if spans else pack_ids

        def expect(batch):
            encodings = tokenizer.encode_batch(batch, add_special_tokens=False)
            return [pack(e, t) for e, t in zip(encodings, batch)]

        args = ["spans" if spans else "ids", *files]
        return self.check(name, texts, expect, args, 3 if spans else 1)

    def normalized(self, name, bits, texts):
        clean, chinese, strip, lower = (bit == "1" for bit in bits)
        normalizer = BertNormalizer(
            clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower
        ).normalize_str

        def expect(batch):
            out = [normalizer(t).encode() for t in batch]
            return [struct.pack("<I", len(o)) + o for o in out]

        return self.check(name, texts, expect, ["normalize", *bits], 0)

    def cut(self, tokenizer, cases):
        """longest_first of pairs of n1 and n2 tokens, each token its own word."""
        vocab = tokenizer.get_vocab()
        words = [w for w in sorted(vocab) if w.isascii() and w.isalpha() and w.islower()]
        words = words[:400]
        expected, requests = [], b""
        for n1, n2, limit, left in cases:
            tokenizer.enable_truncation(
                limit, strategy="longest_first", direction="left" if left else "right"
            )
            ids = tokenizer.encode(" ".join(words[:n1]), " ".join(words[200 : 200 + n2])).ids
            middle = ids.index(vocab["[SEP]"])
            sides = ids[1:middle], ids[middle + 1 : -1]
            begins = [0, 0]
            for i, (side, n, start) in enumerate(zip(sides, (n1, n2), (0, 200))):
                if side:
                    begins[i] = words.index(tokenizer.id_to_token(side[0])) - start
                elif left:
                    begins[i] = n
            expected.append((begins[0], len(sides[0]), begins[1], len(sides[1])))
            requests += struct.pack("<4I", n1, n2, limit, left)
        tokenizer.no_truncation()
        actual = list(struct.iter_unpack("<4I", self.probe.run(["cut"], requests)))
        different = [(c, e, a) for c, e, a in zip(cases, expected, actual) if e != a]
        for case, want, got in different[:3]:
            print(f"DIFFERENT cut of (n1, n2, max, left) {case}: package {want}, ours {got}")
        self.cases += len(cases)
        self.failures += len(different)
        print(f"longest_first: {len(cases) - len(different)} of {len(cases)} equal", flush=True)


def text_file(path):
    lines = pathlib.Path(path).read_bytes().decode(errors="replace").splitlines(keepends=True)
    yield from lines
    for i in range(0, len(lines), 40):
        yield "".join(lines[i : i + 40])
    yield "".join(lines)


def random_tokenizer_json(rng, base):
    """A small vocabulary that random texts hit, with added tokens of random flags."""
    chars = "abcdeABCDE0.,[]#- \u00e9\u00c9\u0301\u0130\u4f60\uac00\u1100\u302e\u302f\u0345"
    vocab = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}
    prefix = rng.choice(["##", "##", "##", "", "@@", "a"])
    for _ in range(rng.randrange(10, 200)):
        word = "".join(rng.choice(chars) for _ in range(rng.randrange(1, 4)))
        for token in (word, prefix + word.lower()):
            vocab.setdefault(token, len(vocab))
    lower = rng.random() < 0.6
    added, contents = [], set()
    normalizer = BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=lower
    )
    for _ in range(rng.randrange(0, 12)):
        content = "".join(rng.choice(chars) for _ in range(rng.randrange(1, 5)))
        flags = {
            k: rng.random() < 0.4
            for k in ("single_word", "lstrip", "rstrip", "normalized", "special")
        }
        # Two patterns with one normal form are told apart by a hash seed in the package, a pattern
        # without characters matches everywhere, and one of spaces can make the package panic.
        form = normalizer.normalize_str(content)
        if (
            not form.strip()
            or form in contents
            or content in contents
            or (content[0].isspace() or content[-1].isspace())
        ):
            continue
        contents |= {content, form}
        added.append({"id": 0, "content": content, **flags})
    document = json.loads(base)
    document["model"] = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": prefix,
        "max_input_chars_per_word": rng.choice([100, 5, 1, 0]),
        "vocab": vocab,
    }
    document["added_tokens"] = added
    strip = rng.choice([None, None, True, False])
    document["normalizer"] = (
        None
        if rng.random() < 0.1
        else {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": strip,
            "lowercase": lower,
        }
    )
    if strip is not None or document["normalizer"] is None:
        for token in added:
            token["normalized"] = False  # the forms above are those of strip_accents null
    if rng.random() < 0.2:
        document["pre_tokenizer"] = None
    texts = []
    for _ in range(60):
        parts = [
            rng.choice(contents_or(chars, [t["content"] for t in added], rng))
            for _ in range(rng.randrange(0, 14))
        ]
        texts.append("".join(parts))
    return document, texts


def contents_or(chars, contents, rng):
    return contents if contents and rng.random() < 0.4 else chars


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, help="tokenizer_probe")
    parser.add_argument("--texts", nargs="*", default=[], help="further text files")
    parser.add_argument("--update", action="store_true", help="write the digests")
    options = parser.parse_args()
    if tokenizers.__version__ != VERSION:
        sys.exit(f"needs tokenizers {VERSION}, found {tokenizers.__version__}")
    comparison = Comparison(Probe(options.binary))
    marks = class_representatives()
    rng = SplitMix64(RANDOM_SEED)
    random_texts = [random_text(rng, marks) for _ in range(RANDOM_TEXTS)]
    pairs = ["a" + x + y for x in marks for y in marks]
    base = MODEL.read_text(encoding="utf-8")
    digests = {}

    with tempfile.TemporaryDirectory() as folder:
        cased = pathlib.Path(folder) / "cased.json"
        assert base.count('"lowercase": true') == 1
        cased.write_text(base.replace('"lowercase": true', '"lowercase": false'), encoding="utf-8")
        for setting, path in (("uncased", MODEL), ("cased", cased)):
            tokenizer = Tokenizer.from_file(str(path))
            for group, texts, spans in (
                ("ids/scalars_alone", scalars(), False),
                ("ids/scalars_between_letters", ("a" + c + "b" for c in scalars()), False),
                ("spans/class_pairs", pairs, True),
                ("ids/random", random_texts, False),
                ("spans/random", random_texts, True),
            ):
                name = f"{setting}/{group}"
                digests[name] = comparison.tokens(name, tokenizer, [path], texts, spans)
            for path_of_texts in options.texts:
                for spans in (False, True):
                    comparison.tokens(
                        f"{setting}/{path_of_texts}",
                        tokenizer,
                        [path],
                        text_file(path_of_texts),
                        spans,
                    )
            if setting == "uncased":
                cases = random.Random(5)
                comparison.cut(
                    tokenizer,
                    [
                        (
                            cases.randrange(0, 40),
                            cases.randrange(0, 40),
                            cases.randrange(3, 70),
                            cases.randrange(2),
                        )
                        for _ in range(8000)
                    ],
                )
        for bits in OPTIONS:
            for group, texts in (
                ("scalars", scalars()),
                ("class_pairs", pairs),
                ("random", random_texts),
            ):
                name = f"normalized/{bits}/{group}"
                digests[name] = comparison.normalized(name, bits, texts)
        flags = random.Random(11)
        for i in range(300):
            document, texts = random_tokenizer_json(flags, base)
            path = pathlib.Path(folder) / "random.json"
            path.write_text(json.dumps(document), encoding="utf-8")
            for spans in (False, True):
                comparison.tokens(
                    f"random tokenizer {i}", Tokenizer.from_file(str(path)), [path], texts, spans
                )

    record = {
        "tokenizers": VERSION,
        "random_seed": RANDOM_SEED,
        "random_texts": RANDOM_TEXTS,
        "class_representatives": [ord(c) for c in marks],
        "sha256": digests,
    }
    if options.update:
        DIGESTS.write_text(json.dumps(record, indent=1) + "\n")
        print(f"wrote {DIGESTS}")
    elif json.loads(DIGESTS.read_text()) != record:
        print(f"{DIGESTS} differs from what the package says; --update rewrites it")
        comparison.failures += 1
    print(f"{comparison.cases} comparisons, {comparison.failures} differences")
    sys.exit(1 if comparison.failures else 0)


if __name__ == "__main__":
    main()
