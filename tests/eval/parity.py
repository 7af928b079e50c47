#!/usr/bin/env python3
"""crossrank eval against pytrec_eval-terrier and ir-measures on every run and qrels of a folder.

    tools/venv.sh tests/eval/requirements.txt build/venv-eval
    build/venv-eval/bin/python tests/eval/parity.py build/release/crossrank FOLDER...

A FOLDER has runs/*.trec, and qrels in qrels*.txt and llm_qrels/*.txt. Every measure is compared
for every query and in the mean, at relevance levels 1 and 2. Exit code 1 if a number differs by
more than 1e-6 or is missing. --time also compares the time of the whole command with that of
reading and measuring in Python, on the largest run.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import time

import ir_measures
import pytrec_eval
import reference

TOLERANCE = 1e-6


def by_crossrank(binary, qrels, run, level, *more):
    """The values of every query, and the means."""
    command = [binary, "eval", "--qrels", qrels, "--run", run, "--format", "json", "--per-query"]
    command += ["--measures", ",".join(reference.ALL_MEASURES), "--relevance-level", str(level)]
    done = subprocess.run([*command, "--quiet", *more], capture_output=True, check=True)
    result = json.loads(done.stdout)["runs"][0]
    return {row["query"]: row["measures"] for row in result["per_query"]}, result["measures"]


class Difference:
    def __init__(self):
        self.count, self.worst = 0, 0.0

    def add(self, found, wanted):
        self.count += 1
        self.worst = max(self.worst, abs(found - wanted))

    def add_all(self, found, means, wanted, count):
        """All that `wanted` has; means are its sums over `count`."""
        assert set(found) == set(wanted), set(found) ^ set(wanted)
        for query, row in wanted.items():
            for name, value in row.items():
                self.add(found[query][name], value)
        for name in next(iter(wanted.values())):
            self.add(means[name], math.fsum(row[name] for row in wanted.values()) / count)


def compare(binary, qrels_path, run_path):
    qrels, run = reference.read_qrels(qrels_path), reference.read_run(run_path)
    trec, ir = Difference(), Difference()
    for level in (1, 2):
        found, means = by_crossrank(binary, qrels_path, run_path, level)
        ours = {q: {k: v for k, v in row.items() if k != "judged@10"} for q, row in found.items()}
        wanted = reference.by_pytrec_eval(qrels, run, level)
        trec.add_all(ours, means, wanted, len(wanted))
        wanted = reference.by_ir_measures(qrels, run, level)
        ir.add_all(found, means, wanted, len(wanted))
        # ir-measures' own means are over all queries of the qrels, as trec_eval -c has them.
        everything, means = by_crossrank(binary, qrels_path, run_path, level, "--all-queries")
        zeros = {q: dict.fromkeys(reference.ALL_MEASURES, 0) for q in qrels}
        ir.add_all(everything, means, zeros | wanted, len(qrels))
    return trec, ir


def tie_break_differences(binary, qrels_path, run_path):
    """How many values of judged@10 and MRR@10 ir-measures has otherwise, by its order of ties."""
    found, _ = by_crossrank(binary, qrels_path, run_path, 1)
    qrels, run = reference.read_qrels(qrels_path), reference.read_run(run_path)
    measures = {ir_measures.Judged @ 10: "judged@10", ir_measures.RR @ 10: "MRR@10"}
    return sum(
        abs(found[m.query_id][measures[m.measure]] - m.value) > TOLERANCE
        for m in ir_measures.iter_calc(list(measures), qrels, run)
        if m.query_id in found
    )


def measure_time(binary, qrels_path, run_path):
    """Seconds of crossrank, of pytrec_eval with reading, and of its evaluate() alone."""
    start = time.perf_counter()
    by_crossrank(binary, qrels_path, run_path, 1)  # with intervals, which pytrec_eval has not
    own = time.perf_counter() - start
    asked = {name for name, _ in reference.TREC_MEASURES.values()}
    start = time.perf_counter()
    qrels, run = reference.read_qrels(qrels_path), reference.read_run(run_path)
    read = time.perf_counter() - start
    pytrec_eval.RelevanceEvaluator(qrels, asked).evaluate(run)
    return own, time.perf_counter() - start, time.perf_counter() - start - read


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--time", action="store_true")
    args = parser.parse_args()
    pairs = [
        (folder, qrels, run)
        for folder in args.folders
        for qrels in sorted([*folder.glob("qrels*.txt"), *folder.glob("llm_qrels/*.txt")])
        for run in sorted(folder.glob("runs/*.trec"))
    ]
    if not pairs:
        sys.exit("no FOLDER has runs/*.trec and qrels")
    print(f"{'run':28} {'qrels':24} {'numbers':>8} {'pytrec_eval':>12} {'ir-measures':>12} ties")
    count, worst = 0, 0.0
    for folder, qrels, run in pairs:
        trec, ir = compare(args.binary, qrels, run)
        ties = tie_break_differences(args.binary, qrels, run)
        name = f"{folder.name}/{run.name}"
        numbers = trec.count + ir.count
        print(f"{name:28} {qrels.name:24} {numbers:8} {trec.worst:12.2g} {ir.worst:12.2g} {ties:4}")
        count += numbers
        worst = max(worst, trec.worst, ir.worst)
    print(f"{len(pairs)} pairs of files, {count} numbers, largest difference {worst:.2g}")
    if args.time:
        _, qrels, run = max(pairs, key=lambda pair: pair[2].stat().st_size)
        times = [measure_time(args.binary, qrels, run) for _ in range(5)]
        own, whole, alone = (sorted(column)[2] for column in zip(*times, strict=True))
        print(
            f"{run.name}, {run.stat().st_size / 1e6:.1f} MB: crossrank {own:.3f} s, pytrec_eval "
            f"{whole:.3f} s with reading, {alone:.3f} s without (medians of 5)"
        )
    return 1 if worst > TOLERANCE else 0


if __name__ == "__main__":
    sys.exit(main())
