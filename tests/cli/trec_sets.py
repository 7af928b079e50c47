"""Made-up queries, corpora and first stages, for the tests of `crossrank rerank`. Tests nothing."""

import random
import time

from harness import CliTest, jsonl

WORDS = "tea coffee sea night press printing moon tide bread river tokyo naïve ÉCOLE 東京 x".split()


def made_set(queries, documents, candidates, seed=1):
    """(queries as TSV, corpus as records, first stage {qid: [(docid, score)]}) of random words."""
    rng = random.Random(seed)

    def text(longest):
        return " ".join(rng.choices(WORDS, k=1 + rng.randrange(longest)))

    corpus = [{"id": f"d{i}", "title": text(3), "text": text(40)} for i in range(documents)]
    first = {
        f"q{q}": [
            (f"d{d}", round(rng.uniform(0, 20), 3))
            for d in rng.sample(range(documents), candidates)
        ]
        for q in range(queries)
    }
    return "".join(f"{qid}\t{text(6)}\n" for qid in first), corpus, first


def trec(first):
    """The rank column says nothing true: nobody may look at it."""
    return "".join(
        f"{qid} Q0 {docid} 7 {score} bm25\n"
        for qid, found in first.items()
        for docid, score in found
    )


def read_trec(text):
    run = {}
    for line in text.splitlines():
        qid, q0, docid, rank, score, _ = line.split(" ")
        assert q0 == "Q0"
        run.setdefault(qid, []).append((docid, int(rank), float(score)))
    return run


def lines_of(path):
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


class RerankTest(CliTest):
    def files(self, queries, corpus, first):
        self.first = first
        self.queries = dict(line.split("\t") for line in queries.splitlines())
        self.corpus = {document["id"]: document for document in corpus}
        return (
            "--queries",
            self.write("queries.tsv", queries),
            "--corpus",
            self.write("corpus.jsonl", jsonl(corpus)),
            "--run",
            self.write("first.trec", trec(first)),
        )

    def stopped_at(self, lines, partial, stop, *args):
        """Starts the command and sends it a signal when `partial` has so many lines; what it said,
        or None when it was done before."""
        process = self.start(*args)
        while lines_of(partial) < lines and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(stop)
        err = process.communicate(timeout=60)[1].decode()
        return None if process.returncode == 0 else (process.returncode, err)
