"""Writes tests/golden/{data/models,cases} and MANIFEST.json from PyTorch. Run by hand:

    tools/venv.sh tests/golden/requirements.txt
    build/venv/bin/python tests/golden/generate.py

Everything under data/models/ and cases/ is replaced. The tests need none of this: they read the
files.
"""

import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import random
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import numpy as np
import tiny_models
import torch
import transformers
from reference import Reference
from safetensors.torch import save_file
from tiny_models import HERE, Spec

PINNED = {
    "transformers": "5.24.0",
    "torch": "2.13.0",
    "tokenizers": "0.23.3",
    "sentence-transformers": "6.2.0",
}
ROOT = HERE.parents[1]
BUILTIN = ROOT / "models/minilm-l6-crossrank"
# The model's card changes no number.
MODEL_FILES = [path for path in sorted(BUILTIN.iterdir()) if path.name != "README.md"]
INPUTS = [HERE / "texts.jsonl", HERE / "odd_texts.jsonl", *MODEL_FILES]

ADDED = (
    {"content": "<doc>", "single_word": False, "lstrip": False, "rstrip": True,
     "normalized": False, "special": True},
    {"content": "Green Tea", "single_word": True, "lstrip": True, "rstrip": False,
     "normalized": True, "special": False},
    {"content": "ΩΩ", "single_word": False, "lstrip": False, "rstrip": False,
     "normalized": True, "special": False},
)  # fmt: skip
IDENTITY = "torch.nn.modules.linear.Identity"
SIGMOID = "torch.nn.modules.activation.Sigmoid"
TANH = "torch.nn.modules.activation.Tanh"

# Between them: every activation, label count, file type, tensor spelling and configuration key that
# the engine promises, and shapes that are no multiple of a vector. One or two oddities a model, so
# that a failure names its cause.
SPECS = [
    Spec("act_gelu", hidden=32, heads=1, intermediate=64),
    Spec("act_gelu_new", activation="gelu_new", hidden=36, intermediate=70, layers=1),
    Spec("act_gelu_tanh", activation="gelu_pytorch_tanh", hidden=40, intermediate=70, layers=1,
         dtype="F16"),
    Spec("act_relu", activation="relu", hidden=64, heads=1, intermediate=64, layers=1, dtype="F16"),
    Spec("act_silu", activation="silu", hidden=40, heads=5, intermediate=100, layers=3,
         dtype="BF16"),
    Spec("act_tanh", activation="tanh", hidden=100, heads=5, intermediate=36, layers=1,
         dtype="F16", eps=1e-3, vocab_words=20),
    Spec("keys_absent", activation=None, eps=None, labels=2, label_key=None, layers=1,
         model_max_length=None),
    Spec("labels3", labels=3, layers=1, dtype="F16"),
    Spec("labels5_by_number", labels=5, label_key="num_labels", layers=1, dtype="BF16"),
    Spec("head5", hidden=35, heads=7, intermediate=51),
    Spec("head64x2", hidden=128, intermediate=48, layers=1, dtype="F16", vocab_words=20),
    Spec("head1", hidden=7, heads=7, intermediate=1),
    Spec("ffn_wide", hidden=20, heads=4, intermediate=259, layers=1),
    Spec("ffn_3072", hidden=12, intermediate=3072, layers=1, dtype="F16"),
    Spec("mixed_types", dtype="mixed", intermediate=33),
    Spec("bf16_head32", dtype="BF16", hidden=64, layers=1),
    Spec("no_prefix", prefix=False, layers=1),
    Spec("gamma_beta", gamma_beta=True, position_ids=True, dtype="F16"),
    Spec("extra_tensors", extra_tensors=True, position_ids=True, prefix=False, layers=1),
    Spec("sharded", shards=3, dtype="F16"),
    Spec("vocab_txt", tokenizer="vocab", layers=1, first_special=5),
    Spec("vocab_txt_cased", tokenizer="vocab", lowercase=False, layers=1, dtype="F16"),
    Spec("cased", lowercase=False, strip_accents=False, layers=1, vocab_words=120),
    Spec("lower_keep_accents", strip_accents=False, chinese_chars=False, layers=1,
         dtype="BF16"),
    Spec("added_tokens", added_tokens=ADDED, layers=1),
    Spec("truncate_left", truncation_side="left", layers=1, max_positions=40, dtype="F16"),
    Spec("positions24", max_positions=24, model_max_length=512, dtype="F16"),
    Spec("limit_1e30", max_positions=48, model_max_length=1e30, layers=1, dtype="F16"),
    Spec("limit_17", max_positions=64, model_max_length=17, layers=1, dtype="F16"),
    Spec("positions300", max_positions=300, model_max_length=300, dtype="F16"),
    Spec("types1", type_vocab=1, layers=1),
    Spec("types3", type_vocab=3, layers=1, dtype="F16"),
    Spec("scores_identity", score_activation=("sentence_transformers", IDENTITY), layers=1,
         dtype="F16"),
    Spec("scores_legacy", score_activation=("legacy", IDENTITY), layers=1, dtype="F16"),
    Spec("scores_tanh", score_activation=("sentence_transformers", TANH), layers=1, dtype="F16"),
    Spec("scores_sigmoid3", labels=3, score_activation=("legacy", SIGMOID), layers=1,
         dtype="F16"),
    Spec("scores_saved", score_activation=("sentence_transformers", IDENTITY),
         saved_activation=TANH, layers=1, dtype="F16"),
    Spec("electra", family="electra", hidden=36, heads=3, intermediate=52, embedding=20),
    Spec("electra_equal", family="electra", layers=1, labels=2),
    Spec("electra_no_prefix", family="electra", prefix=False, embedding=40, layers=1, dtype="F16",
         labels=3, activation="relu"),
    Spec("xlmr", family="xlm-roberta", tokenizer="xlmr", hidden=36, heads=3, intermediate=52,
         type_vocab=1, max_positions=66, eps=1e-5),
    Spec("xlmr_squeezed", family="xlm-roberta", tokenizer="squeezed", type_vocab=1,
         max_positions=50, model_max_length=48, layers=1, dtype="F16", added_tokens=ADDED),
    Spec("roberta_no_prefix", family="roberta", tokenizer="stripped", type_vocab=2, prefix=False,
         max_positions=90, labels=2, layers=1, dtype="BF16", truncation_side="left"),
    Spec("camembert", family="camembert", tokenizer="squeezed", type_vocab=1, max_positions=66,
         layers=1, dtype="F16", vocab_words=200, shards=2),
]  # fmt: skip
# With enough pairs to hold our largest error against PyTorch's. The feed-forward width is that of
# BERT-base, where the order of a sum shows.
MANY_PAIRS = ["ffn_3072"]
LAYER_MODELS = ["act_gelu", "act_silu", "head5", "electra", "xlmr"]
# Padding tokens that a text spells out: they take no position.
ROBERTA_PAIRS = [
    ("tea <pad> green", "<pad><pad> Green <mask> tea <pad>"),
    ("</s>  <s> \u2581tea\u2581", "caf\u00e9 cafe\u0301 \ufb01ne  \u3000 <unk> <mask>x"),
]


def check_versions() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in [*PINNED, "numpy", "safetensors"]}
    for name, version in PINNED.items():
        if found[name].split("+")[0] != version:
            raise SystemExit(f"{name} is {found[name]}, not {version}: see the top of this file.")
    return found


def f32(values) -> list[float]:
    """The shortest decimals that read back to the same float32."""
    return [float(str(np.float32(v))) for v in values]


def model_pairs(rng: random.Random, max_length: int) -> list[tuple[str, str]]:
    """About twelve pairs for a tiny model."""
    texts, odd = tiny_models.read_texts(), tiny_models.read_odd_texts()
    pairs = []
    for row in rng.sample(texts, 4):
        pairs.append((row["query"], rng.choice(row["documents"])))
    row, other = rng.sample(texts, 2)
    pairs.append((row["query"], other["documents"][0]))
    pairs.append(("Green Tea <doc> [MASK] green  tea ΩΩ", "ωω [SEP]<doc>  " + rng.choice(odd)))
    pairs.append((rng.choice(texts)["query"], rng.choice(odd[3:])))
    pairs.append((rng.choice(odd[3:]), rng.choice(odd[3:])))
    pairs += [("", row["documents"][0]), (row["query"], ""), (" \t", "\n")]
    long = " ".join(d for r in rng.sample(texts, 12) for d in r["documents"])
    # Words of these texts and tiny vocabularies are about three tokens, six letters: all are cut.
    long, part = long[: 8 * max_length], long[: 4 * max_length]
    pairs += [(other["query"], long), (part, other["documents"][0]), (part, long[::-1])]
    return pairs


def builtin_pairs(rng: random.Random) -> list[tuple[str, str]]:
    """Over 100 pairs: every query with its own documents and with one of another, odd texts."""
    texts, odd = tiny_models.read_texts(), tiny_models.read_odd_texts()
    pairs = [(row["query"], document) for row in texts for document in row["documents"]]
    for row in texts:
        other = rng.choice([r for r in texts if r is not row])
        pairs.append((row["query"], rng.choice(other["documents"])))
    pairs += [(rng.choice(texts)["query"], text) for text in odd]
    pairs += [(text, rng.choice(texts)["documents"][0]) for text in odd[:8]]
    everything = " ".join(d for row in texts for d in row["documents"])
    pairs += [(texts[0]["query"], everything), (everything, everything[::-1]),
              (everything[900:2300], everything[2300:4200])]  # fmt: skip
    return pairs


def many_pairs(rng: random.Random) -> list[tuple[str, str]]:
    texts = tiny_models.read_texts()
    documents = [document for row in texts for document in row["documents"]]
    return [(rng.choice(texts)["query"], rng.choice(documents)) for _ in range(110)]


def write_lines(path: pathlib.Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def pair_rows(reference: Reference, pairs: list[tuple[str, str]], name: str) -> list[dict]:
    single = reference.logits(pairs)
    double = reference.logits64(pairs)
    scores = reference.predict(pairs)
    error = (single - double).abs() / double.abs().clamp(min=1)
    # The tests' bound is 1e-4. Where the reference itself uses up a quarter of it, the model is
    # too badly conditioned to say anything about an engine.
    assert error.max() < 2.5e-5, f"{name}: the reference's own error is {error.max():.1e}"
    assert (single.std(dim=0) > 1).all(), f"{name}: logits do not spread"
    rows, cut = [], 0
    for i, (query, document) in enumerate(pairs):
        encoding = reference.encode(query, document)
        features = reference.features(query, document)
        assert encoding.ids == features["input_ids"][0].tolist()
        assert len(encoding.ids) <= reference.max_length
        cut += bool(encoding.overflowing)
        rows.append({
            "query": query, "document": document, "ids": encoding.ids,
            "type_ids": reference.type_ids(features), "logits": f32(single[i]),
            "logits64": double[i].tolist(), "scores": f32(scores[i]),
        })  # fmt: skip
    assert cut >= 3, f"{name}: only {cut} pairs are truncated"
    return rows


def model_row(reference: Reference, name: str, folder: str) -> dict:
    config = reference.model.model.config
    return {
        "name": name, "folder": folder, "architecture": config.architectures[0],
        "max_length": reference.max_length, "num_labels": reference.num_labels,
        "activation": reference.activation, "hidden_size": config.hidden_size,
        "layers": config.num_hidden_layers, "vocab_size": config.vocab_size,
    }  # fmt: skip


def jacobian_norm(layer, x: torch.Tensor, rng: torch.Generator) -> float:
    """The 2-norm of d layer(x) / dx over a whole sequence, by power iteration."""

    def f(y):
        return out[0] if isinstance(out := layer(y), tuple) else out

    _, pull_back = torch.func.vjp(f, x)
    v = torch.randn(x.shape, generator=rng, dtype=torch.float64)
    for _ in range(60):
        v = v / v.norm()
        _, u = torch.func.jvp(f, (x,), (v,))
        (v,) = pull_back(u)
    return v.norm().item() ** 0.5


def write_layers(reference: Reference, name: str, pairs, path: pathlib.Path) -> None:
    """Hidden states [T, H] of three packed sequences, computed in float64, stored as float32."""
    model = reference.double
    model.set_attn_implementation("eager")
    encoder = getattr(model, model.base_model_prefix).encoder
    rng = torch.Generator().manual_seed(1)
    ids, types, starts, layers, gains = [], [], [0], [], []
    for query, document in pairs:
        features = reference.features(query, document)
        with torch.inference_mode():
            states = model(**features, output_hidden_states=True).hidden_states
        ids += features["input_ids"][0].tolist()
        types += reference.type_ids(features)
        starts.append(len(ids))
        layers.append([state[0].clone() for state in states])
        gains.append([
            jacobian_norm(layer, state.clone(), rng)
            for layer, state in zip(encoder.layer, states[:-1])
        ])  # fmt: skip
    tensors = {
        "ids": torch.tensor(ids, dtype=torch.int32),
        "type_ids": torch.tensor(types, dtype=torch.int32),
        "seq_start": torch.tensor(starts, dtype=torch.int32),
        "gain": torch.tensor(gains, dtype=torch.float32),  # [B, L]
    }
    for i in range(len(layers[0])):
        tensors[f"hidden.{i}"] = torch.cat([states[i] for states in layers]).float().contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


def truncation_rows(reference: Reference) -> list[dict]:
    letters, digits = "abcdefghijklm", "0123456789!?;"
    rows = []
    for n_query in (0, 1, 2, 3, 5, 8, 13):
        for n_document in (0, 1, 2, 3, 5, 8, 13):
            for max_length in (3, 4, 5, 6, 7, 8, 10, 13, 16, 24):
                query, document = " ".join(letters[:n_query]), " ".join(digits[:n_document])
                ids = reference.encode(query, document, max_length).ids
                assert len(ids) == min(max_length, 3 + n_query + n_document)
                rows.append({"query": query, "document": document, "max_length": max_length,
                             "ids": ids})  # fmt: skip
    return rows


def rank_rows(reference: Reference, rng: random.Random) -> list[dict]:
    texts = tiny_models.read_texts()
    rows = []
    for row in rng.sample(texts, 6):
        documents = row["documents"] + [rng.choice(r["documents"]) for r in rng.sample(texts, 8)]
        rng.shuffle(documents)
        documents.append(documents[3])  # a tie
        # No activation, as the order is that of the logits.
        ranked = reference.model.rank(row["query"], documents, activation_fn=torch.nn.Identity())
        # Equal documents differ by rounding in the reference, whose batches change its bits; to an
        # engine they are a tie, which input order decides.
        best: dict[str, float] = {}
        for r in ranked:
            r["score"] = best.setdefault(documents[r["corpus_id"]], r["score"])
        ranked.sort(key=lambda r: (-r["score"], r["corpus_id"]))
        # An order that rounding errors could turn round says nothing: one of the two is left out.
        kept = ranked[:1]
        for r in ranked[1:]:
            tie = documents[r["corpus_id"]] == documents[kept[-1]["corpus_id"]]
            if tie or kept[-1]["score"] - r["score"] > 2e-3:
                kept.append(r)
        assert len(kept) >= len(ranked) - 2
        places = sorted(r["corpus_id"] for r in kept)
        order = [places.index(r["corpus_id"]) for r in kept]
        logits = [r["score"] for r in kept]
        documents = [documents[place] for place in places]
        rows.append({"query": row["query"], "documents": documents, "order": order,
                     "logits": f32(logits)})  # fmt: skip
    return rows


def sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(versions: dict[str, str]) -> None:
    folders = ("cases", "data/models")
    files = sorted(p for d in folders for p in (HERE / d).rglob("*") if p.is_file())
    manifest = {
        "what": "Versions that made the files below, and their SHA-256. Inputs are relative to the "
                "repository, files to this folder.",
        "regenerate": "see the top of generate.py; a hand edit of any file fails the tests",
        "versions": versions | {"python": platform.python_version()},
        "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "inputs": {str(p.relative_to(ROOT)): sha256(p) for p in INPUTS},
        "files": {str(p.relative_to(HERE)): sha256(p) for p in files},
    }  # fmt: skip
    tiny_models.write_json(HERE / "MANIFEST.json", manifest)
    print(f"{len(files)} files, {sum(p.stat().st_size for p in files):,} bytes")


def main() -> None:
    versions = check_versions()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)  # the order of float32 sums must not depend on the machine's CPUs
    cases, data = HERE / "cases", HERE / "data/models"
    for folder in (cases, data):
        shutil.rmtree(folder, ignore_errors=True)
    models = []
    for spec in SPECS:
        rng = random.Random(spec.name)
        spec.seed = rng.randrange(2**31)
        pairs = model_pairs(rng, spec.max_length)
        if spec.name in MANY_PAIRS:
            pairs += many_pairs(rng)
        if spec.family in tiny_models.ROBERTA:
            pairs += ROBERTA_PAIRS
        folder = data / spec.name
        tiny_models.write_model(spec, folder, pairs)
        reference = Reference(folder)
        assert (reference.max_length, reference.num_labels) == (spec.max_length, spec.labels)
        rows = pair_rows(reference, pairs, spec.name)
        write_lines(cases / "pairs" / f"{spec.name}.jsonl", rows)
        models.append(model_row(reference, spec.name, f"data/models/{spec.name}"))
        if spec.name in LAYER_MODELS:
            path = cases / "layers" / f"{spec.name}.safetensors"
            write_layers(reference, spec.name, [pairs[0], pairs[-1], ("", "")], path)
        print(spec.name, len(rows))
    builtin = Reference(BUILTIN)
    rng = random.Random("builtin")
    write_lines(cases / "pairs/builtin.jsonl", pair_rows(builtin, builtin_pairs(rng), "builtin"))
    models.append(model_row(builtin, "builtin", "../../models/minilm-l6-crossrank"))
    write_lines(cases / "models.jsonl", models)
    write_lines(cases / "truncation.jsonl", truncation_rows(builtin))
    write_lines(cases / "rank.jsonl", rank_rows(builtin, rng))
    write_manifest(versions)


if __name__ == "__main__":
    main()
