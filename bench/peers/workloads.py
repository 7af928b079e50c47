# Workloads of the peer benchmark: lists of (query, document) pairs and texts to calibrate with.
"""A Workload has the timed pairs, and calibration pairs that are not timed.

Data stays with the user: `load` reads DATA/dl19 and DATA/scifact, each a folder with queries.tsv,
corpus.jsonl and runs/bm25.trec. Only the workload "examples" is made of texts of this repository.
"""

import dataclasses
import json
import pathlib

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
CALIBRATION_PAIRS = 300  # What OpenVINO's guide suggests for post-training quantization.


@dataclasses.dataclass
class Workload:
    name: str
    pairs: list  # [(query, document)]
    calibration: list  # [(query, document)], none of them in pairs
    title: str

    def groups(self):
        """Indices of the pairs of each query, in order of appearance."""
        groups = {}
        for index, (query, _) in enumerate(self.pairs):
            groups.setdefault(query, []).append(index)
        return list(groups.values())


def trec_pairs(folder, limit=None, stride=1):
    """Pairs of a folder with queries.tsv, corpus.jsonl and runs/bm25.trec, in run order.

    `stride` keeps every n-th pair, so that a sample spreads over all queries.
    """
    folder = pathlib.Path(folder)
    with (folder / "queries.tsv").open(encoding="utf-8") as file:
        queries = dict(line.rstrip("\n").split("\t", 1) for line in file)
    documents = {}
    with (folder / "corpus.jsonl").open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            documents[row["id"]] = (row.get("title", "") + " " + row["text"]).strip()
    pairs = []
    with (folder / "runs" / "bm25.trec").open(encoding="utf-8") as file:
        for line in file:
            qid, _, docid, *_ = line.split()
            pairs.append((queries[qid], documents[docid]))
    return pairs[::stride][:limit]


def first_characters(pairs, count):
    """The same pairs with each document cut to its first `count` code points."""
    return [(query, document[:count]) for query, document in pairs]


def example_pairs():
    """(timed, calibration): the example queries, and the titles, each with all example passages."""
    with (EXAMPLES / "queries.tsv").open(encoding="utf-8") as file:
        queries = [line.rstrip("\n").split("\t", 1)[1] for line in file]
    with (EXAMPLES / "corpus.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    passages = [row["page_content"] for row in rows]
    timed = [(query, passage) for query in queries for passage in passages]
    titles = [row["metadata"]["title"] for row in rows]
    return timed, [(title, passage) for title in titles for passage in passages]


def load(name, data, limit=None):
    """The workload called `name`; `limit` keeps its first pairs only (a trial, not a result)."""
    if name == "examples":
        timed, spare = example_pairs()
        title = "examples/ of the repository"
    else:
        run = trec_pairs(pathlib.Path(data) / ("scifact" if name == "scifact" else "dl19"))
        if name == "dl19":
            timed, title = run[::5][:800], "TREC DL 2019, BM25 candidates"
        elif name == "scifact":
            timed, title = run[:200], "SciFact, BM25 candidates"
        elif name == "short":
            run = first_characters(run, 64)
            timed, title = run[::4][:1000], "TREC DL 2019, first 64 characters"
        elif name == "docs50":
            run = [(query, document[:400]) for query, document in run if len(document) >= 400]
            timed, title = run[:50], "50 documents of 400 characters, one query after another"
        else:
            raise ValueError(f"no workload is called {name}")
        seen = set(timed)
        spare = [pair for pair in run if pair not in seen]
    calibration = spare[:: max(1, len(spare) // CALIBRATION_PAIRS)][:CALIBRATION_PAIRS]
    return Workload(name, timed[:limit], calibration, title)


def latency_pairs(pairs, count):
    """`count` pairs of one query, as a reranker is called: the documents of the list, repeated."""
    query = pairs[0][0]
    return [(query, pairs[index % len(pairs)][1]) for index in range(count)]
