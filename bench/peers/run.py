#!/usr/bin/env python3
# Peer benchmark: the same pairs, model and thread count through every engine, interleaved, in one run.
"""Prints pairs per second (median of the rounds) and the ratio to sentence-transformers.

Before anything is timed, all engines must agree on the logits; a disagreement ends the run.

    bench/peers/run.py --model models/minilm-l6-crossrank --data DIR --pairs 800
"""

import argparse
import json
import platform
import statistics
import sys

import engines
import workloads

# Two float32 engines on the same weights: the bound of docs/fidelity.md.
LOGIT_TOLERANCE = 1e-4


def check_agreement(results):
    reference_name, reference = next(iter(results.items()))
    for name, logits in results.items():
        worst = max(abs(a - b) / max(1.0, abs(b)) for a, b in zip(logits, reference, strict=True))
        print(f"{name}: largest logit difference to {reference_name} {worst:.2e}", file=sys.stderr)
        if worst > LOGIT_TOLERANCE:
            sys.exit(f"{name} disagrees with {reference_name}: {worst:.2e} > {LOGIT_TOLERANCE}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="model folder")
    parser.add_argument(
        "--data", required=True, help="folder with queries.tsv, corpus.jsonl, runs/"
    )
    parser.add_argument("--pairs", type=int, default=800)
    parser.add_argument("--stride", type=int, default=5, help="keep every n-th pair of the run")
    parser.add_argument("--max-chars", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--binary", default="build/release/crossrank")
    parser.add_argument("--json", help="write the figures to this file too")
    arguments = parser.parse_args()

    pairs = workloads.trec_pairs(arguments.data, arguments.pairs, arguments.stride)
    if arguments.max_chars:
        pairs = workloads.first_characters(pairs, arguments.max_chars)
    peers = [
        engines.SentenceTransformers(arguments.model, arguments.threads),
        engines.Crossrank(arguments.model, arguments.threads, arguments.binary),
    ]
    logits = {}
    for peer in peers:
        peer.prepare()
        logits[peer.name], _ = peer.score(pairs)
    check_agreement(logits)

    seconds = {peer.name: [] for peer in peers}
    for _ in range(arguments.rounds):
        for peer in peers:
            seconds[peer.name].append(peer.score(pairs)[1])

    rows = []
    for peer in peers:
        ratios = [a / b for a, b in zip(seconds[peers[0].name], seconds[peer.name], strict=True)]
        rows.append(
            {
                "engine": peer.name,
                "pairs_per_second": len(pairs) / statistics.median(seconds[peer.name]),
                "ratio_to_sentence_transformers": statistics.median(ratios),
            }
        )
    print(
        f"{len(pairs)} pairs, {arguments.threads} threads, {arguments.rounds} rounds, "
        f"{platform.processor() or platform.machine()}"
    )
    for row in rows:
        print(
            f"{row['engine']:<24}{row['pairs_per_second']:>10.1f} pairs/s"
            f"{row['ratio_to_sentence_transformers']:>8.2f}x"
        )
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"pairs": len(pairs), "threads": arguments.threads, "engines": rows}, file)


if __name__ == "__main__":
    main()
