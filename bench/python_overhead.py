"""What the Python package adds to the engine: the share of predict on 1,000 short pairs. No test.

    make bench-python

Two figures, each the median of interleaved rounds:
1. an upper bound: predict with a model of one tiny layer, whose own work (tokenizing included) is
   counted as the package's, over predict with the builtin model on the same pairs;
2. the package's steps alone, called without an engine behind them.
Exit 1 when the first is over 2 %.
"""

import argparse
import pathlib
import statistics
import sys
import time

import numpy as np

import crossrank

ROOT = pathlib.Path(__file__).resolve().parents[1]
TINY = ROOT / "tests/golden/data/models/scores_identity"


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pairs", type=int, default=1000)
    options = parser.parse_args()
    pairs = [
        (f"which moon of planet {i} is largest", f"moon {i} is the largest of its planet, by far")
        for i in range(options.pairs)
    ]
    builtin, tiny = crossrank.CrossEncoder("builtin"), crossrank.CrossEncoder(str(TINY))
    tokens = builtin.score(pairs[:1])[0].truncation.tokens_used
    raw = bytearray(4 * options.pairs)
    rounds = []
    for _ in range(options.rounds):
        rounds.append((
            seconds(lambda: builtin.predict(pairs)),
            seconds(lambda: tiny.predict(pairs)),
            seconds(lambda: np.frombuffer(raw, dtype=np.float32).reshape(-1, 1).squeeze(-1)),
            seconds(lambda: builtin.predict([])),
        ))  # fmt: skip
    whole, bound, wrap, empty = (statistics.median(column) for column in zip(*rounds))
    share = statistics.median(one[1] / one[0] for one in rounds)
    print(f"{options.pairs} pairs of some {tokens} tokens, {builtin.info.threads} threads, "
          f"{builtin.info.isa}, medians of {options.rounds} rounds")  # fmt: skip
    print(f"predict, builtin model       {1e3 * whole:9.2f} ms")
    print(f"predict, one tiny layer      {1e3 * bound:9.2f} ms  {100 * share:.2f} % (bound: 2 %)")
    print(f"predict, no pairs            {1e3 * empty:9.3f} ms")
    print(f"wrapping scores as an array  {1e3 * wrap:9.3f} ms")
    sys.exit(share > 0.02)


if __name__ == "__main__":
    main()
