"""Makes SentencePiece Unigram tokenizers as tokenizer.json. Compares nothing.

Shared by generate.py, compare_unigram.py and tests/golden/tiny_models.py. The charsmap of
XLM-RoBERTa's tokenizers, nmt_nfkc, comes with the trainer of the `sentencepiece` package.
"""

import base64
import io
import struct

VALUE = 1 << 31
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]


def nmt_nfkc():
    """The charsmap that the package puts into every model it trains."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["any words will do", "for a model"]), model_writer=model,
        vocab_size=30, hard_vocab_limit=False, normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )  # fmt: skip
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def base_of(unit, index):
    return index ^ (unit >> 10) << (8 if unit >> 9 & 1 else 0)


def read_charsmap(charsmap):
    """{key: replacement} of a charsmap."""
    size = struct.unpack_from("<I", charsmap)[0]
    units = struct.unpack_from(f"<{size // 4}I", charsmap, 4)
    replacements = charsmap[4 + size :]
    rules, stack = {}, [(b"", 0)]
    while stack:
        key, index = stack.pop()
        base = base_of(units[index], index)
        if units[index] >> 8 & 1:
            begin = units[base] & ~VALUE
            rules[key.decode()] = replacements[begin : replacements.index(b"\0", begin)].decode()
        for byte in range(1, 256):
            child = units[base ^ byte]
            if not child & VALUE and child & 0xFF == byte:
                stack.append((key + bytes([byte]), base ^ byte))
    return rules


def write_charsmap(rules):
    """The charsmap of {key: replacement}, for a few hundred keys."""
    begins, replacements = {}, b""
    for to in rules.values():
        if to not in begins:
            begins[to] = len(replacements)
            replacements += to.encode() + b"\0"
    units, taken, bases = [0] * 256, {0}, {0}

    def place(labels):
        """A base at which these are free; bases are not shared, so that a child has one parent."""
        for base in range(1, len(units)):
            if base not in bases and not any(base ^ label in taken for label in labels):
                break
        else:
            base = len(units)
            units.extend([0] * 256)
        bases.add(base)
        taken.update(base ^ label for label in labels)
        return base

    stack = [(0, sorted((key.encode(), begins[to]) for key, to in rules.items()), 0)]
    while stack:
        index, keys, depth = stack.pop()
        children = {}
        for key, begin in keys:
            children.setdefault(key[depth] if len(key) > depth else 0, []).append((key, begin))
        base = place(children)
        units[index] |= (index ^ base) << 10 | (0 in children) << 8
        for byte, below in children.items():
            if byte == 0:
                units[base] = VALUE | below[0][1]
            else:
                units[base ^ byte] = byte
                stack.append((base ^ byte, below, depth + 1))
    trie = struct.pack(f"<{len(units)}I", *units)
    return struct.pack("<I", len(trie)) + trie + replacements


def precompiled(charsmap):
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}


def sequence(key, *stages):
    return {"type": "Sequence", key: list(stages)}


def replace(content, string=None):
    pattern = {"Regex": " {2,}"} if string is None else {"String": string}
    return {"type": "Replace", "pattern": pattern, "content": content}


def strip(left, right):
    return {"type": "Strip", "strip_left": left, "strip_right": right}


def metaspace(scheme="always", split=True, replacement="\u2581"):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme,
            "split": split}  # fmt: skip


WHITESPACE_SPLIT = {"type": "WhitespaceSplit"}
OLD_METASPACE = {"type": "Metaspace", "replacement": "\u2581", "str_rep": "\u2581",
                 "add_prefix_space": True}  # fmt: skip


def added_token(content, token_id=0, **flags):
    token = {"id": token_id, "content": content, "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": True}  # fmt: skip
    return token | flags


def roberta_template():
    def special(name):
        return {"SpecialToken": {"id": name, "type_id": 0}}

    def text(name):
        return {"Sequence": {"id": name, "type_id": 0}}

    begin, end = special("<s>"), special("</s>")
    return {
        "type": "TemplateProcessing",
        "single": [begin, text("A"), end],
        "pair": [begin, text("A"), end, end, text("B"), end],
        "special_tokens": {
            name: {"id": name, "ids": [SPECIALS.index(name)], "tokens": [name]}
            for name in ("<s>", "</s>")
        },
    }


def tokenizer_json(pieces, charsmap, **changes):
    """As XLM-RoBERTa's, of [(piece, score)] behind the special tokens and in front of <mask>."""
    vocab = [[token, 0.0] for token in SPECIALS] + [list(p) for p in pieces] + [["<mask>", 0.0]]
    added = [added_token(token, i) for i, token in enumerate(SPECIALS)]
    added.append(added_token("<mask>", len(vocab) - 1, lstrip=True))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": precompiled(charsmap),
        "pre_tokenizer": sequence("pretokenizers", WHITESPACE_SPLIT, metaspace()),
        "post_processor": roberta_template(),
        "decoder": metaspace(),
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocab, "byte_fallback": False},
    } | changes
