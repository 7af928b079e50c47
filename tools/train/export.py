"""Step 3: calibrates the best weights and writes a model folder in float16; the card is by hand.

    python tools/train/export.py --data DIR --weights build/train/runs/first/best.safetensors \
        --like models/minilm-l6-crossrank --to build/train/export

The classifier is scaled and shifted so that sigmoid(logit) is the share of annotated answers among
such pairs: questions of the held-out groups with BM25's first ten passages, where an answer is
among them. Fitted on every other question, reported on the rest.
"""

import argparse
import pathlib
import shutil

import numpy as np
import torch
from heldout import HeldOut
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from scipy.optimize import minimize

FIRST = 10  # of BM25's candidates
BINS = 10
COPIED = (
    "config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


def labelled_logits(held_out: HeldOut, weights) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each question: logits [FIRST], and whether the passage is an annotated answer."""
    logits, labels = [], []
    for name, scores in held_out.logits(weights).items():
        logits += scores
        for one in held_out.sets[name]:
            labels.append(np.array([i in one.answers for i in one.candidates]))
    return logits, labels


def log_loss(line, logits, labels) -> float:
    x = line[0] * logits + line[1]
    return float(np.mean(np.logaddexp(0, np.where(labels, -x, x))))


def calibration_error(line, logits, labels) -> float:
    """Mean |share of answers - mean probability| over bins of probability, weighted by size."""
    probability = 1 / (1 + np.exp(-(line[0] * logits + line[1])))
    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    gaps = (abs((labels[bins == b] - probability[bins == b]).sum()) for b in range(BINS))
    return float(sum(gaps) / len(labels))


def fit(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(scale, shift) of least log loss."""
    return minimize(log_loss, [1.0, 0.0], args=(logits, labels), method="Nelder-Mead").x


def calibrated(weights, line) -> dict[str, torch.Tensor]:
    scale, shift = map(float, line)
    if scale <= 0:
        raise SystemExit(f"scale {scale}: the model ranks answers below other passages")
    return weights | {
        "classifier.weight": weights["classifier.weight"] * scale,
        "classifier.bias": weights["classifier.bias"] * scale + shift,
    }


def write_folder(weights, like: pathlib.Path, to: pathlib.Path) -> None:
    """float16 weights with the names of the model folder `like`, and its other files."""
    with safe_open(like / "model.safetensors", "pt") as file:
        expected = {name: file.get_slice(name).get_shape() for name in file.keys()}
    if {name: list(weight.shape) for name, weight in weights.items()} != expected:
        raise SystemExit(f"the weights are not of the shape of {like}")
    to.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        shutil.copyfile(like / name, to / name)
    half = {name: weight.half().contiguous() for name, weight in weights.items()}
    save_file(half, to / "model.safetensors", metadata={"format": "pt"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--weights", required=True, type=pathlib.Path)
    parser.add_argument("--like", required=True, type=pathlib.Path, help="a model folder")
    parser.add_argument("--to", required=True, type=pathlib.Path)
    parser.add_argument("--queries", default=150, type=int, help="of each held-out set")
    parser.add_argument("--threads", default=2, type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    weights = load_file(options.weights)
    logits, labels = labelled_logits(HeldOut(options.data, options.queries, FIRST), weights)
    line = fit(np.concatenate(logits[::2]), np.concatenate(labels[::2]))
    rest = np.concatenate(logits[1::2]), np.concatenate(labels[1::2])
    print(f"scale {line[0]:.4f}, shift {line[1]:.4f}, measured on {len(rest[0])} pairs")
    for name, this in (("as trained", (1.0, 0.0)), ("calibrated", line)):
        loss, error = log_loss(this, *rest), calibration_error(this, *rest)
        print(f"{name}: log loss {loss:.4f}, calibration error {error:.4f}")
    write_folder(calibrated(weights, line), options.like, options.to)


if __name__ == "__main__":
    main()
