"""nDCG@10 of a model on a TREC-style set, by sentence-transformers and by crossrank, side by side.

    build/venv/bin/python bench/quality.py --crossrank build/release/crossrank \
        --model models/minilm-l6-crossrank --data DIR

DIR holds queries.tsv (id TAB text), corpus.jsonl ({id, title?, text}), qrels.txt and runs/bm25.trec.
Each query's first --top documents of the run are scored; the text is title + " " + text where there
is a title, and nothing is cut but by the model's own limit. Exit 1 when the two nDCG@10 differ by
more than 0.0005 or a logit by more than 1e-4 * max(1, |logit|).

With --depth N PyTorch scores only crossrank's first N documents of each query and N/4 others drawn
by chance. That settles nDCG@10 as long as no logit differs by half the gap between the 10th and the
N+1st document, which is checked against the largest difference that was seen; it saves most of an
hour on long texts.

Needs tests/golden/requirements.txt (tools/venv.sh) and pytrec-eval-terrier. PyTorch's logits are
kept in --cache, so that only the first run is slow; --limit-queries makes a quick one.
"""

import argparse
import collections
import hashlib
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"  # the model is a folder

import pytrec_eval
from scipy.stats import kendalltau

NDCG_BOUND = 0.0005
LOGIT_BOUND = 1e-4  # * max(1, |logit|)


def read_set(data: pathlib.Path, run_name: str, top: int, limit: int | None):
    """[(query id, query, [(document id, text)])] and the qrels of these queries."""
    queries = dict(
        line.rstrip("\n").split("\t", 1) for line in (data / "queries.tsv").open(encoding="utf-8")
    )
    ranked = collections.defaultdict(list)
    for line in (data / "runs" / f"{run_name}.trec").open(encoding="utf-8"):
        query_id, _, document_id, rank, *_ = line.split()
        ranked[query_id].append((int(rank), document_id))
    qrels = collections.defaultdict(dict)
    for line in (data / "qrels.txt").open(encoding="utf-8"):
        query_id, _, document_id, grade = line.split()
        qrels[query_id][document_id] = int(grade)
    chosen = [q for q in queries if q in ranked and q in qrels][:limit]
    if not chosen:
        raise SystemExit(f"{data}: no query is in queries.tsv, qrels.txt and the run alike")
    wanted = {d for q in chosen for _, d in sorted(ranked[q])[:top]}
    texts = {}
    for line in (data / "corpus.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        if row["id"] in wanted:
            title = row.get("title")
            texts[row["id"]] = f"{title} {row['text']}" if title else row["text"]
    if missing := wanted - texts.keys():
        raise SystemExit(f"{data}/corpus.jsonl lacks {len(missing)} documents of the run, "
                         f"for example {min(missing)}")  # fmt: skip
    groups = [(q, queries[q], [(d, texts[d]) for _, d in sorted(ranked[q])[:top]]) for q in chosen]
    return groups, {q: qrels[q] for q in chosen}


def weights_digest(model: pathlib.Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(model.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def torch_logits(model: pathlib.Path, groups, cache: pathlib.Path) -> list[list[float]]:
    """One list a query. A line of the cache is a query with a digest of all that was scored."""
    known = {}
    if cache.exists():
        for line in cache.open(encoding="utf-8"):
            row = json.loads(line)
            known[row["key"]] = row["logits"]
    weights = weights_digest(model)
    cache.parent.mkdir(parents=True, exist_ok=True)
    encoder, seconds, scored, out = None, 0.0, 0, []
    with cache.open("a", encoding="utf-8") as file:
        for number, (_, query, documents) in enumerate(groups):
            content = json.dumps([weights, query, documents])
            key = hashlib.sha256(content.encode()).hexdigest()
            if key not in known:
                if encoder is None:
                    encoder = load_torch(model)
                start = time.monotonic()
                known[key] = predict_torch(encoder, [(query, text) for _, text in documents])
                seconds += time.monotonic() - start
                scored += len(documents)
                file.write(json.dumps({"key": key, "logits": known[key]}) + "\n")
                file.flush()
                print(f"\rsentence-transformers: query {number + 1} of {len(groups)}", end="",
                      file=sys.stderr)  # fmt: skip
            out.append(known[key])
    if scored:
        print(f"\nsentence-transformers: {scored} pairs in {seconds:.1f} s", file=sys.stderr)
    else:
        print(f"sentence-transformers: all logits from {cache}", file=sys.stderr)
    return out


def load_torch(model: pathlib.Path):
    import torch
    from sentence_transformers import CrossEncoder

    # transformers 5 would run a float16 file in half precision otherwise.
    encoder = CrossEncoder(str(model), device="cpu", model_kwargs={"dtype": torch.float32})
    assert next(encoder.model.parameters()).dtype == torch.float32
    if encoder.num_labels != 1:
        raise SystemExit(f"{model} has {encoder.num_labels} labels; ranking needs one")
    return encoder


def predict_torch(encoder, pairs: list[tuple[str, str]]) -> list[float]:
    import torch

    logits = encoder.predict(
        [list(pair) for pair in pairs], activation_fn=torch.nn.Identity(), convert_to_tensor=True
    )
    assert logits.dtype == torch.float32
    return logits.tolist()


def crossrank_logits(binary: str, model: pathlib.Path, groups, extra: list[str]):
    with tempfile.TemporaryFile() as pairs:
        for _, query, documents in groups:
            for _, text in documents:
                pairs.write(json.dumps({"query": query, "document": text}).encode() + b"\n")
        pairs.seek(0)
        start = time.monotonic()
        command = [binary, "score", "--model", str(model), "--format", "jsonl", "--quiet", *extra]
        done = subprocess.run([*command, "-"], stdin=pairs, stdout=subprocess.PIPE)
        seconds = time.monotonic() - start
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if [row["index"] for row in rows] != list(range(sum(len(d) for _, _, d in groups))):
        raise SystemExit("crossrank score did not return one line a pair, in order")
    print(f"crossrank: {len(rows)} pairs in {seconds:.1f} s", file=sys.stderr)
    logits = iter(row["logit"] for row in rows)
    return [[next(logits) for _ in documents] for _, _, documents in groups]


def ndcg(groups, logits, qrels) -> float:
    run = {
        query_id: {document_id: score for (document_id, _), score in zip(documents, scores)}
        for (query_id, _, documents), scores in zip(groups, logits)
    }
    results = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10"}).evaluate(run)
    assert len(results) == len(groups)
    return sum(r["ndcg_cut_10"] for r in results.values()) / len(results)


def arguments(description: str) -> argparse.ArgumentParser:
    """What every comparison on such a set is told."""
    parser = argparse.ArgumentParser(description=description)
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
        help="passed on to crossrank score, for example --option=--isa=scalar",
    )
    return parser


def heads(groups, logits, depth: int):
    """The first `depth` documents of each ranking and some others; the smallest gap behind them.

    The others are in the comparison of logits, and behind the first ones in the ranking, so nDCG@10
    is that of the whole list.
    """
    chance = random.Random(1)
    out_groups, out_logits, margin = [], [], math.inf
    for (query_id, query, documents), scores in zip(groups, logits):
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        if len(order) > depth:
            margin = min(margin, scores[order[9]] - scores[order[depth]])
        rest = order[depth:]
        kept = sorted(order[:depth] + chance.sample(rest, min(len(rest), depth // 4)))
        out_groups.append((query_id, query, [documents[i] for i in kept]))
        out_logits.append([scores[i] for i in kept])
    return out_groups, out_logits, margin


def print_heading(options, groups) -> None:
    print(f"{options.data.name}: {len(groups)} queries, top {options.top} of {options.run}, "
          f"{sum(len(d) for _, _, d in groups)} pairs, model {options.model}")  # fmt: skip


def taus(a, b) -> list[float]:
    """Kendall's tau of each query with more than one document."""
    return [kendalltau(x, y).statistic for x, y in zip(a, b) if len(x) > 1]


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path("build/quality.jsonl"),
                        help="where PyTorch's logits are kept")  # fmt: skip
    parser.add_argument("--depth", type=int, help="PyTorch scores crossrank's first N alone")
    options = parser.parse_args()
    groups, qrels = read_set(options.data, options.run, options.top, options.limit_queries)
    ours = crossrank_logits(options.crossrank, options.model, groups, options.option)
    first_stage = [[-float(i) for i in range(len(documents))] for _, _, documents in groups]
    first_ndcg, our_ndcg = ndcg(groups, first_stage, qrels), ndcg(groups, ours, qrels)
    print_heading(options, groups)
    margin = None
    if options.depth:
        groups, ours, margin = heads(groups, ours, options.depth)
    reference = torch_logits(options.model, groups, options.cache)

    torch_ndcg = ndcg(groups, reference, qrels)
    print(f"nDCG@10  {options.run:<22}{first_ndcg:.4f}")
    print(f"nDCG@10  sentence-transformers {torch_ndcg:.6f}")
    print(f"nDCG@10  crossrank             {our_ndcg:.6f}")
    print(f"difference                     {our_ndcg - torch_ndcg:+.6f} (bound {NDCG_BOUND})")
    pairs = [(a, b) for x, y in zip(ours, reference) for a, b in zip(x, y)]
    largest = max(abs(a - b) for a, b in pairs)
    outside = sum(abs(a - b) > LOGIT_BOUND * max(1, abs(b)) for a, b in pairs)
    print(f"largest logit difference       {largest:.2e} ({outside} of {len(pairs)} outside "
          f"{LOGIT_BOUND:g} * max(1, |logit|))")  # fmt: skip
    if margin is not None:
        print(f"smallest margin of the top 10  {margin:.2e}: a document behind the first "
              f"{options.depth} enters only with half of that as difference")  # fmt: skip
        outside += largest >= margin / 2
    tau = taus(ours, reference)
    print(f"Kendall tau a query            mean {sum(tau) / len(tau):.6f}, "
          f"lowest {min(tau):.6f}")  # fmt: skip
    sys.exit(1 if abs(our_ndcg - torch_ndcg) > NDCG_BOUND or outside else 0)


if __name__ == "__main__":
    main()
