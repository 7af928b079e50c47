"""The packages of docs/migration.md on the same weights and texts: do they agree, how fast are they?

    PYTHONPATH=build/release/python VENV/bin/python bench/migration.py --data DIR

VENV has bench/requirements-migration.txt. DIR holds queries.tsv, corpus.jsonl and runs/bm25.trec, as
for bench/quality.py; the first --documents of the run of --queries queries are ranked. Every package
is called as its documentation shows, a query a call, with its own batch size, in a process of its
own, all in turn in each round. First, scores must agree: exit 1 when a float32 logit differs from
sentence-transformers' by more than 1e-4 * max(1, |logit|), FlashRank's probability by more than
1e-5. int8 and bf16 are other numbers: their largest difference is printed. Nothing is downloaded;
the ONNX files that two of them read are made once, in --cache.

On a machine with other work, wall time says little, less for packages whose threads wait for each
other; CPU time, which counts that waiting where it spins, says more. Measure on a quiet one.
"""

import argparse
import collections
import importlib.metadata
import json
import math
import pathlib
import shutil
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench" / "peers"))

import exports  # noqa: E402
import isolate  # noqa: E402

LOGIT_BOUND = 1e-4  # * max(1, |logit|)
PROBABILITY_BOUND = 1e-5  # of a float32 sigmoid; back in logits it would be wide near 0 and 1
PACKAGES = ("sentence-transformers", "torch", "flashrank", "fastembed", "onnxruntime", "rerankers")


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


class Package:
    """One package. `call(query, documents)` gives a score for each document, in their order."""

    tolerance = "logit"  # what call gives: "logit" or "probability"; "none": is not compared
    settings = ""

    def prepare(self, *_):
        self.load()

    def score(self, groups):
        """([scores of a query's documents], (seconds, CPU seconds of all threads))."""
        begin, begin_cpu = time.perf_counter(), time.process_time()
        found = [self.call(query, documents) for query, documents in groups]
        seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
        return [self.in_order(one, len(group[1])) for one, group in zip(found, groups)], seconds

    def in_order(self, found, _):
        return [float(score) for score in found]


def by_index(pairs, count):
    """Scores in the order of the documents from (index, score) in that of the ranking."""
    scores = dict(pairs)
    assert sorted(scores) == list(range(count)), "a document is missing or there twice"
    return [float(scores[index]) for index in range(count)]


class SentenceTransformers(Package):
    name = "sentence-transformers, float32"

    def __init__(self, folder, threads):
        self.folder, self.threads = folder, threads

    def load(self):
        import torch
        from sentence_transformers import CrossEncoder

        torch.set_num_threads(self.threads)
        self.model = CrossEncoder(
            str(self.folder), device="cpu", model_kwargs={"dtype": torch.float32}
        )
        assert next(self.model.model.parameters()).dtype == torch.float32

    def call(self, query, documents):
        return self.model.rank(query, documents)

    def in_order(self, found, count):
        return by_index([(entry["corpus_id"], entry["score"]) for entry in found], count)


class Rerankers(Package):
    name = "rerankers, float32"

    def __init__(self, folder, threads):
        self.folder, self.threads = folder, threads

    def load(self):
        import torch
        from rerankers import Reranker

        torch.set_num_threads(self.threads)
        self.model = Reranker(str(self.folder), model_type="cross-encoder", device="cpu", verbose=0)
        assert self.model.model.dtype == torch.float32

    def call(self, query, documents):
        return self.model.rank(query, documents)

    def in_order(self, found, count):
        return by_index([(one.document.doc_id, one.score) for one in found], count)


class FlashRank(Package):
    """It has no thread option: ONNX Runtime takes as many as there are cores."""

    def __init__(self, cache, model, file, precision):
        self.cache, self.model, self.file = cache, model, file
        self.name = f"FlashRank, {precision}"
        self.tolerance = "probability" if precision == "float32" else "none"

    def load(self):
        from flashrank import Ranker, RerankRequest
        from flashrank.Config import model_file_map

        folder = self.cache / "flashrank" / self.model
        place(self.cache, folder, self.file, folder / model_file_map[self.model])
        self.request = RerankRequest
        self.ranker = Ranker(
            model_name=self.model, cache_dir=str(folder.parent), log_level="WARNING"
        )

    def call(self, query, documents):
        passages = [{"id": index, "text": text} for index, text in enumerate(documents)]
        return self.ranker.rerank(self.request(query=query, passages=passages))

    def in_order(self, found, count):
        return by_index([(passage["id"], passage["score"]) for passage in found], count)


class FastEmbed(Package):
    name = "fastembed, float32"

    def __init__(self, cache, file, threads):
        self.cache, self.file, self.threads = cache, file, threads

    def load(self):
        from fastembed.common.model_description import ModelSource
        from fastembed.rerank.cross_encoder import TextCrossEncoder

        folder = self.cache / "fastembed"
        place(self.cache, folder, self.file, folder / "onnx" / "model.onnx")
        TextCrossEncoder.add_custom_model("local/model", sources=ModelSource(hf="local/model"))
        self.model = TextCrossEncoder(
            "local/model", specific_model_path=str(folder), threads=self.threads
        )

    def call(self, query, documents):
        return list(self.model.rerank(query, documents))


class CrossRank(Package):
    def __init__(self, folder, threads, precision):
        self.folder, self.threads, self.precision = folder, threads, precision
        self.name = f"crossrank, {'float32' if precision == 'fp32' else precision}"
        self.tolerance = "logit" if precision == "fp32" else "none"

    def load(self):
        import crossrank

        self.model = crossrank.CrossEncoder(
            self.folder, threads=self.threads, precision=self.precision
        )
        self.settings = self.model.info.isa

    def call(self, query, documents):
        return self.model.rank(query, documents)

    in_order = SentenceTransformers.in_order


def place(cache, folder, source, target):
    """An ONNX file and the tokenizer's files where a package looks for what it downloads."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for file in (cache / "float32").iterdir():
        if file.suffix in (".json", ".txt"):
            shutil.copy(file, folder)
    shutil.copy(source, target)


def make_files(cache, model):
    """(float32 ONNX file, int8 ONNX file), with the float32 folder beside them."""
    exports.float32_folder(model, cache)
    plain = exports.onnx_plain(cache)
    return plain, exports.onnx_int8(cache, plain)


def read_groups(data, queries, documents):
    """[(query, [text])] of the first queries of the run that have as many documents."""
    texts_of = dict(
        line.rstrip("\n").split("\t", 1) for line in (data / "queries.tsv").open(encoding="utf-8")
    )
    ranked = collections.defaultdict(list)
    for line in (data / "runs" / "bm25.trec").open(encoding="utf-8"):
        query_id, _, document_id, rank, *_ = line.split()
        ranked[query_id].append((int(rank), document_id))
    chosen = [q for q in texts_of if len(ranked.get(q, ())) >= documents][:queries]
    if len(chosen) < queries:
        raise SystemExit(f"{data}: {len(chosen)} queries with {documents} documents, not {queries}")
    wanted = {q: [d for _, d in sorted(ranked[q])[:documents]] for q in chosen}
    needed = {d for listed in wanted.values() for d in listed}
    texts = {}
    for line in (data / "corpus.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        if row["id"] in needed:
            texts[row["id"]] = f"{row['title']} {row['text']}" if row.get("title") else row["text"]
    return [(texts_of[q], [texts[d] for d in wanted[q]]) for q in chosen]


def difference(kind, found, reference):
    """(largest difference, whether it is within the bound) of one package's scores."""
    worst, within = 0.0, True
    for ours, theirs in zip(sum(found, []), sum(reference, [])):
        if kind == "probability":
            apart, bound = abs(ours - sigmoid(theirs)), PROBABILITY_BOUND
        else:
            apart, bound = abs(ours - theirs), LOGIT_BOUND * max(1, abs(theirs))
        worst = max(worst, apart)
        # Not "apart <= bound" for all: a NaN must not pass.
        within = within and apart <= bound
    return worst, within


def agree(remotes, groups):
    """Prints the largest difference of each package; whether all are within their bounds."""
    reference, fine = remotes[0].score(groups)[0], True
    for remote in remotes[1:]:
        found = remote.score(groups)[0]
        if remote.tolerance == "none" and "FlashRank" in remote.name:
            found = [[math.log(p / (1 - p)) for p in one] for one in found]
        worst, within = difference(remote.tolerance, found, reference)
        unit = "probability" if remote.tolerance == "probability" else "logit"
        verdict = "other numbers" if remote.tolerance == "none" else "as asked"
        if remote.tolerance != "none" and not within:
            verdict, fine = "TOO MUCH", False
        print(f"{remote.name:34} largest difference {worst:.1e} ({unit}): {verdict}", flush=True)
    return fine


def packages(cache, files, options):
    folder, threads = cache / "float32", options.threads
    plain, int8 = files
    makers = [
        (SentenceTransformers, folder, threads),
        (Rerankers, folder, threads),
        # A name of its map with an unquantised file, and its MiniLM, which it ships in int8.
        (FlashRank, cache, "ms-marco-TinyBERT-L-2-v2", plain, "float32"),
        (FlashRank, cache, "ms-marco-MiniLM-L-12-v2", int8, "int8"),
        (FastEmbed, cache, plain, threads),
        *((CrossRank, folder, threads, precision) for precision in ("fp32", "bf16", "int8")),
    ]
    words = options.only.split(",") if options.only else [""]
    return [make for make in makers[:1]] + [
        make for make in makers[1:] if any(word in make[0].__name__.lower() for word in words)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--model", default=str(ROOT / "models" / "minilm-l6-crossrank"))
    parser.add_argument("--cache", default=str(ROOT / "build" / "migration"))
    parser.add_argument("--queries", type=int, default=6)
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", help="besides sentence-transformers: names, commas between")
    options = parser.parse_args()
    groups = read_groups(options.data, options.queries, options.documents)
    count = options.queries * options.documents
    cache = exports.cache_folder(options.cache, options.model)
    files = isolate.call(options.threads, make_files, cache, options.model)
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES))
    print(
        f"{options.queries} queries, {options.documents} documents each, {options.threads} threads"
    )

    remotes = []
    try:
        for make in packages(cache, files, options):
            remotes.append(isolate.Remote(make, options.threads))
            remotes[-1].prepare(None, None)
        if not agree(remotes, groups):
            raise SystemExit("the packages do not agree; nothing was timed")
        rounds = []
        for number in range(options.rounds):
            turn = remotes[number % len(remotes) :] + remotes[: number % len(remotes)]
            seconds = {remote.name: remote.score(groups)[1] for remote in turn}
            rounds.append(seconds)
            rates = (f"{count / seconds[remote.name][0]:.0f}" for remote in remotes)
            print(f"round {number + 1}:", *rates, flush=True)
        peaks = {remote.name: remote.peak_megabytes() for remote in remotes}
        # One query with all the documents: what a call without a batch size needs.
        one = [(groups[0][0], [text for _, listed in groups for text in listed])]
        all_at_once = {}
        for remote in remotes:
            remote.score(one)
            all_at_once[remote.name] = remote.peak_megabytes()
    finally:
        for remote in remotes:
            remote.close()

    base = remotes[0].name
    print(
        f"\n| package | pairs/s | times as fast | lowest, highest | CPU ms a pair | less CPU, times "
        f"| peak memory, {options.documents} documents a call | {count} documents a call |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for remote in remotes:
        name = remote.name
        faster, less = ([one[base][k] / one[name][k] for one in rounds] for k in (0, 1))
        rate = statistics.median(count / one[name][0] for one in rounds)
        cpu = statistics.median(1e3 * one[name][1] / count for one in rounds)
        print(
            f"| {name} | {rate:.0f} | {statistics.median(faster):.2f} | {min(faster):.2f}, "
            f"{max(faster):.2f} | {cpu:.1f} | {statistics.median(less):.2f} | {peaks[name]:,.0f} MB "
            f"| {all_at_once[name]:,.0f} MB |"
        )


if __name__ == "__main__":
    main()
