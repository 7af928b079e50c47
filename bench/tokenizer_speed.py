#!/usr/bin/env python3
"""Our tokenizer beside the `tokenizers` package: the same pairs, one thread each, in turns.

    python bench/tokenizer_speed.py --binary build/release/bench/tokenizer_bench --pairs pairs.tsv
    python bench/tokenizer_speed.py --binary ... --queries q.tsv --corpus c.jsonl --run bm25.trec

--pairs is TSV (query<TAB>document) or JSON lines ({"query", "document"}). With --queries (id<TAB>text),
--corpus (JSON lines {"id", "text", "title"?}) and --run (TREC) the pairs are those of the run.
Both sides make ids and token types of whole pairs; that these are equal is checked. The package runs
encode() pair by pair, encode_batch() and encode_batch_fast() (which leaves offsets out); the fastest
of the three is what the ratio is of. Exits 1 when the ratio is below --require.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import tokenizers  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = ROOT / "models" / "minilm-l6-crossrank" / "tokenizer.json"


def read_pairs(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        if path.suffix == ".tsv":
            query, document = line.split("\t", 1)
        else:
            row = json.loads(line)
            query, document = row["query"], row["document"]
        yield query, document


def read_run(queries_path, corpus_path, run_path):
    queries = dict(line.split("\t", 1) for line in queries_path.read_text().splitlines())
    corpus = {}
    with corpus_path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            title = row.get("title")
            corpus[row["id"]] = f"{title} {row['text']}" if title else row["text"]
    for line in run_path.read_text().splitlines():
        query, _, document, *_ = line.split()
        yield queries[query], corpus[document]


def fnv1a(encodings):
    value = 0xCBF29CE484222325
    for e in encodings:
        for number in (*e.ids, *e.type_ids):
            value = ((value ^ number) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def timed(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, help="tokenizer_bench")
    parser.add_argument("--tokenizer", type=pathlib.Path, default=MODEL)
    parser.add_argument("--pairs", type=pathlib.Path)
    parser.add_argument("--queries", type=pathlib.Path)
    parser.add_argument("--corpus", type=pathlib.Path)
    parser.add_argument("--run", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--require", type=float, default=10.0, help="the least ratio (10)")
    options = parser.parse_args()
    if options.pairs:
        pairs = list(read_pairs(options.pairs))
    elif options.queries and options.corpus and options.run:
        pairs = list(read_run(options.queries, options.corpus, options.run))
    else:
        parser.error("give --pairs, or all of --queries, --corpus and --run")
    pairs = [tuple(" ".join(side.split("\n")).replace("\t", " ") for side in p) for p in pairs]

    load_seconds, tokenizer = timed(lambda: Tokenizer.from_file(str(options.tokenizer)))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    package = {
        "encode": lambda: [tokenizer.encode(q, d) for q, d in pairs],
        "encode_batch": lambda: tokenizer.encode_batch(pairs),
        "encode_batch_fast": lambda: tokenizer.encode_batch_fast(pairs),
    }
    expected = fnv1a(tokenizer.encode_batch(pairs))
    seconds = {name: [] for name in (*package, "crossrank")}
    with tempfile.TemporaryDirectory() as folder:
        tsv = pathlib.Path(folder) / "pairs.tsv"
        tsv.write_text("".join(f"{q}\t{d}\n" for q, d in pairs), encoding="utf-8")
        with subprocess.Popen(
            [options.binary, options.tokenizer, tsv],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as ours:
            for _ in range(options.rounds):
                for name, work in package.items():
                    seconds[name].append(timed(work)[0])
                print("go", file=ours.stdin, flush=True)
                elapsed, count, tokens, load, digest = ours.stdout.readline().split()
                seconds["crossrank"].append(float(elapsed))
                if int(digest) != expected:
                    sys.exit("the two sides disagree on the ids; the times mean nothing")
            ours.stdin.close()

    megabytes = sum(len(q.encode()) + len(d.encode()) for q, d in pairs) / 1e6
    print(
        f"{count} pairs, {tokens} tokens, {megabytes:.1f} MB, one thread, median (range) of "
        f"{options.rounds} rounds in turns; tokenizers {tokenizers.__version__}"
    )
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        label = name if name == "crossrank" else f"tokenizers {name}"
        print(
            f"  {label:28} {1e3 * medians[name]:9.1f} ms ({1e3 * min(values):.1f} to "
            f"{1e3 * max(values):.1f}), {megabytes / medians[name]:8.1f} MB/s"
        )
    print(f"  loading: tokenizers {1e3 * load_seconds:.1f} ms, crossrank {float(load):.1f} ms")
    ratio = min(medians[name] for name in package) / medians["crossrank"]
    print(f"  ratio {ratio:.1f} (at least {options.require:g} required)")
    sys.exit(0 if ratio >= options.require else 1)


if __name__ == "__main__":
    main()
