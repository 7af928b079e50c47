"""Time per pair against tokens and against the number of documents, measured and plotted.

    build/peerenv/bin/python bench/cost_curve.py --crossrank build/release/crossrank \
        --svg docs/images/cost_curve.svg --json build/cost_curve.json

It should be a line in the tokens plus the attention's square, without steps; and flat in the number
of documents but for the start. Uses `crossrank bench` on pairs of exact lengths (repeated words of
one token each). Needs matplotlib (bench/peers/requirements.txt).
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

TOKENS = (16, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 448, 512)
DOCUMENTS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 3000, 10000)
DOCUMENT_TOKENS = 93
TOKENS_A_ROUND = 40000


def pair(tokens: int) -> str:
    # [CLS] tea [SEP] tea ... tea [SEP]
    return json.dumps({"query": "tea", "document": "tea " * (tokens - 4)}) + "\n"


def bench(binary: str, model: str, pairs: str, *options: str) -> list[dict]:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write(pairs)
        file.flush()
        command = [binary, "bench", file.name, "--model", model, "--format", "json", "--quiet"]
        done = subprocess.run([*command, *options], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["runs"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--crossrank", required=True, help="the binary")
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--svg", required=True, type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()

    by_tokens: dict[str, list[float]] = {}
    for tokens in TOKENS:
        text = pair(tokens) * (TOKENS_A_ROUND // tokens)
        for run in bench(
            options.crossrank, options.model, text, "--rounds", "3", "--documents", "1"
        ):
            assert round(run["tokens_per_second"] / run["pairs_per_second"]) == tokens
            by_tokens.setdefault(run["precision"], []).append(1e3 / run["pairs_per_second"])
        print(f"{tokens:4} tokens", *(f"{p} {v[-1]:.3f} ms" for p, v in by_tokens.items()))
    by_documents: dict[str, list[float]] = {}
    sizes = ",".join(map(str, DOCUMENTS))
    text = pair(DOCUMENT_TOKENS) * 20
    for run in bench(options.crossrank, options.model, text, "--rounds", "1", "--documents", sizes):
        by_documents[run["precision"]] = [
            entry["p50_ms"] / entry["documents"] for entry in run["latency"]
        ]
    for precision, values in by_documents.items():
        print(precision, *(f"{d}: {v:.3f} ms" for d, v in zip(DOCUMENTS, values)))

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for precision, values in by_tokens.items():
        left.plot(TOKENS, values, marker="o", markersize=3, label=precision)
    left.set(xlabel="tokens a pair", ylabel="ms a pair", xlim=0, ylim=0)
    left.set_title("many pairs of one length")
    for precision, values in by_documents.items():
        right.plot(DOCUMENTS, values, marker="o", markersize=3, label=precision)
    right.set(xlabel="documents in one call of rank", ylabel="ms a document (median)", ylim=0)
    right.set(xscale="log")
    right.set_title(f"documents of {DOCUMENT_TOKENS} tokens")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    options.svg.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.svg, metadata={"Date": None})
    if options.json:
        figures = {"tokens": TOKENS, "ms_a_pair": by_tokens, "documents": DOCUMENTS}
        options.json.write_text(json.dumps({**figures, "ms_a_document": by_documents}, indent=1))


if __name__ == "__main__":
    main()
