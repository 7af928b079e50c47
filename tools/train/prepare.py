"""Step 1: from texts to arrays: tokens, the teachers' scores, mined candidates. It trains nothing.

    python tools/train/prepare.py --data DIR --out build/train

DIR holds passages.jsonl and questions.jsonl. The embeddings are kept as they are made, so that a
killed run goes on where it was.
"""

import argparse
import pathlib

import numpy as np
import scipy.sparse
import teacher
import texts
import torch
from bm25 import Bm25

SURE, NEAR, LEXICAL = 6, 16, 40  # candidates a query keeps: sure negatives, cosine's top, BM25's
FALSE_NEGATIVE = 0.95  # a candidate with this share of the positive's cosine may answer as well
CHUNK = 256  # queries; times 50,000 units times float32 is 50 MB


def mine(made: texts.TrainingSet, query_vectors, unit_vectors, index: Bm25) -> np.ndarray:
    """candidates [Q,K]: units, -1 where there is none. Column 0 is the positive.

    Of a positive text with several units it is the one nearest to the query.
    """
    width = 1 + SURE + NEAR + LEXICAL
    candidates = np.full((len(made.queries), width), -1, np.int32)
    for first in range(0, len(made.queries), CHUNK):
        queries = made.queries[first : first + CHUNK]
        asked = index.query_matrix([query.text for query in queries])
        lexical = (asked @ index.matrix.T).toarray()
        near = query_vectors[first : first + CHUNK] @ unit_vectors.T
        for row, query in enumerate(queries):
            chosen = choose(query, near[row], lexical[row], made.mined)
            candidates[first + row, : len(chosen)] = chosen
        if first // CHUNK % 40 == 0:
            print(f"mined for {first} of {len(made.queries)} queries", flush=True)
    return candidates


def choose(query: texts.Query, near, lexical, mined: int) -> list[int]:
    """The positive, sure negatives (padded), then the top of each retriever without doubtful ones.

    Keywords have no label worth the name, so no candidate of theirs is a false negative.
    """
    positive = max(query.positives, key=lambda unit: near[unit])
    allowed = np.ones(mined, bool)
    if query.kind != "keywords":
        allowed = near[:mined] <= FALSE_NEGATIVE * near[positive]
    allowed[[unit for unit in query.barred if unit < mined]] = False
    allowed[query.sure] = False
    sure = sorted(query.sure, key=lambda unit: -near[unit])[:SURE]
    sure += [-1] * (SURE - len(sure))
    nearest = top(np.where(allowed, near[:mined], -np.inf), NEAR)
    allowed[nearest] = False
    matching = top(np.where(allowed, lexical[:mined], -np.inf), LEXICAL)
    return [positive, *sure, *nearest, *matching]


def top(scores: np.ndarray, count: int) -> list[int]:
    count = min(count, int(np.isfinite(scores).sum()))
    if count == 0:
        return []
    found = np.argpartition(-scores, count - 1)[:count]
    return found[np.argsort(-scores[found], kind="stable")].tolist()


def prepare(data: pathlib.Path, out: pathlib.Path, seed: int, teachers) -> None:
    made = texts.build(data, seed)
    asked = [query.text for query in made.queries]
    cache = out / "cache"
    vectors = [(one.vectors(asked, cache), one.vectors(made.units, cache)) for one in teachers]
    index = Bm25(made.units)

    def save(name: str, array: np.ndarray) -> None:
        teacher.save_array(out / f"{name}.npy", array)

    def save_terms(name: str, matrix: scipy.sparse.csr_matrix) -> None:
        path = out / f"{name}_terms.npz"
        teacher.save_whole(path, lambda file: scipy.sparse.save_npz(file, matrix))

    save("candidates", mine(made, *vectors[0], index))
    for number, (of_queries, of_units) in enumerate(vectors):
        save(f"query_vectors_{number}", of_queries.astype(np.float16))
        save(f"unit_vectors_{number}", of_units.astype(np.float16))
    for name, texts_of, limit in (
        ("query", asked, teacher.QUERY_TOKENS),
        ("unit", made.units, teacher.PASSAGE_TOKENS),
    ):
        tokens = teacher.tokenize(texts_of, limit)
        save(f"{name}_tokens", np.concatenate(tokens))
        save(f"{name}_ends", np.cumsum([0] + [len(one) for one in tokens]))
    for name in ("kind", "source"):
        save(name, np.array([getattr(query, name) for query in made.queries]))
    save("block", made.blocks())
    save_terms("unit", index.matrix)
    save_terms("query", index.shares(asked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--out", default=pathlib.Path("build/train"), type=pathlib.Path)
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument("--threads", default=2, type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    teachers = teacher.all_teachers(options.out / "cache")
    prepare(options.data, options.out, options.seed, teachers)


if __name__ == "__main__":
    main()
