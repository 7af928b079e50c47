"""The teacher: all-MiniLM-L6-v2's cosines, computed once a text, and BM25; it is never trained."""

import hashlib
import os
import pathlib
import time

import bert
import numpy as np
from tokenizers import Tokenizer

QUERY_TOKENS, PASSAGE_TOKENS = 64, 256  # the teacher's own limit is 256 with special tokens
SHARD = 2048  # texts; at most half a minute of work is lost with a kill


def tokenizer() -> Tokenizer:
    made = Tokenizer.from_file(str(bert.base_folder() / "tokenizer.json"))
    made.no_padding()
    made.no_truncation()
    return made


def tokenize(texts: list[str], limit: int) -> list[np.ndarray]:
    """Without special tokens, the first `limit` of each."""
    encoder = tokenizer()
    found = []
    for first in range(0, len(texts), SHARD):
        batch = encoder.encode_batch_fast(texts[first : first + SHARD], add_special_tokens=False)
        found += [np.array(one.ids[:limit], np.uint16) for one in batch]
    return found


def embeddings(token_lists: list[np.ndarray], cache: pathlib.Path, weights) -> np.ndarray:
    """[N,H] float32, from the cache what is there. A shard's name is the digest of its tokens."""
    cache.mkdir(parents=True, exist_ok=True)
    order = np.argsort([len(tokens) for tokens in token_lists], kind="stable")
    out = np.empty((len(token_lists), bert.hidden_size(weights)), np.float32)
    start, computed = time.monotonic(), 0
    for first in range(0, len(order), SHARD):
        rows = order[first : first + SHARD]
        chosen = [token_lists[row] for row in rows]
        digest = hashlib.sha256(b"|".join(tokens.tobytes() for tokens in chosen)).hexdigest()
        path = cache / f"{digest[:24]}.npy"
        if not path.exists():
            computed += sum(len(tokens) for tokens in chosen)
            save_array(path, bert.embed(weights, chosen).astype(np.float16))
            rate = computed / (time.monotonic() - start)
            print(
                f"embedded {first + len(rows)} of {len(order)} texts, {rate:.0f} tokens/s",
                flush=True,
            )
        out[rows] = np.load(path)
    return out


def save_array(path: pathlib.Path, array: np.ndarray) -> None:
    """Whole or not at all."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        np.save(file, array)
    os.replace(new, path)
