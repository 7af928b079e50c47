"""The teacher: all-MiniLM-L6-v2's cosines, computed once a text, and BM25; it is never trained."""

import hashlib
import os
import pathlib
import time

import bert
import numpy as np
from tokenizers import Tokenizer

QUERY_TOKENS, PASSAGE_TOKENS = 64, 256  # the teacher's own limit is 256 with special tokens
SHARD = 1024  # texts; at most a quarter of a minute of work is lost with a kill


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
    """[N,H] float32. What the folder `cache` lacks is computed, shortest first, and added to it."""
    cache.mkdir(parents=True, exist_ok=True)
    keys = [hashlib.sha256(tokens.tobytes()).digest() for tokens in token_lists]
    known = {}
    for path in sorted(cache.glob("*.keys.npy")):
        vectors = np.load(path.with_name(path.name.replace(".keys.", ".vectors.")))
        known.update(zip((key.tobytes() for key in np.load(path)), vectors))
    missing = {key: tokens for key, tokens in zip(keys, token_lists) if key not in known}
    order = sorted(missing, key=lambda key: len(missing[key]))
    start, computed = time.monotonic(), 0
    for first in range(0, len(order), SHARD):
        chosen = order[first : first + SHARD]
        vectors = bert.embed(weights, [missing[key] for key in chosen]).astype(np.float16)
        rows = np.frombuffer(b"".join(chosen), np.uint8).reshape(len(chosen), -1)
        save_array(cache / f"{chosen[0].hex()}.vectors.npy", vectors)
        save_array(cache / f"{chosen[0].hex()}.keys.npy", rows)
        known.update(zip(chosen, vectors))
        computed += sum(len(missing[key]) for key in chosen)
        done = f"embedded {first + len(chosen)} of {len(order)} texts"
        print(f"{done}, {computed / (time.monotonic() - start):.0f} tokens/s", flush=True)
    return np.array([known[key] for key in keys], np.float32)


def save_array(path: pathlib.Path, array: np.ndarray) -> None:
    """Whole or not at all."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        np.save(file, array)
    os.replace(new, path)
