# Workloads of the peer benchmark: lists of (query, document) pairs read from TREC-style folders.
"""A workload is a name and a list of pairs. Data stays with the user: nothing is shipped."""

import json
import pathlib


def trec_pairs(folder, limit=None, stride=1):
    """Pairs of a folder with queries.tsv, corpus.jsonl and runs/bm25.trec, in run order.

    `stride` keeps every n-th pair, so that a sample spreads over all queries.
    """
    folder = pathlib.Path(folder)
    queries = dict(
        line.rstrip("\n").split("\t", 1) for line in (folder / "queries.tsv").open(encoding="utf-8")
    )
    documents = {}
    for line in (folder / "corpus.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        documents[row["id"]] = (row.get("title", "") + " " + row["text"]).strip()
    pairs = []
    for line in (folder / "runs" / "bm25.trec").open(encoding="utf-8"):
        qid, _, docid, *_ = line.split()
        pairs.append((queries[qid], documents[docid]))
    return pairs[::stride][:limit]


def first_characters(pairs, count):
    """The same pairs with each document cut to its first `count` code points."""
    return [(query, document[:count]) for query, document in pairs]
