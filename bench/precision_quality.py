"""What bf16 and int8 cost in ranking quality: nDCG@10 and Kendall's tau against fp32, same engine.

    build/venv/bin/python bench/precision_quality.py --crossrank build/release/crossrank \
        --model models/minilm-l6-crossrank --data DIR

DIR is as bench/quality.py describes it, whose reader and scorer these are. Exit 1 when a precision
that this CPU runs breaks its bound (docs/fidelity.md); one that it does not run is named.
"""

import argparse
import pathlib
import subprocess

from quality import crossrank_logits, ndcg, read_set
from scipy.stats import kendalltau

NDCG_BOUND = {"bf16": 0.001, "int8": 0.002}
TAU_BOUND = {"bf16": 0.97, "int8": 0.97}  # mean over queries, first --top documents


def runs_here(binary: str, precision: str) -> bool:
    command = [binary, "score", "--model", "builtin", "--precision", precision, "--quiet", "-"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--crossrank", required=True, help="the binary")
    parser.add_argument("--model", required=True, type=pathlib.Path, help="a model folder")
    parser.add_argument("--data", required=True, type=pathlib.Path, help="the set's folder")
    parser.add_argument("--run", default="bm25", help="runs/NAME.trec (default bm25)")
    parser.add_argument("--top", type=int, default=100)
    parser.add_argument("--limit-queries", type=int, help="the first N queries alone")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        help="passed on to crossrank score, for example --option=--isa=avx2",
    )
    options = parser.parse_args()
    groups, qrels = read_set(options.data, options.run, options.top, options.limit_queries)
    print(
        f"{options.data.name}: {len(groups)} queries, top {options.top} of {options.run}, "
        f"{sum(len(d) for _, _, d in groups)} pairs, model {options.model}"
    )

    def score(precision: str):
        extra = ["--precision", precision, *options.option]
        return crossrank_logits(options.crossrank, options.model, groups, extra)

    exact = score("fp32")
    exact_ndcg = ndcg(groups, exact, qrels)
    print(
        f"{'precision':<10}{'nDCG@10':>9}{'difference':>12}{'mean tau':>10}{'lowest tau':>12}"
        f"{'largest logit difference':>26}"
    )
    print(f"{'fp32':<10}{exact_ndcg:>9.4f}")
    failed = False
    for precision, bound in NDCG_BOUND.items():
        if not runs_here(options.crossrank, precision):
            print(f"{precision:<10}not run by this CPU")
            continue
        logits = score(precision)
        difference = ndcg(groups, logits, qrels) - exact_ndcg
        taus = [kendalltau(a, b).statistic for a, b in zip(logits, exact) if len(a) > 1]
        tau = sum(taus) / len(taus)
        largest = max(abs(a - b) for x, y in zip(logits, exact) for a, b in zip(x, y))
        print(
            f"{precision:<10}{exact_ndcg + difference:>9.4f}{difference:>+12.5f}{tau:>10.4f}"
            f"{min(taus):>12.4f}{largest:>26.3f}"
        )
        if abs(difference) > bound or tau < TAU_BOUND[precision]:
            failed = True
            print(f"  outside its bound: nDCG {bound}, tau {TAU_BOUND[precision]}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
