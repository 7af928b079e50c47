"""Rows for the tests of Spark and Ray, the one-process answer to them, and what their workers did.
Not a test."""

import json
import os
import pathlib
import random
import re
import signal
import struct
import threading
import time

import crossrank

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Not resolved: a build folder has links to the Python files beside the compiled part.
PACKAGE = pathlib.Path(crossrank.__file__).absolute().parents[1]
WORKER_LOG = pathlib.Path(__file__).resolve().parent / "worker_log"
QUERIES = 40
DOCUMENTS = 50


def snippet(section):
    """The Python of a section of docs/scale.md."""
    page = (ROOT / "docs/scale.md").read_text(encoding="utf-8").split(f"\n## {section}\n")[1]
    return re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]


def worker_pythonpath():
    """How workers find the package, and the log of what they do."""
    return os.pathsep.join([str(WORKER_LOG), str(PACKAGE)])


def rows():
    """2,000 rows (qid, query, docid, text, place), 40 queries of 50 documents, some of them twice
    so that logits are equal. Made of the sentences of examples/corpus.jsonl."""
    random_ = random.Random(5)
    lines = (ROOT / "examples/corpus.jsonl").read_text(encoding="utf-8").splitlines()
    words = " ".join(json.loads(line)["page_content"] for line in lines).split()
    out = []
    for q in range(QUERIES):
        query = " ".join(random_.sample(words, 4))
        texts = [" ".join(random_.sample(words, random_.randint(3, 10))) for _ in range(DOCUMENTS)]
        texts[7] = texts[3]
        texts[40] = texts[3]
        for d, text in enumerate(texts):
            out.append(
                {"qid": f"q{q:02}", "query": query, "docid": f"d{d:02}", "text": text, "place": d}
            )
    return out


def expected_bits(encoder, table):
    """{(qid, docid): the bits of (logit, probability, score)} of one process."""
    scored = encoder.score([(row["query"], row["text"]) for row in table])
    assert [s.score for s in scored] == encoder.predict(
        [(row["query"], row["text"]) for row in table]
    ).tolist()
    return {
        (row["qid"], row["docid"]): _bits(s.logit, s.probability, s.score)
        for row, s in zip(table, scored)
    }


def found_bits(table):
    """The same of rows that came back. Fails where a row is there twice or has an error."""
    out = {}
    for row in table:
        assert row["error"] is None
        assert row["truncated"] is False
        key = (row["qid"], row["docid"])
        assert key not in out, f"{key} is there twice"
        out[key] = _bits(row["logit"], row["probability"], row["score"])
    return out


def _bits(*values):
    return struct.pack("<3d", *values)  # doubles: a float32 column must not have rounded anything


def expected_ranks(encoder, table, top_k):
    """{qid: [(docid, score), ...]} as CrossEncoder.rank has them."""
    groups = {}
    for row in table:
        groups.setdefault(row["qid"], []).append(row)
    return {
        qid: [
            (group[hit["corpus_id"]]["docid"], hit["score"])
            for hit in encoder.rank(group[0]["query"], [r["text"] for r in group], top_k=top_k)
        ]
        for qid, group in groups.items()
    }


def found_ranks(table):
    out = {}
    for row in sorted(table, key=lambda row: (row["qid"], row["rank"])):
        ranks = out.setdefault(row["qid"], [])
        assert row["rank"] == len(ranks) + 1
        ranks.append((row["docid"], row["logit"]))
    return out


class Log:
    """What worker_log/sitecustomize.py wrote: a file a process."""

    def __init__(self, folder):
        self.folder = folder

    def clear(self):
        for file in self.folder.iterdir():
            file.unlink()

    def processes(self):
        """{pid: [(what, number), ...]}."""
        out = {}
        for file in self.folder.iterdir():
            lines = [line.split() for line in file.read_text().splitlines()]
            out[int(file.name)] = [(what, int(number)) for what, number in lines]
        return out

    def threads_of_loads(self):
        """{pid: [threads of each model that it loaded]}."""
        processes = self.processes().items()
        return {pid: [n for what, n in calls if what == "load"] for pid, calls in processes}

    def kill_a_scorer(self, victim=lambda pid: pid):
        """Starts a thread that kills `victim` of the first process that is at its rows. Returns a
        function that waits for it and gives the pid of that process, None where there was none."""
        killed = []

        def watch():
            limit = time.monotonic() + 60
            while not killed and time.monotonic() < limit:
                for pid, calls in self.processes().items():
                    # One is the trial pair of a Scorer; more than one pair are rows.
                    if any(what == "score" and number > 1 for what, number in calls):
                        os.kill(victim(pid), signal.SIGKILL)
                        killed.append(pid)
                        return
                time.sleep(0.005)

        thread = threading.Thread(target=watch)
        thread.start()

        def wait():
            thread.join()
            return killed[0] if killed else None

        return wait


def parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
