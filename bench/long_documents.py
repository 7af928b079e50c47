#!/usr/bin/env python3
"""How to score documents longer than the model: nDCG@10 and time of each way, on one set.

    bench/long_documents.py --crossrank build/release/crossrank --data DIR [--parts 8]

DIR holds queries.tsv (id TAB text), corpus.jsonl ({id, title?, text}), qrels.txt and runs/bm25.trec.
The first --depth documents of the run are reranked for --queries queries drawn by chance.

With --parts N a document is first made long: it and N - 1 others, as paragraphs, in an order drawn
by chance. The others are answers to no query, and drawn for each document by its id and --seed, so
that everybody makes the same set. First-stage rank and judgments stay those of the document within.

Ways take turns by --rounds; times are medians, and load the model once each. Standard library only.
"""

import argparse
import collections
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

WAYS = {
    "first 400 characters": ["--max-chars", "400"],
    "first 128 tokens": ["--truncation", "first", "--chunk-tokens", "128"],
    "first 256 tokens": ["--truncation", "first"],
    "512 tokens a pair": [],
    "best chunk of 128": ["--truncation", "chunk_max", "--chunk-tokens", "128"],
    "best chunk of 256": ["--truncation", "chunk_max"],
    "best two of 128": ["--truncation", "chunk_top2", "--chunk-tokens", "128"],
    "best two of 256": ["--truncation", "chunk_top2"],
}
BASELINE = "512 tokens a pair"


def read_rows(path: pathlib.Path) -> list[list[str]]:
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines()]


def make_set(options, folder: pathlib.Path) -> None:
    """Writes qrels.txt, bm25.trec and corpus.jsonl of the drawn queries to `folder`."""
    chance = random.Random(options.seed)
    judged = read_rows(options.data / "qrels.txt")
    ranked = collections.defaultdict(list)
    for row in read_rows(options.data / "runs" / "bm25.trec"):
        ranked[row[0]].append(row)
    queries = sorted({row[0] for row in judged} & set(ranked))
    chosen = set(chance.sample(queries, min(options.queries, len(queries))))
    rows = []
    for query in sorted(chosen):
        rows += sorted(ranked[query], key=lambda row: int(row[3]))[: options.depth]
    write_rows(folder / "qrels.txt", [row for row in judged if row[0] in chosen])
    write_rows(folder / "bm25.trec", rows)

    texts = {}
    with (options.data / "corpus.jsonl").open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            texts[row["id"]] = f"{row.get('title', '')} {row['text']}".strip()
    answers = {row[2] for row in judged if int(row[3]) > 0}
    others = sorted(texts.keys() - answers)
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for document in sorted({row[2] for row in rows}):
            text = lengthened(document, texts, others, options)
            file.write(json.dumps({"id": document, "text": text}) + "\n")


def lengthened(document: str, texts: dict[str, str], others: list[str], options) -> str:
    chance = random.Random(f"{options.seed} {document}")
    parts = [document, *chance.sample(others, options.parts - 1)]
    chance.shuffle(parts)
    return "\n\n".join(texts[part] for part in parts)


def write_rows(path: pathlib.Path, rows: list[list[str]]) -> None:
    path.write_text("".join(" ".join(row) + "\n" for row in rows), encoding="utf-8")


def run(options, folder: pathlib.Path, *arguments: str) -> str:
    done = subprocess.run(
        [options.crossrank.resolve(), *arguments], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"{options.crossrank} {' '.join(arguments)}: exit {done.returncode}")
    return done.stdout


def rerank(options, folder: pathlib.Path, name: str) -> float:
    """Seconds."""
    (folder / f"{name}.trec").unlink(missing_ok=True)
    start = time.monotonic()
    run(options, folder, "rerank", "--model", options.model, "--precision", options.precision,
        "--queries", str((options.data / "queries.tsv").resolve()), "--corpus", "corpus.jsonl",
        "--run", "bm25.trec", *WAYS[name], "--quiet",
        "--output", f"{name}.trec")  # fmt: skip
    return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--crossrank", required=True, type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--queries", default=100, type=int)
    parser.add_argument("--depth", default=50, type=int)
    parser.add_argument("--parts", default=1, type=int, help="documents that make a long one")
    parser.add_argument("--rounds", default=1, type=int)
    parser.add_argument("--seed", default=1, type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measure(options, pathlib.Path(name))


def measure(options, folder: pathlib.Path) -> None:
    make_set(options, folder)
    documents = len(read_rows(folder / "bm25.trec"))
    seconds = collections.defaultdict(list)
    for _ in range(options.rounds):
        for name in WAYS:
            seconds[name].append(rerank(options, folder, name))
            print(f"{name}: {seconds[name][-1]:.1f} s", file=sys.stderr)
    print("| what is scored | nDCG@10 | against 512 tokens | ms a document |")
    print("| --- | --- | --- | --- |")
    others = ["bm25", *(name for name in WAYS if name != BASELINE)]
    runs = [word for name in [BASELINE, *others] for word in ("--run", f"{name}.trec")]
    report = json.loads(run(options, folder, "eval", "--qrels", "qrels.txt", *runs, "--measures",
                            "nDCG@10", "--format", "json", "--quiet"))  # fmt: skip
    means = {entry["run"]: entry["measures"]["nDCG@10"] for entry in report["runs"]}
    compared = {entry["run"]: entry for entry in report["comparisons"]}
    for name in ["bm25", *WAYS]:
        file = f"{name}.trec"
        print(row_of(name, means[file], compared.get(file), seconds[name], documents))


def row_of(name: str, mean: float, compared, seconds: list[float], documents: int) -> str:
    against = ""
    if compared:
        low, high = compared["interval"]
        against = f"{compared['difference']:+.4f} ({low:+.4f} to {high:+.4f})"
    cost = f"{1000 * statistics.median(seconds) / documents:.1f}" if seconds else ""
    return f"| {name} | {mean:.4f} | {against} | {cost} |"


if __name__ == "__main__":
    main()
