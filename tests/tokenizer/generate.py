#!/usr/bin/env python3
"""Writes tests/tokenizer/cases/*.jsonl: small tokenizers with texts and what the reference
makes of them. Run by hand:

    pip install tokenizers==0.23.3 transformers==5.24.0
    python tests/tokenizer/generate.py

Line 1 of a file is the tokenizer, {"model": FOLDER} for one in models/ or {"files": {NAME:
CONTENT}}, and the versions that made the file; each further line is {"text", "ids", "spans"}
without special tokens, spans in bytes. A tokenizer.json is read by `tokenizers`, a vocab.txt with
its tokenizer_config.json by transformers' BertTokenizer, whose files also have the expected
"pair": ids of [CLS] x [SEP] x [SEP] for the text "x".
"""

import itertools
import json
import pathlib
import tempfile

import tokenizers
import transformers
import unigram
from tokenizers import Tokenizer

assert (tokenizers.__version__, transformers.__version__) == ("0.23.3", "5.24.0")
HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "cases"
MODEL = HERE.parent.parent / "models" / "minilm-l6-crossrank"

TEXTS = [
    "",
    " ",
    "\n\t\r ",
    "a",
    "The quick brown fox jumps over the lazy dog.",
    'Don\'t split "contractions", hyphen-words or e-mail@example.org!',
    "tokenization unaffable antidisestablishmentarianism",
    "U.S.A. 3,141.59 $5 50% #1 (a) [b] {c}",
    "café naïve Ångström cafe\u0301 Zürich œuvre ﬁne ﬂow ½ ² ①",
    "İstanbul ISTANBUL ıstanbul",
    "ΟΔΥΣΣΕΥΣ Οδυσσεύς ς",
    "STRASSE straße ẞ",
    "Привет, мир! Ёлка й",
    "שָׁלוֹם שלום",
    "مَرْحَبًا مرحبا",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "한국어 토큰 각 가",
    "日本語のテキスト、東京！",
    "你好，世界。深圳市abc中文",
    "豈更車 \U00020000\U0002a6df\U0002b740 㐀",
    "👍🏽 👨‍👩‍👧 🇩🇪 ☃️ ❤",
    "zero\u200bwidth\u200djoiner\ufeffbom soft\u00adhyphen",
    "nul\u0000 bell\u0007 del\u007f c1\u0085\u009f \ufffd replacement",
    "no\u00a0break em\u2003space line\u2028sep ideographic\u3000space",
    "[SEP] [CLS][MASK] [sep] [SEP]text[SEP] [UNK]x[PAD]",
    "##ing ## a##b",
    "x" * 100,
    "x" * 101,
    "é" * 100 + " " + "é" * 101,
    "a" + "\u0301" * 120,
    "\u0344\u0f73\u0f71\u0f72 a\u0316\u0301",
    "\u1112\u1161\u11ab \uac01 \u1100\u1161\u11a8",
    "\U0001d15e\U0001d165\U0001d16d q\u302e\u302f",
    "private \ue000 \U000f0000 noncharacter \ufdd0 unassigned \u0378 \U000323b0",
    "Ⅷ ⅷ Ⓐ ⓐ 𝐀 𝔸 Ａ ａ！",
    "¡¿«»—–…‘’“”•† ‰ ′ ″ ‹› ⁅⁆ ¶ § © ® ™ ° ± × ÷",
    "`~^|<>=+$ ´¨¸",
    "\u0149 \u01c5 \u0390 \u1fb3 \u1ffc \u0587",
    "https://example.org/path?q=1&r=%20#frag",
    "C++ c# .NET node.js f(x)=x^2",
    "one  two   three\n\nfour\tfive\r\nsix",
    "\u0e33 \u0eb3 \u0b4b \u1d6b \u2126 \u212a \u212b",
    "mixed 中a文b字c",
    "1\u20442 10\u207b\u00b3 \u2153",
    "e\u0301\u0327 \u0327\u0301",
    "\ud7ff\ue000\uffff\U0010ffff",
]

SMALL_VOCAB = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "b",
    "c",
    "A",
    "é",
    "e",
    "the",
    "new",
    "york",
    "##a",
    "##b",
    "##c",
    "##york",
    "ab",
    "abc",
    "中",
    ".",
    "x",
    "##x",
    "#",
    "-",
    "\u302e",
    "##\u302e",
    "##\u302f",
    "ß",
    "ss",
]
SMALL_TEXTS = [
    "",
    "a",
    "abc abca abab",
    "A É é e\u0301 AB",
    "new york",
    "New York",
    "NEW  YORK",
    "xnew yorkx",
    "the new york.",
    "new\u00a0york",
    "a new york b",
    "newyork",
    " new york ",
    "中a中",
    "a\u302e a\u302f\u302e a\u302e\u302f",
    "ß SS",
    "##a #a",
    "x-new york-x",
    "a <ent> b",
    "<ENT>",
    "a<ent>b",
    "  <ent>  ",
    "<ent><ent>",
    "_<ent>_",
    "é<ent>",
    "<ent>中",
    "<entity>",
    "[MASK] [mask]",
    "foo food Foo",
    "a foo\u3000 b",
    "foofoo",
    "foo.foo",
    "a\tfoo\n",
    "unk q a",
    "a.b-c",
    "a\u0000b",
    "-- new york --",
    "new york new york",
    "york new",
    "x" * 7,
    "x" * 8,
]


def tokenizer_json(**changes):
    special = [("[PAD]", 0), ("[UNK]", 1), ("[CLS]", 2), ("[SEP]", 3), ("[MASK]", 4)]
    added = [
        {
            "id": i,
            "content": c,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for c, i in special
    ]
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added + changes.pop("added", []),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {t: i for i, t in enumerate(SMALL_VOCAB)},
        },
    }
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(document[key], dict):
            document[key] = {**document[key], **value}
        else:
            document[key] = value
    return document


def added(content, **flags):
    return {
        "id": 99,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": False,
        **flags,
    }


# Of nmt_nfkc, for the characters of UNIGRAM_TEXTS; the last two are this file's own.
CHARSMAP = {
    "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ", "\u2028": " ", "\u200b": " ",
    "\u0001": "", "\u007f": "", "\u2581": " ", "\ufb01": "fi", "\u00bd": "1\u20442", "\u2460": "1",
    "e\u0301": "\u00e9", "A\u030a": "\u00c5", "\uff01": "!", "\uff21": "A",
    "\u1100\u1161": "\uac00", "\ufdfa": "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647",
    "\U0001d400": "A", "x": "", "q": "abc",
}  # fmt: skip
UNIGRAM_PIECES = [
    ("\u2581", -2.5), ("a", -3.0), ("b", -3.0), ("c", -3.5), ("ab", -6.0), ("abc", -7.5),
    ("bc", -5.5), ("\u2581a", -4.5), ("\u2581ab", -7.5), ("\u2581the", -3.25), ("the", -5.0),
    ("\u2581new", -6.0), ("\u2581york", -7.0), ("york", -8.0), ("new", -8.0), ("e", -2.0),
    ("\u00e9", -9.25), ("\u4f60", -9.5), ("fi", -4.75), ("A", -5.0), ("1", -5.0), ("!", -4.0),
    (".", -3.0), ("\u2581\u2581", -6.5), ("i", -3.75), ("\uac00", -8.0), ("\u0301", -9.75),
    ("t", -4.0), ("h", -4.0), ("n", -15.774467468261719), ("foo", -12.0), ("\u0635", -11.0),
    ("\u00e9\u4f60", -18.75), ("r", -1.8771917819976807),
]  # fmt: skip
UNIGRAM_TEXTS = [
    "", " ", "  ", "a", " a", "a ", "  a  b  ", "abc abca abab", "aabbcc", "the new york",
    "theyork", "the\tnew\r\nyork", "\u2581a \u2581\u2581b", "\u00a0a\u3000b\u2028",
    "caf\u00e9 cafe\u0301 e\u0301\u0301", "\u2460 \u2460\u0301 \u2460\u0301\u0301",
    "\ufb01ne \ufb01\u200d \ufb01\u0301", "A\u030a A\u030a\u0301", "\u00bd!", "xa ax xx",
    "\u0001a b\u007f", "\u0001", "q qq xq", "\u4f60\u4f60 \u597d \u4f60\u597d\u4f60", "zzz",
    "z<unk>z", "\u1100\u1161 \u1100\u1161\u11a8 \uac00\u11a8", "\ufdfa", "\uff21\uff01 \U0001d400",
    "a\u200bb \u200da", "<s>a</s> <pad>", "a <mask> b", "a<mask>b  <mask>", "<mask>", " <mask>",
    "foo food Foo", "foo bar", "\U0001f468\u200d\U0001f469 \U0001f1e9\U0001f1ea",
    "\u0915\u094d\u0915\u0301 a\u0903", "new\u0600york \u0600a\u0301", "nnn nn rr r", "a.b.c!",
    "<0x61>", "\u0085a\u0085", "\ufeffa", "ab" * 40, "\u00e9\u4f60\u00e9",
]  # fmt: skip


def unigram_json(**changes):
    """As XLM-RoBERTa's; changes of `model` and `added` go into what is there."""
    model, more = changes.pop("model", {}), changes.pop("added", [])
    document = unigram.tokenizer_json(UNIGRAM_PIECES, unigram.write_charsmap(CHARSMAP), **changes)
    document["model"] |= model
    document["added_tokens"] += more
    return document


def expected(encode, texts):
    for text in texts:
        e = encode(text)
        ends = [0, *itertools.accumulate(len(c.encode()) for c in text)]
        yield {"text": text, "ids": e.ids, "spans": [[ends[b], ends[t]] for b, t in e.offsets]}


def write(name, head, rows):
    made_by = {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__}
    lines = [{**head, "made_by": made_by}, *rows]
    (OUT / f"{name}.jsonl").write_text(
        "".join(json.dumps(x, ensure_ascii=True) + "\n" for x in lines)
    )


def from_json(name, document, texts):
    encode = Tokenizer.from_str(json.dumps(document)).encode
    write(
        name,
        {"files": {"tokenizer.json": document}},
        expected(lambda t: encode(t, add_special_tokens=False), texts),
    )


def from_vocab(name, lines, config, texts):
    vocab = "".join(lines)
    with tempfile.TemporaryDirectory() as folder:
        files = {"vocab.txt": vocab}
        pathlib.Path(folder, "vocab.txt").write_bytes(vocab.encode())
        if config is not None:
            files["tokenizer_config.json"] = config
            pathlib.Path(folder, "tokenizer_config.json").write_text(json.dumps(config))
        tokenizer = transformers.BertTokenizerFast.from_pretrained(folder)
        backend = tokenizer.backend_tokenizer
        pair = tokenizer("x", "x")
        assert pair["token_type_ids"] == [0] * (len(pair["input_ids"]) // 2 + 1) + [1] * (
            len(pair["input_ids"]) - len(pair["input_ids"]) // 2 - 1
        )
        write(
            name,
            {"files": files, "pair": pair["input_ids"]},
            expected(lambda t: backend.encode(t, add_special_tokens=False), texts),
        )


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.jsonl"):
        old.unlink()
    model = json.loads((MODEL / "tokenizer.json").read_text(encoding="utf-8"))
    encode = Tokenizer.from_str(json.dumps(model)).encode
    write(
        "minilm",
        {"model": MODEL.name},
        expected(lambda t: encode(t, add_special_tokens=False), TEXTS),
    )

    every_flag = [
        added("<ent>", lstrip=True, rstrip=True, special=True),
        added("foo", single_word=True, normalized=True),
        added("New York", normalized=True, rstrip=True),
        added("-", single_word=True, lstrip=True),
    ]
    from_json("added_tokens", tokenizer_json(added=every_flag), SMALL_TEXTS)
    from_json(
        "added_token_prefixes",
        tokenizer_json(
            added=[
                added("new"),
                added("new york"),
                added("york new", normalized=True),
                added("ork"),
            ]
        ),
        SMALL_TEXTS,
    )
    from_json("cased", tokenizer_json(normalizer={"lowercase": False}), SMALL_TEXTS)
    from_json(
        "cased_stripped",
        tokenizer_json(normalizer={"lowercase": False, "strip_accents": True}),
        SMALL_TEXTS,
    )
    from_json("accents_kept", tokenizer_json(normalizer={"strip_accents": False}), SMALL_TEXTS)
    from_json(
        "not_cleaned",
        tokenizer_json(normalizer={"clean_text": False, "handle_chinese_chars": False}),
        SMALL_TEXTS,
    )
    from_json(
        "no_normalizer",
        tokenizer_json(normalizer=None, added=[added("foo", normalized=True)]),
        SMALL_TEXTS,
    )
    from_json("no_pre_tokenizer", tokenizer_json(pre_tokenizer=None), SMALL_TEXTS)
    from_json(
        "sequences_of_one",
        tokenizer_json(
            normalizer={"type": "Sequence", "normalizers": [tokenizer_json()["normalizer"]]},
            pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "BertPreTokenizer"}]},
        ),
        SMALL_TEXTS,
    )
    from_json("empty_prefix", tokenizer_json(model={"continuing_subword_prefix": ""}), SMALL_TEXTS)
    from_json("short_words", tokenizer_json(model={"max_input_chars_per_word": 7}), SMALL_TEXTS)
    # A token that the vocabulary has keeps its id there; [99] and the ids of the file do not count.
    from_json(
        "ids_of_added_tokens",
        tokenizer_json(
            added=[added("abc"), added("[99]"), added("<ent>"), added("abc", single_word=True)]
        ),
        SMALL_TEXTS,
    )

    pre = unigram_json()["normalizer"]
    squeeze = unigram.sequence("normalizers", pre, unigram.replace(" "))
    stripped = unigram.sequence(
        "normalizers", pre, unigram.strip(False, True), unigram.replace("\u2581")
    )
    bytes_vocab = [[f"<0x{i:02X}>", -4.0] for i in range(256) if i != 0xBD]
    for name, document in {
        "unigram": unigram_json(),
        "unigram_old": unigram_json(
            pre_tokenizer=unigram.sequence(
                "pretokenizers", unigram.WHITESPACE_SPLIT, unigram.OLD_METASPACE
            )
        ),
        "unigram_squeezed": unigram_json(normalizer=squeeze, pre_tokenizer=unigram.metaspace()),
        "unigram_stripped": unigram_json(normalizer=stripped, pre_tokenizer=unigram.metaspace()),
        "unigram_first": unigram_json(
            normalizer=squeeze,
            pre_tokenizer=unigram.metaspace("first", split=False),
            added=[added("foo", single_word=True, rstrip=True), added("bc", normalized=True)],
        ),
        "unigram_never": unigram_json(pre_tokenizer=unigram.metaspace("never", replacement="a")),
        "unigram_bytes": unigram_json(
            normalizer=None,
            model={
                "byte_fallback": True,
                "vocab": unigram_json()["model"]["vocab"] + bytes_vocab + [["ab", -5.0]],
            },
        ),
    }.items():
        from_json(name, document, UNIGRAM_TEXTS)

    lines = [t + "\n" for t in SMALL_VOCAB]
    from_vocab("vocab_alone", lines, None, SMALL_TEXTS)
    from_vocab(
        "vocab_cased",
        lines,
        {"do_lower_case": False, "tokenizer_class": "BertTokenizer", "model_max_length": 1e30},
        SMALL_TEXTS,
    )
    from_vocab(
        "vocab_flags", lines, {"strip_accents": False, "tokenize_chinese_chars": False}, SMALL_TEXTS
    )
    from_vocab(
        "vocab_odd_lines",
        [t + e for t, e in zip(SMALL_VOCAB, itertools.cycle(["\r\n", " \n", "\u3000\n", "\n"]))]
        + ["abc\n", "last"],
        {},
        SMALL_TEXTS,
    )
    from_vocab(
        "vocab_special_tokens",
        [t.replace("[SEP]", "</s>") + "\n" for t in SMALL_VOCAB if t != "[MASK]"],
        {
            "sep_token": "</s>",
            "mask_token": {
                "__type": "AddedToken",
                "content": "<ent>",
                "lstrip": True,
                "rstrip": False,
                "single_word": False,
                "normalized": False,
            },
            "added_tokens_decoder": {
                "7": {
                    "content": "foo",
                    "lstrip": False,
                    "rstrip": True,
                    "single_word": True,
                    "normalized": True,
                    "special": False,
                },
                "2": {
                    "content": "[CLS]",
                    "lstrip": False,
                    "rstrip": False,
                    "single_word": False,
                    "normalized": False,
                    "special": True,
                },
            },
            "additional_special_tokens": ["new york"],
        },
        SMALL_TEXTS,
    )


if __name__ == "__main__":
    main()
