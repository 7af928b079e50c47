"""Ranking quality on the groups that were held back; it reads no evaluation set.

    python tools/train/heldout.py --data DIR FOLDER...        # a row for BM25 and each model
    python tools/train/heldout.py --data DIR --teachers       # and for what models learn from
    python tools/train/heldout.py --data DIR --trec OUT       # the same sets for other programs

OUT gets queries.tsv, corpus.jsonl, qrels.txt and runs/bm25.trec.
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

DEPTH = 50  # what a first stage hands to a reranker
IN_DOMAIN_QUERIES = 25  # of each source that is trained on; together one set


@dataclasses.dataclass
class Asked:
    query: str
    candidates: list[int]  # passage ids in BM25's order
    bm25: list[float]  # as coverage
    answers: set[int]


def sets(
    folder: pathlib.Path, queries: int, depth: int
) -> tuple[dict[str, list[Asked]], dict[int, str]]:
    """{name: questions whose answer BM25 finds} and the passages' texts.

    A source that is held out is a set with all its passages; the held-out groups of the others make
    the set in_domain, each question against the held-out passages of its source.
    """
    passages = texts.read_passages(folder)
    out, _ = texts.held_out_rows(texts.read_rows(folder, "questions.jsonl"))
    by_source = collections.defaultdict(list)
    for row in out:
        by_source[row["source"]].append(row)
    made = {}
    for source, rows in sorted(by_source.items()):
        if source in texts.HELD_OUT_SOURCES:
            made[source] = ask(rows, passages, queries, depth)
        else:
            made.setdefault("in_domain", []).extend(ask(rows, passages, IN_DOMAIN_QUERIES, depth))
    made["in_domain"].sort(key=lambda one: texts.fixed_hash(one.query))
    del made["in_domain"][queries:]
    return made, passages


def ask(rows, passages, queries: int, depth: int) -> list[Asked]:
    answers = collections.defaultdict(set)
    for row in rows:
        answers[texts.normal(row["query"])].add(row["positive"])
    corpus = sorted({row["positive"] for row in rows})
    index = Bm25([passages[i] for i in corpus])
    order = sorted(answers, key=texts.fixed_hash)
    asked_matrix = index.query_matrix(order)
    coverage = index.coverage((asked_matrix @ index.matrix.T).toarray(), asked_matrix)
    original = {texts.normal(row["query"]): row["query"] for row in rows}
    made = []
    for query, scores in zip(order, coverage):
        best = np.argsort(-scores, kind="stable")[:depth]
        found = [corpus[place] for place in best]
        if answers[query] & set(found):
            made.append(Asked(original[query], found, scores[best].tolist(), answers[query]))
    return made[:queries]


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
    """The sets, tokenized: `queries` of each, with the first `depth` candidates of BM25."""

    def __init__(self, folder: pathlib.Path, queries: int, depth: int):
        self.sets, passages = sets(folder, queries, depth)
        used = sorted({i for asked in self.sets.values() for one in asked for i in one.candidates})
        self.passage_texts = {i: passages[i] for i in used}
        tokens = teacher.tokenize(list(self.passage_texts.values()), teacher.PASSAGE_TOKENS)
        self.passage_tokens = dict(zip(used, tokens))

    def query_tokens(self, asked: list[Asked]):
        return teacher.tokenize([one.query for one in asked], teacher.QUERY_TOKENS)

    def cosines(self, taught_by: teacher.Teacher, cache: pathlib.Path):
        """{set: of each question the teacher's cosines of all candidates}."""
        places = {i: place for place, i in enumerate(self.passage_texts)}
        vectors = taught_by.vectors(list(self.passage_texts.values()), cache)
        made = {}
        for name, asked in self.sets.items():
            queries = taught_by.vectors([one.query for one in asked], cache)
            made[name] = [
                vectors[[places[i] for i in one.candidates]] @ query
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
    """What the target is made of: the teachers' mean cosine and a share of BM25's coverage."""
    return {
        name: [
            np.mean([own[name][place] for own in cosines], 0) + weight * coverage
            for place, coverage in enumerate(bm25[name])
        ]
        for name in bm25
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--out", default=pathlib.Path("build/train"), type=pathlib.Path)
    parser.add_argument("--queries", default=100, type=int, help="of each set")
    parser.add_argument("--depth", default=DEPTH, type=int, help="of BM25's candidates")
    parser.add_argument("--threads", default=2, type=int)
    parser.add_argument("--trec", type=pathlib.Path, help="write the sets to this folder instead")
    parser.add_argument("--teachers", action="store_true", help="minutes, the first time more")
    parser.add_argument(
        "models", nargs="*", type=pathlib.Path, help="folders with model.safetensors"
    )
    options = parser.parse_args()
    if options.trec:
        write_trec(options.trec, *sets(options.data, options.queries, options.depth))
        return
    torch.set_num_threads(options.threads)
    held_out = HeldOut(options.data, options.queries, options.depth)
    print("queries:", *(f"{name} {len(asked)}" for name, asked in held_out.sets.items()))
    bm25 = {name: [np.array(one.bm25) for one in asked] for name, asked in held_out.sets.items()}
    print_row("BM25", held_out.quality(bm25))
    for folder in options.models:
        print_row(folder.name, held_out.quality(held_out.logits(bert.read_weights(folder))))
    if not options.teachers:
        return
    cosines = []  # of each teacher
    for one in teacher.all_teachers(options.out / "cache"):
        cosines.append(held_out.cosines(one, options.out / "cache"))
        print_row(one.name, held_out.quality(cosines[-1]))
    for weight in (0.0, 0.2, 0.4, 0.6):  # of coverage; the target's is COVERAGE x TEMPERATURE
        print_row(f"their mean + {weight} BM25", held_out.quality(mixed(cosines, bm25, weight)))


def print_row(name: str, values: dict[str, float]) -> None:
    cells = (f"{key} {value:.4f}" for key, value in values.items())
    print(f"{name:24}", *cells, flush=True)


if __name__ == "__main__":
    main()
