#!/usr/bin/env python3
"""Writes cases/calibration.json: labelled logits, and what scipy and scikit-learn make of them.

    tools/venv.sh tests/eval/requirements.txt build/venv-eval
    build/venv-eval/bin/python tests/eval/generate_calibration.py

The same bytes every time. The fit is scipy's minimum of Platt's smoothed loss; the losses and the
bins are scikit-learn's. Their versions stand in the file.
"""

import importlib.metadata
import json
import pathlib
import random

import numpy as np
from scipy.optimize import minimize, root
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

OUT = pathlib.Path(__file__).parent / "cases" / "calibration.json"
FOLDS = 5


def targets(labels):
    positives = labels.sum()
    negatives = len(labels) - positives
    return np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def platt(logits, labels):
    """Slope and bias. Two methods, each from a start of its own, must agree."""
    wanted = targets(labels)
    middle, spread = logits.mean(), logits.std()
    x = (logits - middle) / spread

    def loss(ab):
        z = ab[0] * x + ab[1]
        return float(np.sum(np.logaddexp(0, z) - wanted * z))

    def gradient(ab):
        off = expit(ab[0] * x + ab[1]) - wanted
        return np.array([off @ x, off.sum()])

    def hessian(ab):
        p = expit(ab[0] * x + ab[1])
        w = p * (1 - p)
        return np.array([[(w * x) @ x, w @ x], [w @ x, w.sum()]])

    near = minimize(loss, [0.0, 0.0], jac=gradient, hess=hessian, method="trust-exact")
    found = root(gradient, near.x, jac=hessian, tol=1e-14)
    other = minimize(loss, [0.5, -0.5], jac=gradient, method="BFGS", tol=1e-10)
    assert np.allclose(found.x, other.x, rtol=1e-4, atol=1e-4), (found.x, other.x)
    assert np.abs(gradient(found.x)).max() < 1e-10, gradient(found.x)
    return found.x[0] / spread, found.x[1] - found.x[0] * middle / spread


def figures(z, labels):
    p = expit(z)
    shares, means = calibration_curve(labels, p, n_bins=10, strategy="quantile")
    assert len(shares) == 10 and len(p) % 10 == 0 and len(set(p)) == len(p)
    return {
        "log_loss": float(log_loss(labels, p)),
        "brier": float(brier_score_loss(labels, p)),
        "error": float(np.abs(shares - means).mean()),  # as many pairs in each
        "shares": shares.tolist(),
        "means": means.tolist(),
    }


def cases():
    """Name -> logit, label and query of each pair."""

    def drawn(seed, count, share, spread, slope, bias):
        rng = random.Random(seed)
        pairs = []
        for i in range(count):
            relevant = rng.random() < share
            logit = round(bias + slope * rng.gauss(1 if relevant else -1, spread), 9)
            pairs.append((logit, int(relevant), i // 7))
        return pairs

    yield "overconfident", drawn(1, 400, 0.3, 1.2, 4, 3)
    yield "timid", drawn(2, 300, 0.5, 1.5, 0.2, 0)
    yield "rare", drawn(3, 400, 0.08, 1.0, 3, -4)
    yield "far_away", drawn(4, 200, 0.4, 1.5, 0.002, 1000)
    yield "separated", drawn(5, 100, 0.4, 0.15, 2, 0)
    yield "hopeless", drawn(6, 300, 0.4, 20, 1, 0)


def expected(pairs):
    logits, labels, queries = (np.array(column) for column in zip(*pairs, strict=True))
    slope, bias = platt(logits, labels)
    crossed = np.empty(len(logits))
    for fold in range(FOLDS):
        inside = queries % FOLDS == fold
        a, b = platt(logits[~inside], labels[~inside])
        crossed[inside] = a * logits[inside] + b
    case = {
        "pairs": pairs,
        "temperature": 1 / slope,
        "bias": bias,
        "cross_validated": crossed.tolist(),
        "fitted": figures(slope * logits + bias, labels),
    }
    if abs(logits).max() < 30:  # others saturate, and then tie
        case["raw"] = figures(logits, labels)
    return case


def main():
    out = {
        "made_by": "tests/eval/generate_calibration.py",
        "versions": {
            name: importlib.metadata.version(name) for name in ("numpy", "scipy", "scikit-learn")
        },
        "folds": FOLDS,
        "cases": {name: expected(pairs) for name, pairs in cases()},
    }
    text = json.dumps(out, separators=(",", ":"))
    OUT.write_text(text.replace(',"', ',\n"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
