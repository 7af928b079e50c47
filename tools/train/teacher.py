"""The teachers: unit vectors of two bi-encoders, computed once a text; they are never trained."""

import dataclasses
import hashlib
import os
import pathlib
import time
from collections.abc import Callable

import bert
import mpnet
import numpy as np
from tokenizers import Tokenizer

QUERY_TOKENS, PASSAGE_TOKENS = 64, 256  # all-MiniLM's own limit is 256 with special tokens
SHARD = 1024  # texts; at most two minutes of work are lost with a kill


@dataclasses.dataclass
class Teacher:
    name: str  # of its cache's folder
    embed: Callable[[list[str]], np.ndarray]  # texts -> [N,H], unit vectors

    def vectors(self, texts: list[str], cache: pathlib.Path) -> np.ndarray:
        """[N,H] float32. What `cache`/name lacks is computed, shortest first, and added to it."""
        return cached_vectors(texts, cache / self.name, self.embed)


def all_teachers(cache: pathlib.Path) -> list[Teacher]:
    """The first one mines; a model learns the mean of their cosines, weighted by lists.TEACHERS."""
    return [small(), Teacher("all-mpnet-base-v2", mpnet.Embedder(cache / "mpnet"))]


def small() -> Teacher:
    return bert_teacher("all-MiniLM-L6-v2", bert.read_weights(bert.base_folder()))


def bert_teacher(name: str, weights) -> Teacher:
    return Teacher(name, lambda texts: bert.embed(weights, tokenize(texts, PASSAGE_TOKENS)))


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


def cached_vectors(texts: list[str], cache: pathlib.Path, embed) -> np.ndarray:
    cache.mkdir(parents=True, exist_ok=True)
    keys = [hashlib.sha256(text.encode()).digest() for text in texts]
    known = {}
    for path in sorted(cache.glob("*.keys.npy")):
        vectors = np.load(path.with_name(path.name.replace(".keys.", ".vectors.")))
        known.update(zip((key.tobytes() for key in np.load(path)), vectors))
    missing = {key: text for key, text in zip(keys, texts) if key not in known}
    order = sorted(missing, key=lambda key: len(missing[key]))
    start = time.monotonic()
    for first in range(0, len(order), SHARD):
        chosen = order[first : first + SHARD]
        vectors = embed([missing[key] for key in chosen]).astype(np.float16)
        rows = np.frombuffer(b"".join(chosen), np.uint8).reshape(len(chosen), -1)
        save_array(cache / f"{chosen[0].hex()}.vectors.npy", vectors)
        save_array(cache / f"{chosen[0].hex()}.keys.npy", rows)
        known.update(zip(chosen, vectors))
        done = f"{cache.name}: embedded {first + len(chosen)} of {len(order)} texts"
        print(f"{done} in {time.monotonic() - start:.0f} s", flush=True)
    return np.array([known[key] for key in keys], np.float32)


def save_array(path: pathlib.Path, array: np.ndarray) -> None:
    save_whole(path, lambda file: np.save(file, array))


def save_whole(path: pathlib.Path, write: Callable) -> None:
    """What `write` writes to the file that it is called with, whole or not at all."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        write(file)
    os.replace(new, path)
