#!/usr/bin/env python3
"""Compares src/text's Unigram tokenizers with the `tokenizers` package. Keeps nothing.

    python tests/tokenizer/compare_unigram.py --binary build/release/tests/tokenizer/tokenizer_probe
        [--texts FILE ...]      further texts: each line, each run of 40 lines, and the whole file
        [--tokenizer FILE ...]  further tokenizers, real ones, on the same texts

What is compared, ids and spans: every scalar value alone, between letters and in front of a mark,
random texts, and characters that make grapheme clusters, for the normalizers and
pre-tokenizers of the XLM-RoBERTa family over nmt_nfkc; then random charsmaps, vocabularies full of
ties, added tokens and stages. The first differences are shown.
"""

import argparse
import json
import pathlib
import random
import sys
import tempfile

import compare
import tokenizers
import unigram
from compare import SplitMix64, random_text, scalars
from tokenizers import Tokenizer
from tokenizers.normalizers import Precompiled
from unigram import WHITESPACE_SPLIT, metaspace, replace, sequence, strip

# Characters whose clusters break or go on for every reason there is.
CLUSTER = (
    "a\r\n\x00\u0301\u0301\u0300\u034f\u0600\u06dd\u0903\u093f\u0915\u0916\u0924\u094d\u093c\u200c\u200d"
    "\u00a9\u00ae\u263a\U0001f468\U0001f3fb\ufe0f\U0001f1e9\U0001f1ea\u1100\u1160\u1161\u11a7\u11a8"
    "\uac00\uac01\ud7b0\ud7cb\u0e33\u0d4e\u0bbe\u00ad\u2028\U000e0020\U000110bd\u0a4d\u0acd\u1b35"
)


def pieces_of(texts, rng, count, step):
    """Random substrings of the normalized texts; coarse scores make ties."""
    counts = {}
    for text in texts:
        marked = "\u2581" + text.replace(" ", "\u2581")
        for _ in range(len(marked) // 3 + 1):
            begin = rng.randrange(len(marked))
            piece = marked[begin : begin + rng.choice([1, 1, 2, 2, 3, 4, 6, 9])]
            counts[piece] = counts.get(piece, 0) + 1
    chosen = sorted(counts, key=lambda p: (-counts[p], p))[:count]
    chosen = [p for p in chosen if p not in unigram.SPECIALS and p != "<mask>"]
    return [(p, -round(rng.uniform(1, 15) / step) * step) for p in chosen]


def variants(charsmap):
    """The normalizers and pre-tokenizers found in files of the family."""
    pre = unigram.precompiled(charsmap)
    split = sequence("pretokenizers", WHITESPACE_SPLIT, metaspace())
    squeezed = sequence("normalizers", pre, replace(" "))
    return {
        "old": (pre, sequence("pretokenizers", WHITESPACE_SPLIT, unigram.OLD_METASPACE)),
        "split": (pre, split),
        "squeezed": (squeezed, metaspace()),
        "stripped": (sequence("normalizers", pre, strip(False, True), replace("\u2581")),
                     metaspace()),
        "first": (sequence("normalizers", pre, strip(True, True), replace(" ")),
                  metaspace("first")),
        "whole": (squeezed, metaspace("never", split=False)),
    }  # fmt: skip


def random_document(rng, texts):
    characters = "ab \u00e9\u0301\u00a0\u2581\u4f60\uac00\u1100\u200d\u0600\r\n\t.\ufb01\U0001f600"
    rules = {}
    for _ in range(rng.randrange(0, 30)):
        key = "".join(rng.choice(characters) for _ in range(rng.choice([1, 1, 1, 2, 3])))
        rules[key] = "".join(rng.choice(characters) for _ in range(rng.choice([0, 1, 1, 2, 4])))
    pre = unigram.precompiled(unigram.write_charsmap(rules)) if rules else None
    stages = [pre] if pre else []
    for _ in range(rng.randrange(0, 3)):
        stages.append(rng.choice([
            strip(rng.random() < 0.5, rng.random() < 0.5), replace(" "), replace("\u2581"),
            replace("", rng.choice(["a", " ", "ab", "\u00e9"])), replace("\u00e9b", "b"),
        ]))  # fmt: skip
    splits = [[], [WHITESPACE_SPLIT]]
    spaces = [[], [metaspace(rng.choice(["always", "first", "never"]), rng.random() < 0.7,
                             rng.choice(["\u2581", "\u2581", "_", "a"]))]]  # fmt: skip
    words = rng.choice(splits) + rng.choice(spaces + spaces[1:])
    step = rng.choice([1e-9, 0.5, 1, 4])
    pieces = pieces_of(texts, rng, rng.choice([5, 40, 200]), step)
    if rng.random() < 0.3:
        pieces = [(p, s + 40) for p, s in pieces]
    if rng.random() < 0.3:
        pieces += [(f"<0x{i:02X}>", -3.5) for i in range(256) if rng.random() < 0.97]
    if rng.random() < 0.3:
        pieces += rng.sample(pieces, 3) + [("", -1.0)]
    document = unigram.tokenizer_json(
        pieces, b"",
        normalizer=rng.choice([None, sequence("normalizers", *stages)]) if stages else None,
        pre_tokenizer=sequence("pretokenizers", *words) if words else None,
    )  # fmt: skip
    document["model"]["byte_fallback"] = rng.random() < 0.5
    contents = ["foo", "a", "ab", "\u00e9", "<x>"]
    for content in rng.sample(contents, rng.randrange(0, 4)):
        flags = ("single_word", "lstrip", "rstrip", "special")
        normalized = document["normalizer"] is None and rng.random() < 0.5
        document["added_tokens"].append(
            unigram.added_token(content, normalized=normalized)
            | {flag: rng.random() < 0.3 for flag in flags}
        )
    return document


def random_small_text(rng):
    alphabet = (
        "aabb  \u00e9\u0301\u00a0\u2581\u4f60\uac00\u1100\u200d\u0600\r\n\t.\ufb01\U0001f600_"
    )
    parts = list(alphabet) + ["foo", "<mask>", "<s>", "<unk>", "<x>", "  ", "ab", "<0x41>"]
    return "".join(rng.choice(parts) for _ in range(rng.randrange(0, 16)))


class Files:
    """Tokenizers written to a folder, for both sides to read."""

    def __init__(self, folder, comparison):
        self.folder, self.comparison = pathlib.Path(folder), comparison

    def compare(self, name, document, groups):
        path = self.folder / "tokenizer.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        self.compare_file(name, path, groups)

    def compare_file(self, name, path, groups):
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        for group, texts in groups.items():
            for spans in (False, True):
                label = f"{name}/{group}/{'spans' if spans else 'ids'}"
                self.comparison.tokens(label, tokenizer, [path], texts(), spans)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, help="tokenizer_probe")
    parser.add_argument("--texts", nargs="*", default=[], help="further text files")
    parser.add_argument("--tokenizer", nargs="*", default=[], help="further tokenizer.json files")
    parser.add_argument("--random", type=int, default=300, help="random tokenizers")
    options = parser.parse_args()
    if tokenizers.__version__ != compare.VERSION:
        sys.exit(f"needs tokenizers {compare.VERSION}, found {tokenizers.__version__}")
    comparison = compare.Comparison(compare.Probe(options.binary))
    charsmap = unigram.nmt_nfkc()
    rng, marks = random.Random(3), compare.class_representatives()
    generator = SplitMix64(compare.RANDOM_SEED)
    texts = [random_text(generator, marks) for _ in range(20_000)]
    normalize = Precompiled(charsmap).normalize_str
    pieces = pieces_of([normalize(t) for t in texts[:8000]], rng, 20_000, 0.25)
    clusters = ["".join(rng.choice(CLUSTER) for _ in range(rng.randrange(2, 7)))
                for _ in range(100_000)]  # fmt: skip
    every_scalar = {
        "scalars_alone": scalars,
        "scalars_before_mark": lambda: (f"a{c}\u0301 {c}b" for c in scalars()),
    }
    groups = {"clusters": lambda: clusters, "random": lambda: texts}
    groups |= {path: lambda path=path: compare.text_file(path) for path in options.texts}
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder, comparison)
        rules = {c: "X" for c in CLUSTER if c != "\x00"}
        files.compare(
            "every character a key",
            unigram.tokenizer_json([("X", -2.0)] + [(c, -3.0) for c in set(CLUSTER)],
                                   unigram.write_charsmap(rules), pre_tokenizer=None),
            {"clusters": lambda: clusters},
        )  # fmt: skip
        for name, (normalizer, pre_tokenizer) in variants(charsmap).items():
            document = unigram.tokenizer_json(
                pieces, charsmap, normalizer=normalizer, pre_tokenizer=pre_tokenizer
            )
            files.compare(name, document, groups | (every_scalar if name == "old" else {}))
        for path in options.tokenizer:
            files.compare_file(path, path, groups | every_scalar)
        for i in range(options.random):
            small = [random_small_text(rng) for _ in range(60)]
            document = random_document(rng, small)
            files.compare(f"random {i}", document, {"random": lambda small=small: small})
    print(f"{comparison.cases} comparisons, {comparison.failures} differences")
    sys.exit(1 if comparison.failures else 0)


if __name__ == "__main__":
    main()
