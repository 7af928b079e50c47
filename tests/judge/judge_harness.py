"""Runs crossrank hybrid for the tests of this folder. Standard library only; tests nothing."""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

from harness import BINARY, SOURCE, TINY, CliTest, jsonl, run_on_terminal  # noqa: E402

__all__ = ["BINARY", "SOURCE", "TINY", "CliTest", "jsonl", "run_on_terminal"]

QUERY = "why do cats sleep so much"
# Six documents whose text says how relevant they are; an honest judge of fault_server.py reads
# that. Two are equal, and the best one is alone.
GRADES = {"d0": 6, "d1": 9, "d2": 0, "d3": 6, "d4": 3, "d5": 1}
DOCUMENTS = [
    {"id": "d0", "page_content": "Cats sleep to save energy. grade 6", "metadata": {"year": 2021}},
    {"id": "d1", "page_content": "A cat's hunt is short. grade 9", "metadata": {"title": "Hunt"}},
    {"id": "d2", "page_content": "Trains leave at noon. grade 0"},
    {"id": "d3", "page_content": "Kittens sleep most. grade 6", "metadata": {"tags": ["a", "b"]}},
    {"id": "d4", "page_content": "Dogs sleep less. grade 3"},
    {"id": "d5", "page_content": "Cats are cats. grade 1"},
]
# As long as real ones, and with characters that JSON may write in two ways.
KEY = "sk-fault/proj-0123456789+abcdefghij"
ASKED_MODEL = "judge-model"
SLOWDOWN = 4 if os.environ.get("CROSSRANK_SANITIZE") else 1  # of a binary with sanitizers


def environment(folder):
    """Without caches, proxies and settings of whoever runs the tests."""
    ours = ("HF_", "CROSSRANK_", "XDG_", "http_", "https_", "all_", "HTTP", "ALL_", "NO_PROXY")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return env | {
        "HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        "no_proxy": "127.0.0.1,localhost",
        "CROSSRANK_JUDGE_API_KEY": KEY,
    }


class Judged:
    """What `crossrank hybrid --format json` left, and its trace."""

    def __init__(self, done, seconds, trace):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.seconds = seconds
        self.trace = trace.read_bytes() if trace.exists() else b""
        self.trace_mode = stat.S_IMODE(trace.stat().st_mode) if trace.exists() else None

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def traced(self):
        return [json.loads(line) for line in self.trace.split(b"\n")[:-1]]

    @property
    def ids(self):
        return [result["id"] for result in self.json["results"]]


def hybrid_args(url, *more, query=QUERY, model=TINY, form="json"):
    """The command that every test of this folder varies; documents come from standard input."""
    return [
        *("hybrid", "-q", query, "--model", model, "--threads", "1", "--format", form),
        *("--judge-url", url, "--judge-model", ASKED_MODEL, *map(str, more)),
    ]


def judge(url, *more, documents=DOCUMENTS, env=(), timeout=60, **named):
    """Runs the command to its end, in a folder that is gone afterwards."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="crossrank-judge-"))
    try:
        trace = folder / "trace.jsonl"
        args = hybrid_args(url, "--trace", trace, *more, **named)
        begin = time.monotonic()
        done = subprocess.run(
            [BINARY, *args],
            input=jsonl(documents).encode(),
            capture_output=True,
            env=environment(folder) | dict(env),
            timeout=timeout,
        )
        return Judged(done, time.monotonic() - begin, trace)
    finally:
        shutil.rmtree(folder)
