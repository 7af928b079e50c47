"""Ranking quality on the groups that were held back; it reads no evaluation set.

    python tools/train/heldout.py --data DIR FOLDER...        # a row for BM25 and each model
    python tools/train/heldout.py --data DIR --teachers ...   # and for what models learn from
    python tools/train/heldout.py --data DIR --trec OUT       # the same sets for other programs

OUT gets queries.tsv, corpus.jsonl, qrels.txt and runs/bm25.trec, with BM25's candidates alone.
"""

import argparse
import collections
import dataclasses
import json
import pathlib

import bert
import numpy as np
import teacher
import texts
import torch
from bm25 import Bm25
from lists import COVERAGE, TEACHERS, TEMPERATURE

DEPTH = 50  # what a first stage hands to a reranker
IN_DOMAIN_QUERIES = 25  # of each source that is trained on; together one set
OTHERS = 6000  # passages that are trained on, beside the held-out ones: alone these are too few


@dataclasses.dataclass
class Asked:
    query: str
    candidates: list[int]  # passage ids in BM25's order
    bm25: list[float]  # as coverage
    answers: set[int]


class Pool:
    """What the questions are asked over: all held-out passages, and others beside them."""

    def __init__(self, folder: pathlib.Path):
        self.texts = texts.read_passages(folder)
        out, kept = texts.held_out_rows(texts.read_rows(folder, "questions.jsonl"))
        self.by_source = collections.defaultdict(list)
        for row in out:
            self.by_source[row["source"]].append(row)
        own = {row["positive"] for row in out}
        others = {row["positive"] for row in kept} - own
        chosen = sorted(others, key=lambda i: texts.fixed_hash(str(i)))[:OTHERS]
        self.ids = np.array(sorted([*own, *chosen]))
        self.index = Bm25([self.texts[i] for i in self.ids])

    def ask(self, source: str, queries: int, depth: int, near) -> list[Asked]:
        """The first `queries` questions by a hash with an answer among their candidates."""
        answers, original = collections.defaultdict(set), {}
        for row in self.by_source[source]:
            answers[texts.normal(row["query"])].add(row["positive"])
            original.setdefault(texts.normal(row["query"]), row["query"])
        # Some answers are found by nobody: a few more are asked.
        order = sorted(answers, key=texts.fixed_hash)[: 3 * queries]
        asked = self.index.query_matrix(order)
        lexical = self.index.coverage((asked @ self.index.matrix.T).toarray(), asked)
        cosine = None if near is None else near([original[query] for query in order])
        first = depth if cosine is None else depth // 2
        made = []
        for number, query in enumerate(order):
            found = top(lexical[number], first)
            if cosine is not None:
                by_cosine = top(cosine[number], depth)
                others = by_cosine[~np.isin(by_cosine, found)]
                found = np.concatenate([found, others[: depth - first]])
            found = found[np.argsort(-lexical[number][found], kind="stable")]
            ids = self.ids[found].tolist()
            if answers[query] & set(ids):
                scores = lexical[number][found].tolist()
                made.append(Asked(original[query], ids, scores, answers[query]))
        return made[:queries]


def top(scores: np.ndarray, count: int) -> np.ndarray:
    return np.argsort(-scores, kind="stable")[:count]


def sets(pool: Pool, queries: int, depth: int, near=None) -> dict[str, list[Asked]]:
    """{name: questions with `depth` candidates each}.

    Candidates are BM25's first ones; with `near` (queries -> cosines [Q, pool]) half of them are
    those of most cosine: on BM25's alone all answers are such that BM25 finds, and it looks better
    than it is. A source that is held out is a set; the held-out groups of the others together are
    the set in_domain.
    """
    made = {}
    for source in sorted(pool.by_source):
        if source in texts.HELD_OUT_SOURCES:
            made[source] = pool.ask(source, queries, depth, near)
        else:
            found = pool.ask(source, IN_DOMAIN_QUERIES, depth, near)
            made.setdefault("in_domain", []).extend(found)
    made["in_domain"].sort(key=lambda one: texts.fixed_hash(one.query))
    del made["in_domain"][queries:]
    return made


def near_by(taught_by: teacher.Teacher, pool: Pool, cache: pathlib.Path):
    """For sets(): the teacher's cosines over the pool."""
    vectors = taught_by.vectors([pool.texts[i] for i in pool.ids], cache)
    return lambda queries: taught_by.vectors(queries, cache) @ vectors.T


def ndcg(order, answers: set[int], depth: int = 10) -> float:
    gain = sum(1 / np.log2(rank + 2) for rank, i in enumerate(order[:depth]) if i in answers)
    return gain / sum(1 / np.log2(rank + 2) for rank in range(min(depth, len(answers))))


def mean_ndcg(asked: list[Asked], scores: list[np.ndarray]) -> float:
    ranked = [
        [one.candidates[place] for place in np.argsort(-np.asarray(row), kind="stable")]
        for one, row in zip(asked, scores)
    ]
    return float(np.mean([ndcg(order, one.answers) for order, one in zip(ranked, asked)]))


class HeldOut:
    """The sets, tokenized: `queries` of each with `depth` candidates, half of them a teacher's."""

    def __init__(self, folder: pathlib.Path, queries: int, depth: int, finder=None, cache=None):
        pool = Pool(folder)
        near = near_by(finder, pool, cache) if finder else None
        self.sets = sets(pool, queries, depth, near)
        used = sorted({i for asked in self.sets.values() for one in asked for i in one.candidates})
        self.passage_texts = {i: pool.texts[i] for i in used}
        tokens = teacher.tokenize(list(self.passage_texts.values()), teacher.PASSAGE_TOKENS)
        self.passage_tokens = dict(zip(used, tokens))

    def query_tokens(self, asked: list[Asked]):
        return teacher.tokenize([one.query for one in asked], teacher.QUERY_TOKENS)

    def cosines(self, taught_by: teacher.Teacher, cache: pathlib.Path):
        """{set: of each question the cosines of all candidates, each by its best window}."""
        parts = {i: texts.windows(text) for i, text in self.passage_texts.items()}
        flat = taught_by.vectors([part for own in parts.values() for part in own], cache)
        ends = np.cumsum([len(own) for own in parts.values()])
        vectors = dict(zip(parts, np.split(flat, ends[:-1])))
        made = {}
        for name, asked in self.sets.items():
            queries = taught_by.vectors([one.query for one in asked], cache)
            made[name] = [
                np.array([(vectors[i] @ query).max() for i in one.candidates])
                for one, query in zip(asked, queries)
            ]
        return made

    def logits(self, weights) -> dict[str, list[np.ndarray]]:
        made = {}
        for name, asked in self.sets.items():
            made[name] = []
            for one, query in zip(asked, self.query_tokens(asked)):
                pairs = [(query, self.passage_tokens[i]) for i in one.candidates]
                with torch.no_grad():
                    made[name].append(bert.logits(weights, pairs).numpy())
        return made

    def quality(self, scores: dict[str, list[np.ndarray]]) -> dict[str, float]:
        """nDCG@10 of each set, and their mean."""
        found = {name: mean_ndcg(asked, scores[name]) for name, asked in self.sets.items()}
        return found | {"mean": float(np.mean(list(found.values())))}


def write_trec(folder: pathlib.Path, sets: dict[str, list[Asked]], passages) -> None:
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    queries, qrels, run, used = [], [], [], set()
    for name, asked in sets.items():
        for number, one in enumerate(asked):
            query = f"{name}-{number}"
            queries.append(f"{query}\t{' '.join(one.query.split())}\n")
            qrels += [f"{query} 0 {i} 1\n" for i in sorted(one.answers)]
            for rank, (i, score) in enumerate(zip(one.candidates, one.bm25), 1):
                run.append(f"{query} Q0 {i} {rank} {score:.6f} bm25\n")
                used.add(i)
    corpus = [json.dumps({"id": str(i), "text": passages[i]}) + "\n" for i in sorted(used)]
    for name, lines in (("queries.tsv", queries), ("corpus.jsonl", corpus),
                        ("qrels.txt", qrels), ("runs/bm25.trec", run)):  # fmt: skip
        (folder / name).write_text("".join(lines), encoding="utf-8")


def mixed(cosines: list[dict], bm25: dict, weight: float) -> dict[str, list[np.ndarray]]:
    """What the target is made of: the teachers' cosines, weighted, and a share of BM25's."""
    return {
        name: [
            np.average([own[name][place] for own in cosines], 0, TEACHERS) + weight * coverage
            for place, coverage in enumerate(bm25[name])
        ]
        for name in bm25
    }


def agreement(logits: dict[str, list], target: dict[str, list]) -> float:
    """Mean correlation of a question's logits with its target scores; over sets as nDCG's mean.

    Where a question has one marked passage, nDCG does not see whether the others are in good order.
    """
    of_sets = [
        np.mean([np.corrcoef(row, wanted)[0, 1] for row, wanted in zip(rows, target[name])])
        for name, rows in logits.items()
    ]
    return float(np.mean(of_sets))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--out", default=pathlib.Path("build/train"), type=pathlib.Path)
    parser.add_argument("--queries", default=100, type=int, help="of each set")
    parser.add_argument("--depth", default=DEPTH, type=int, help="candidates of a question")
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--trec", type=pathlib.Path, help="write the sets to this folder instead")
    parser.add_argument("--teachers", action="store_true", help="minutes, the first time more")
    parser.add_argument(
        "models", nargs="*", type=pathlib.Path, help="folders with model.safetensors"
    )
    options = parser.parse_args()
    if options.trec:
        pool = Pool(options.data)
        write_trec(options.trec, sets(pool, options.queries, options.depth), pool.texts)
        return
    torch.set_num_threads(options.threads)
    cache = options.out / "cache"
    held_out = HeldOut(options.data, options.queries, options.depth, teacher.small(), cache)
    print("queries:", *(f"{name} {len(asked)}" for name, asked in held_out.sets.items()))
    bm25 = {name: [np.array(one.bm25) for one in asked] for name, asked in held_out.sets.items()}
    print_row("BM25", held_out.quality(bm25))
    target = teach(held_out, bm25, cache) if options.teachers else None
    for folder in options.models:
        logits = held_out.logits(bert.read_weights(folder))
        quality = held_out.quality(logits)
        if target:
            quality["agreement"] = agreement(logits, target)
        print_row(folder.name, quality)


def teach(held_out: HeldOut, bm25, cache: pathlib.Path) -> dict[str, list[np.ndarray]]:
    """Prints a row for each teacher and some mixtures; the target's scores."""
    cosines = []  # of each teacher
    for one in teacher.all_teachers(cache):
        cosines.append(held_out.cosines(one, cache))
        print_row(one.name, held_out.quality(cosines[-1]))
    for weight in (0.0, 0.2, 0.4, 0.6):
        print_row(f"their mix + {weight} BM25", held_out.quality(mixed(cosines, bm25, weight)))
    return mixed(cosines, bm25, COVERAGE * TEMPERATURE)


def print_row(name: str, values: dict[str, float]) -> None:
    cells = (f"{key} {value:.4f}" for key, value in values.items())
    print(f"{name:24}", *cells, flush=True)


if __name__ == "__main__":
    main()
