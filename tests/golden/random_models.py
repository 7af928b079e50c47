"""Makes fresh random models and holds the crossrank binary against sentence-transformers on them.

    build/venv/bin/python tests/golden/random_models.py --crossrank build/release/crossrank \
        --seed 1 --models 20

Needs tests/golden/requirements.txt (tools/venv.sh). A failure prints the model's whole
specification and the pair; --keep DIR leaves the models there. Exit 1 when anything differs.
"""

import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one pair at a time: threads only wait

import numpy as np
import tiny_models
import torch
import transformers
from reference import Reference
from tiny_models import ACTIVATIONS, ROBERTA, UNIGRAM, Spec

BOUND = 1e-4  # * max(1, |logit|), docs/fidelity.md
# Against float64, our largest error must be at most twice PyTorch's (docs/fidelity.md). Over the
# pairs of all models together that is a measurement. Over the 110 of one model it is one bad pair's
# luck (2.4 times was seen with a mean error of 1.25 times), so there the mean square decides.
LARGEST_RATIO = 2.0
MEAN_RATIO = 1.5
TORCH = {
    "Identity": "torch.nn.modules.linear.Identity",
    "Sigmoid": "torch.nn.modules.activation.Sigmoid",
    "Tanh": "torch.nn.modules.activation.Tanh",
    "Softmax": "torch.nn.modules.activation.Softmax",
}
ADDED = ["<doc>", "Green Tea", "ΩΩ", "[E1]", "##tea", "don't", "e\u0301", "的"]


def random_spec(rng: random.Random, name: str) -> Spec:
    heads = rng.randint(1, 8)
    head = rng.choice([1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 20, 24, 31, 32, 33, 48, 64, 65, 96])
    while heads * head > 320 or heads * head < 5:
        heads, head = rng.randint(1, 8), rng.choice([3, 5, 8, 20, 32, 64])
    hidden = heads * head
    labels = rng.choice([1, 1, 1, 1, 2, 3, 4, 5, 6, 17])
    label_keys = ["id2label", "num_labels"] + ([None] * 2 if labels == 2 else [])
    family = rng.choice(["bert", "bert", "bert", "electra", "roberta"])
    if family == "roberta":
        family = rng.choice(ROBERTA)
    activations = ["Identity", "Sigmoid", "Tanh"] + (["Softmax"] if labels > 1 else [])
    stated = rng.choice([None, "sentence_transformers", "legacy"])
    tokenizer = rng.choice(["json", "json", "json", "vocab"])
    if family in ROBERTA:
        # What transformers builds for a RobertaTokenizer or a CamembertTokenizer is another one.
        tokenizer = rng.choice(UNIGRAM if family == "xlm-roberta" else UNIGRAM[1:])
    added = []
    if tokenizer != "vocab" and rng.random() < 0.4:
        for content in rng.sample(ADDED, rng.randint(1, 4)):
            flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
            added.append({"content": content} | {flag: rng.random() < 0.5 for flag in flags})
    intermediate = rng.choice([1, 3, 16, 31, 64, 100, 257, rng.randint(2, 500)])
    if rng.random() < 0.12:  # as wide as real models: long sums
        heads, hidden, intermediate = rng.choice(
            [(2, 128, 512), (12, 312, 1200), (12, 384, 1536), (12, 768, 3072), (3, 24, 3072)]
        )
    positions = rng.choice([8, 16, 24, 63, 64, 65, 128, 200, 300, 512, 600])
    limits = [None, 1e30, 512, positions, rng.randint(5, 100)]
    if family in ROBERTA:
        # The reference takes all rows for positions and fails on the longest texts.
        limits = [positions - 2, rng.randint(5, 100)]
        limits = [min(limit, positions - 2) for limit in limits]
    return Spec(
        name,
        seed=rng.randrange(2**31),
        family=family,
        hidden=hidden,
        heads=heads,
        intermediate=intermediate,
        layers=rng.randint(1, 4),
        embedding=rng.choice([None, 5, 16, 33, 64, 128]) if family == "electra" else None,
        activation=rng.choice([*ACTIVATIONS, None]),
        labels=labels,
        label_key=rng.choice(label_keys),
        type_vocab=rng.choice([1, 2, 2, 2, 2, 3]),
        max_positions=positions,
        model_max_length=rng.choice(limits),
        eps=rng.choice([1e-12, 1e-12, 1e-5, 1e-3, None]),
        dtype=rng.choice(["F32", "F32", "F16", "BF16", "mixed"]),
        prefix=rng.random() < 0.6,
        gamma_beta=rng.random() < 0.25,
        position_ids=rng.random() < 0.4,
        extra_tensors=rng.random() < 0.3,
        shards=rng.choice([1, 1, 1, 2, 5]),
        score_activation=stated and (stated, TORCH[rng.choice(activations)]),
        saved_activation=TORCH[rng.choice(activations)] if rng.random() < 0.2 else None,
        tokenizer=tokenizer,
        vocab_words=rng.choice([10, 100, 400]),
        lowercase=rng.random() < 0.7,
        strip_accents=rng.choice([None, None, True, False]),
        chinese_chars=rng.random() < 0.85,
        truncation_side=rng.choice(["right", "right", "right", "left"]),
        added_tokens=tuple(added),
        first_special=rng.choice([0, 0, 1, 99]),
    )


def random_character(rng: random.Random) -> str:
    blocks = [(32, 127), (32, 127), (0, 160), (160, 0x250), (0x300, 0x370), (0x370, 0x530),
              (0x590, 0xE00), (0x2000, 0x2100), (0x3000, 0x3100), (0x4E00, 0x9FFF),
              (0xAC00, 0xD7A4), (0xF900, 0xFFFE), (0x1F300, 0x1FA00), (0x20000, 0x2FA20),
              (0xE000, 0x10FFFF)]  # fmt: skip
    low, high = rng.choice(blocks)
    code = rng.randrange(low, high)
    return chr(code) if not 0xD800 <= code < 0xE000 else " "


def random_text(rng: random.Random, texts: list[str], odd: list[str], spec: Spec) -> str:
    kind = rng.random()
    if kind < 0.04:
        return rng.choice(["", " ", "\n\t", "\u3000"])
    if kind < 0.45:
        return rng.choice(texts)
    if kind < 0.55:
        return rng.choice(odd)
    if kind < 0.7:
        return "".join(random_character(rng) for _ in range(rng.choice([1, 3, 10, 60, 200])))
    words = " ".join(rng.sample(texts, 4)).split()
    words += [a["content"] for a in spec.added_tokens] + ["[SEP]", "[MASK]", "[CLS]x"]
    words += ["<mask>", "<pad>", "</s>"] * (spec.family in ROBERTA)
    length = rng.choice([1, 3, 8, 30, 30, 100, 400, 900])
    joint = rng.choice([" ", " ", "  ", "\n", "-", ""])
    return joint.join(rng.choice(words) for _ in range(length))


def run(arguments: list[str], lines: list[dict]) -> list[bytes]:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    done = subprocess.run(arguments, input=text.encode(), capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout.splitlines()


def as_list(x):
    return x if isinstance(x, list) else [x]


class Check:
    """One model: everything that must hold. Collects sentences about what does not."""

    def __init__(self, binary: str, folder: pathlib.Path, pairs, isas: list[str]):
        self.binary, self.folder, self.pairs, self.isas = binary, folder, pairs, isas
        self.reference = Reference(folder)
        self.rows = [{"query": q, "document": d} for q, d in pairs]
        self.torch32 = self.reference.logits(pairs).double().numpy()
        self.exact = self.reference.logits64(pairs).numpy()
        self.torch_errors = np.abs(self.torch32 - self.exact)
        self.errors: dict[str, np.ndarray] = {}  # by ISA, against float64
        self.failures: list[str] = []

    def well_conditioned(self) -> bool:
        """False where PyTorch itself uses up a quarter of the bound: that proves nothing."""
        relative = self.torch_errors / np.maximum(1, np.abs(self.exact))
        return bool(relative.max() < BOUND / 4 and (self.exact.std(axis=0) > 0.5).all())

    def command(self, name: str, *extra: str) -> list[str]:
        return [self.binary, name, "--model", str(self.folder), *extra, "-"]

    def score(self, rows: list[dict], *extra: str) -> list[bytes]:
        lines = run(self.command("score", "--format", "jsonl", "--quiet", *extra), rows)
        if len(lines) != len(rows):
            raise SystemExit(f"score {extra}: {len(lines)} lines for {len(rows)} pairs")
        return lines

    def fail(self, what: str, index: int) -> None:
        query, document = self.pairs[index]
        self.failures.append(f"{what}; pair {index}: {query[:60]!r} / {document[:60]!r}")

    def tokens(self) -> None:
        for i, line in enumerate(run(self.command("tokenize"), self.rows)):
            ours = json.loads(line)
            features = self.reference.features(*self.pairs[i])
            if ours["ids"] != features["input_ids"][0].tolist():
                self.fail("token ids differ", i)
            if ours["type_ids"] != self.reference.type_ids(features):
                self.fail("token types differ", i)
        backend = self.reference.tokenizer.backend_tokenizer
        backend.no_truncation()
        singles = [{"text": document} for _, document in self.pairs]
        for i, line in enumerate(run(self.command("tokenize"), singles)):
            if json.loads(line)["ids"] != backend.encode(singles[i]["text"]).ids:
                self.fail("token ids of the document alone differ", i)

    def logits(self) -> str:
        """Checks every ISA; returns a summary."""
        reference, torch32, exact = self.reference, self.torch32, self.exact
        scores32 = reference.predict(self.pairs).double().numpy()
        counts = [len(reference.features(q, d)["input_ids"][0]) for q, d in self.pairs]
        allowed = BOUND * np.maximum(1, np.abs(torch32))
        summary = [f"torch {self.torch_errors.max():.1e}"]
        for isa in self.isas:
            rows = [json.loads(line) for line in self.score(self.rows, "--isa", isa)]
            ours = np.array([as_list(r.get("logits", r.get("logit"))) for r in rows])
            scores = np.array([as_list(r["score"]) for r in rows])
            for i in np.unique(np.argwhere(np.abs(ours - torch32) > allowed)[:, 0]):
                self.fail(f"{isa}: logits {ours[i]} instead of {torch32[i]}", i)
            for i in np.unique(np.argwhere(np.abs(scores - scores32) > allowed)[:, 0]):
                self.fail(f"{isa}: scores {scores[i]} instead of {scores32[i]}", i)
            for i, row in enumerate(rows):
                if row["index"] != i or row["truncation"]["tokens_used"] != counts[i]:
                    self.fail(f"{isa}: index or token count: {row} instead of {counts[i]}", i)
            errors = self.errors[isa] = np.abs(ours - exact)
            mean = np.sqrt((errors**2).mean() / (self.torch_errors**2).mean())
            summary.append(f"{isa} {errors.max():.1e} (mean {mean:.2f} of torch's)")
            if mean > MEAN_RATIO:
                self.fail(
                    f"{isa}: mean error against float64 is {mean:.2f} times PyTorch's, "
                    f"largest {errors.max():.2e}",
                    int(errors.max(axis=1).argmax()),
                )
        return ", ".join(summary)

    def same_bytes(self, rng: random.Random) -> None:
        """Batch sizes, threads and order must not change a byte of the output."""
        expected = self.score(self.rows)
        for extra in (["--batch-tokens", "64"], ["--batch-tokens", "16384"], ["--threads", "1"],
                      ["--threads", "2"], ["--threads", "3", "--batch-tokens", "1"]):  # fmt: skip
            lines = self.score(self.rows, *extra)
            for i in [i for i, (a, b) in enumerate(zip(lines, expected)) if a != b][:3]:
                self.fail(f"{' '.join(extra)} changes {expected[i]!r} to {lines[i]!r}", i)
        order = list(range(len(self.rows)))
        rng.shuffle(order)
        shuffled = self.score([self.rows[i] for i in order], "--batch-tokens", "200")
        for i, line in zip(order, shuffled):
            line = re.sub(rb'"index":\d+', b'"index":%d' % i, line, count=1)
            if line != expected[i]:
                self.fail(f"another order changes {expected[i]!r} to {line!r}", i)


def available_isas(binary: str) -> list[str]:
    def works(isa: str) -> bool:
        arguments = [binary, "score", "--model", "builtin", "--isa", isa, "--quiet", "-"]
        return subprocess.run(arguments, input=b"", capture_output=True).returncode == 0

    found = [isa for isa in ("avx512", "avx2", "neon", "scalar") if works(isa)]
    if "scalar" not in found:
        raise SystemExit(f"{binary} does not even have scalar kernels")
    return found


def make_model(seed: str, root: pathlib.Path, pairs_a_model: int, binary: str, isas: list[str]):
    """The first usable model of this seed: its spec, its check, and what is left of its luck."""
    texts = [t for row in tiny_models.read_texts() for t in [row["query"], *row["documents"]]]
    odd = tiny_models.read_odd_texts()
    for attempt in range(50):
        rng = random.Random(f"{seed}/{attempt}")
        spec = random_spec(rng, f"{seed}-{attempt}")
        pairs = [
            (random_text(rng, texts, odd, spec), random_text(rng, texts, odd, spec))
            for _ in range(pairs_a_model)
        ]
        folder = root / spec.name
        try:
            tiny_models.write_model(spec, folder, pairs)
        except tiny_models.BadlyConditioned:
            continue
        check = Check(binary, folder, pairs, isas)
        if check.well_conditioned():
            return spec, check, rng
    raise SystemExit(f"seed {seed}: no usable model in 50 attempts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--crossrank", required=True, help="the binary")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=110, help="pairs a model")
    parser.add_argument("--keep", help="a folder to leave the models in")
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message="Implicit dimension choice for softmax")
    torch.set_num_threads(1)  # the models are tiny
    isas = available_isas(options.crossrank)
    failed = 0
    largest = dict.fromkeys(["torch", *isas], 0.0)
    with tempfile.TemporaryDirectory(prefix="crossrank-models-") as temporary:
        root = pathlib.Path(options.keep or temporary)
        for number in range(options.models):
            seed = f"{options.seed}-{number}"
            spec, check, rng = make_model(seed, root, options.pairs, options.crossrank, isas)
            check.tokens()
            summary = check.logits()
            check.same_bytes(rng)
            failed += bool(check.failures)
            for name, errors in [("torch", check.torch_errors), *check.errors.items()]:
                largest[name] = max(largest[name], errors.max())
            print(f"{'FAILED' if check.failures else 'ok'} {spec.name}: {spec.family} "
                  f"L{spec.layers} H{spec.hidden} A{spec.heads} F{spec.intermediate} "
                  f"{spec.activation} {spec.dtype} labels {spec.labels} max {spec.max_length}: "
                  f"largest errors {summary}", flush=True)  # fmt: skip
            for failure in check.failures[:10]:
                print("    " + failure)
            if check.failures:
                print(f"    {len(check.failures)} failures of {spec}", flush=True)
    print(f"{options.models - failed} of {options.models} models agree on {', '.join(isas)}")
    print("largest errors of all:", ", ".join(f"{n} {e:.2e}" for n, e in largest.items()))
    if options.models * options.pairs >= 100:
        for isa in isas:
            if largest[isa] > LARGEST_RATIO * largest["torch"]:
                print(f"FAILED: {isa} is more than {LARGEST_RATIO} times as far off as PyTorch")
                failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
