"""What bf16 and int8 cost in ranking quality: nDCG@10 and Kendall's tau against fp32, same engine.

    build/venv/bin/python bench/precision_quality.py --crossrank build/release/crossrank \
        --model models/minilm-l6-crossrank --data DIR

DIR is as bench/quality.py describes it, whose reader and scorer these are. Exit 1 when a precision
that this CPU runs breaks its bound (docs/fidelity.md); one that it does not run is named.
"""

import subprocess

from quality import arguments, crossrank_logits, ndcg, print_heading, read_set, taus

NDCG_BOUND = {"bf16": 0.001, "int8": 0.002}
TAU_BOUND = {"bf16": 0.97, "int8": 0.97}  # mean over queries, first --top documents


def runs_here(binary: str, precision: str) -> bool:
    command = [binary, "score", "--model", "builtin", "--precision", precision, "--quiet", "-"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def main() -> None:
    options = arguments(__doc__.split("\n")[0]).parse_args()
    groups, qrels = read_set(options.data, options.run, options.top, options.limit_queries)
    print_heading(options, groups)

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
        of_queries = taus(logits, exact)
        tau = sum(of_queries) / len(of_queries)
        largest = max(abs(a - b) for x, y in zip(logits, exact) for a, b in zip(x, y))
        print(
            f"{precision:<10}{exact_ndcg + difference:>9.4f}{difference:>+12.5f}{tau:>10.4f}"
            f"{min(of_queries):>12.4f}{largest:>26.3f}"
        )
        if abs(difference) > bound or tau < TAU_BOUND[precision]:
            failed = True
            print(f"  outside its bound: nDCG {bound}, tau {TAU_BOUND[precision]}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
