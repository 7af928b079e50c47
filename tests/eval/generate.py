#!/usr/bin/env python3
"""Writes cases/: small runs and qrels with odd cases, and what the references make of them.

    tools/venv.sh tests/eval/requirements.txt build/venv-eval
    build/venv-eval/bin/python tests/eval/generate.py

The same bytes every time. The versions of the references stand in expected.json.
"""

import importlib.metadata
import json
import math
import pathlib
import random

import numpy
import reference
import scipy.stats

CASES = pathlib.Path(__file__).parent / "cases"


def qrels_text(qrels):
    return "".join(f"{q} 0 {d} {g}\n" for q, docs in qrels.items() for d, g in docs.items())


def run_text(run):
    return "".join(
        f"{q} Q0 {d} {rank} {score} t\n"
        for q, docs in run.items()
        for rank, (d, score) in enumerate(docs.items(), 1)
    )


def random_case(seed, queries, documents, grades, score):
    """Judgments of about a third of the documents, and a run of most of them."""
    rng = random.Random(seed)
    names = [f"d{i}" for i in range(documents)]
    qrels = {
        f"q{q}": {d: rng.choice(grades) for d in sorted(rng.sample(names, documents // 3))}
        for q in range(queries)
    }
    run = {
        f"q{q}": {d: score(rng) for d in rng.sample(names, rng.randint(1, documents))}
        for q in range(queries)
    }
    return qrels_text(qrels), run_text(run)


def cases():
    """Name -> text of the qrels, text of the run."""
    plain = random_case(1, 12, 60, [0, 0, 1, 2, 3], lambda r: round(r.gauss(0, 3), 4))
    yield "plain", plain
    yield "ties", random_case(2, 12, 40, [0, 1, 2], lambda r: r.randint(0, 3))
    yield "negative_grades", random_case(3, 10, 40, [-2, -1, 0, 1, 3], lambda r: r.random())
    # float32 sees the first two as one score, and the rank column contradicts all.
    yield (
        "float32_ties",
        (
            "q1 0 a 1\nq1 0 b 0\nq2 0 a 1\nq2 0 b 0\n",
            "q1 Q0 a 9 1.000000001 t\nq1 Q0 b 1 1.0 t\nq2 Q0 a 1 1.000001 t\nq2 Q0 b 0 1.0 t\n",
        ),
    )
    yield (
        "id_order",
        (
            "q1 0 10 1\nq2 0 a 1\nq3 0 é 1\nq4 0 z 1\n",
            "q1 Q0 9 1 5 t\nq1 Q0 10 2 5 t\nq2 Q0 B 1 5 t\nq2 Q0 a 2 5 t\n"
            "q3 Q0 z 1 5 t\nq3 Q0 é 2 5 t\nq4 Q0 é 1 5 t\nq4 Q0 z 2 5 t\n",
        ),
    )
    missing = random_case(4, 8, 30, [0, 1, 2], lambda r: r.random())
    lines = missing[1].splitlines(keepends=True)
    yield (
        "missing_queries",
        (
            missing[0] + "only_judged 0 d1 2\n",
            "".join(x for x in lines if not x.startswith(("q2 ", "q5 ")))
            + "only_run Q0 d1 1 1.5 t\n",
        ),
    )
    # The last line of a document counts, in either file; queries come in pieces.
    yield (
        "duplicates",
        (
            "q1 0 a 0\nq2 0 a 1\nq1 0 b 1\nq1 0 a 2\n",
            "q1 Q0 a 1 9 t\nq2 Q0 b 1 3 t\nq1 Q0 b 2 8 t\nq1 Q0 a 3 1 t\nq2 Q0 a 2 4 t\n"
            "q1 Q0 c 4 2 t\n",
        ),
    )
    yield (
        "nothing_relevant",
        (
            "q1 0 a 0\nq1 0 b 0\nq2 0 x 1\nq3 0 a 3\n",
            "q1 Q0 a 1 2 t\nq1 Q0 b 2 1 t\nq2 Q0 y 1 2 t\nq3 Q0 a 1 2 t\n",
        ),
    )
    yield (
        "layout",
        (
            "\ufeffq1 0 a 1\r\n\r\n  q1\t0\tb  2\r\nq1 0 c 0",
            "\ufeff\r\nq1 Q0 a 1 -1.5e-3 t\r\nq1\tQ0\tb\t2\t-1E+2\tt\r\n q1 Q0 c 3 +.5 t \r\n\n"
            "q1 Q0 d 4 1e-400 t",
        ),
    )
    yield "deep", random_case(5, 3, 900, [0, 1, 2, 3, 4], lambda r: round(r.expovariate(1), 3))


def mean(values):
    return {name: math.fsum(row[name] for row in values.values()) / len(values)
            for name in reference.ALL_MEASURES}  # fmt: skip


def expected(qrels_path, run_path):
    qrels, run = reference.read_qrels(qrels_path), reference.read_run(run_path)
    levels = {}
    for level in (1, 2):
        values = reference.by_pytrec_eval(qrels, run, level)
        others = reference.by_ir_measures(qrels, run, level)
        for query, row in values.items():
            row["judged@10"] = others[query]["judged@10"]
            for name, value in row.items():
                assert abs(value - others[query][name]) < 1e-9, (query, name, value, others[query])
        levels[str(level)] = {"queries": values, "mean": mean(values)}
    return levels


def significance():
    """Differences, and what scipy says of them; the bootstrap is numpy's, with other numbers."""
    rng = random.Random(6)
    for count in (2, 5, 30, 400):
        before = [round(rng.random(), 6) for _ in range(count)]
        after = [round(b + rng.gauss(0.05, 0.2), 6) for b in before]
        differences = numpy.subtract(after, before)
        draws = numpy.random.default_rng(7).integers(0, count, (100_000, count))
        low, high = numpy.percentile(differences[draws].mean(axis=1), [2.5, 97.5])
        yield {
            "before": before,
            "after": after,
            "p": float(scipy.stats.ttest_rel(after, before).pvalue),
            "interval": [float(low), float(high)],
            # 4 standard errors of a percentile of 10,000 resamples, by a normal's density there.
            "tolerance": 4 * float(differences.std()) / math.sqrt(count) * 0.00156 / 0.0584,
        }


def main():
    CASES.mkdir(exist_ok=True)
    out = {
        "made_by": "tests/eval/generate.py",
        "versions": {
            name: importlib.metadata.version(name)
            for name in ("pytrec_eval-terrier", "ir_measures", "numpy", "scipy")
        },
        "measures": reference.ALL_MEASURES,
        "cases": {},
        "significance": list(significance()),
    }
    for name, (qrels, run) in cases():
        paths = CASES / f"{name}.qrels", CASES / f"{name}.run"
        for path, text in zip(paths, (qrels, run), strict=True):
            path.write_bytes(text.encode())
        out["cases"][name] = expected(*paths)
    text = json.dumps(out, ensure_ascii=False, indent=None, separators=(",", ":"))
    # A query a line, for diffs that can be read.
    (CASES / "expected.json").write_text(text.replace('},"', '},\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
