# Engines of the peer benchmark: one class an engine. They know nothing of rounds or of each other.
"""tune(sample) picks settings, in a process that ends with it; prepare(sample, choices) loads with
them and warms up; score(pairs) returns (logits, seconds).

The seconds count tokenization, sorting, padding and the forward pass, from texts to logits. Each
engine lives in a process of its own (see isolate.py), where RAYON_NUM_THREADS and OMP_NUM_THREADS
are set. `settings` says what was picked; `tolerance` names the entry of agreement.TOLERANCES.
"""

import concurrent.futures
import json
import math
import pathlib
import subprocess
import tempfile
import time

import exports

# Pairs a batch that the peers choose from, by the time they take for the sample.
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
MAX_TOKENS = 512
# Ways to use the threads: all of them on each batch, or each on a batch of its own.
IN_TURN = "batches in turn"
SIDE_BY_SIDE = "batches side by side"


def logit(probability):
    return math.log(probability) - math.log1p(-probability)


def seconds_of(run, best=math.inf):
    """The faster of two runs; the only one, where it takes half as long again as the best so far"""
    first = run()
    return first if first > 1.5 * best else min(first, run())


def fastest_batch(measure):
    """(measure(size), size) where it is least; two sizes in a row that are slower end the search"""
    best, slower = (math.inf, 0), 0
    for size in BATCH_SIZES:
        seconds = seconds_of(lambda size=size: measure(size), best[0])
        slower = 0 if seconds < best[0] else slower + 1
        best = min(best, (seconds, size))
        if slower == 2:
            break
    return best


def tune(make, sample):
    """Choices for prepare(), the best first; [] for an engine that has nothing to choose."""
    engine = make[0](*make[1:])
    return engine.tune(sample) if isinstance(engine, Tuned) else []


class Tuned:
    """An engine with a batch size, and perhaps variants: (name, one of the two ways)."""

    def __init__(self, cache, threads):
        self.cache, self.threads = cache, threads

    def load(self):
        """What all variants need."""

    def variants(self):
        return [("", IN_TURN)]

    def open(self, variant):
        """What score() finds in self.run."""

    def select(self, variant, batch_size):
        self.run, self.batch_size = self.opened[variant], batch_size
        name, way = variant
        words = [name] if name else []
        words += [way] if any(other != way for _, other in self.variants()) else []
        self.settings = ", ".join([*words, f"batch {batch_size}"])

    def tune(self, sample):
        """The best (variant, batch size) of each way."""
        self.load()
        best = {}
        for variant in self.variants():
            self.run, self.opened = None, {}  # No idle session beside the one that is measured.
            self.opened = {variant: self.open(variant)}

            def measure(size, variant=variant):
                self.select(variant, size)
                return self.score(sample)[1]

            found = (*fastest_batch(measure), variant)
            best[variant[1]] = min(found, best.get(variant[1], found))
        return [(variant, size) for _, size, variant in sorted(best.values())]

    def prepare(self, sample, choices):
        """Only what is among `choices` is loaded; the first is used until fit() picks another."""
        self.load()
        self.choices = choices
        self.opened = {variant: self.open(variant) for variant, _ in choices}
        self.select(*choices[0])
        self.score(sample)

    def fit(self, pairs):
        """Settings for calls of so many pairs: a small call may be best as one batch."""
        count = len(pairs)
        best = (math.inf, self.choices[0])
        for variant, tuned in self.choices if count <= max(BATCH_SIZES) else ():
            sizes = {min(tuned, count), count}
            if variant[1] == SIDE_BY_SIDE:
                sizes.add(-(-count // self.threads))
            for size in sorted(sizes):
                self.select(variant, size)
                # The shorter the call, the more it varies.
                for _ in range(max(1, 32 // count)):
                    best = min(best, (seconds_of(lambda: self.score(pairs)[1]), (variant, size)))
        self.select(*best[1])


class SentenceTransformers(Tuned):
    """CrossEncoder in float32 on PyTorch's CPU backend; predict() sorts by length by itself.

    The batch size is predict()'s default.
    """

    name, tolerance = "sentence-transformers", "fp32"

    def tune(self, sample):
        return [(self.variants()[0], 32)]

    def load(self):
        import torch
        from sentence_transformers import CrossEncoder

        torch.set_num_threads(self.threads)
        self.model = CrossEncoder(
            str(self.cache / "float32"), device="cpu", model_kwargs={"dtype": torch.float32}
        )
        # transformers 5 runs a float16 file in half precision unless told otherwise.
        dtype = next(self.model.model.parameters()).dtype
        if dtype != torch.float32:
            raise RuntimeError(f"sentence-transformers loaded {dtype}, not float32")
        self.identity = torch.nn.Identity()

    def score(self, pairs):
        begin = time.perf_counter()
        logits = self.model.predict(
            pairs, batch_size=self.batch_size, activation_fn=self.identity, show_progress_bar=False
        )
        return [float(x) for x in logits], time.perf_counter() - begin


class Batched(Tuned):
    """Peers that take arrays: tokenize all, sort by tokens, pad each batch to its own longest.

    What open() returns takes feeds() and gives (indices, list of logits) of each, in any order.
    """

    def load(self):
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(self.cache / "float32" / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.no_padding()

    def both_ways(self, names):
        ways = (IN_TURN, SIDE_BY_SIDE) if self.threads > 1 else (IN_TURN,)
        return [(name, way) for name in names for way in ways]

    def feeds(self, pairs, batch_size):
        """(indices, arrays) of each batch, the longest first."""
        import numpy

        encodings = self.tokenizer.encode_batch(pairs)
        order = sorted(range(len(pairs)), key=lambda i: -len(encodings[i].ids))
        for begin in range(0, len(order), batch_size):
            indices = order[begin : begin + batch_size]
            shape = (len(indices), len(encodings[indices[0]].ids))
            ids, mask, types = (numpy.zeros(shape, numpy.int64) for _ in range(3))
            for row, index in enumerate(indices):
                count = len(encodings[index].ids)
                ids[row, :count] = encodings[index].ids
                types[row, :count] = encodings[index].type_ids
                mask[row, :count] = 1
            yield indices, dict(zip(exports.NAMES, (ids, mask, types), strict=True))

    def score(self, pairs):
        begin = time.perf_counter()
        logits = [0.0] * len(pairs)
        for indices, values in self.run(self.feeds(pairs, self.batch_size)):
            for index, value in zip(indices, values, strict=True):
                logits[index] = value
        return logits, time.perf_counter() - begin


class TorchBf16(Batched):
    name, tolerance = "torch bf16", "bf16"

    def variants(self):
        return [("sdpa", IN_TURN)]

    def open(self, variant):
        import torch
        from transformers import AutoModelForSequenceClassification

        torch.set_num_threads(self.threads)
        model = AutoModelForSequenceClassification.from_pretrained(
            self.cache / "float32", dtype=torch.bfloat16, attn_implementation=variant[0]
        ).eval()

        def run(feeds):
            for indices, arrays in feeds:
                tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
                with torch.inference_mode():
                    logits = model(**tensors).logits[:, 0].float().tolist()
                yield indices, logits

        return run


class OnnxRuntime(Batched):
    """The exporter's graph or the optimizer's; side by side: Python threads that share a session of
    one thread. Whichever is faster.
    """

    def __init__(self, cache, threads, precision):
        super().__init__(cache, threads)
        self.tolerance = precision
        self.name = "onnxruntime " + ("fp32" if precision == "fp32" else "int8 dynamic")

    def variants(self):
        return self.both_ways(["plain graph", "fused graph"])

    def open(self, variant):
        import onnxruntime

        graph, way = variant
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads if way == IN_TURN else 1
        options.inter_op_num_threads = 1
        make = exports.onnx_plain if graph == "plain graph" else exports.onnx_fused
        path = make(self.cache)
        if self.tolerance == "int8":
            path = exports.onnx_int8(self.cache, path)
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

        def run(feed):
            return feed[0], session.run(None, feed[1])[0][:, 0].tolist()

        if way == IN_TURN:
            return lambda feeds: map(run, feeds)
        pool = concurrent.futures.ThreadPoolExecutor(self.threads)
        return lambda feeds: pool.map(run, feeds)


class OpenVino(Batched):
    """The latency hint's one stream of all threads; side by side: a stream and request a thread."""

    def __init__(self, cache, threads, precision, workload):
        super().__init__(cache, threads)
        self.tolerance, self.workload = precision, workload
        self.name = "openvino " + ("int8 static" if precision == "int8" else precision)

    def variants(self):
        # An int8 model's layers that are not quantized may run in either.
        int8 = self.tolerance == "int8"
        return self.both_ways(["f32 rest", "bf16 rest"] if int8 else [self.tolerance])

    def calibration_feeds(self):
        return [arrays for _, arrays in self.feeds(self.workload.calibration, 1)]

    def open(self, variant):
        import openvino

        rest, way = variant
        if self.tolerance == "int8":
            folder = exports.openvino_int8(self.cache, self.workload.name, self.calibration_feeds)
        else:
            folder = exports.openvino_float32(self.cache)
        properties = {
            "INFERENCE_NUM_THREADS": self.threads,
            "INFERENCE_PRECISION_HINT": "bf16" if rest.startswith("bf16") else "f32",
            "PERFORMANCE_HINT": "LATENCY" if way == IN_TURN else "THROUGHPUT",
        }
        if way == SIDE_BY_SIDE:
            properties["NUM_STREAMS"] = self.threads
        compiled = openvino.Core().compile_model(folder / "openvino_model.xml", "CPU", properties)
        if way == IN_TURN:
            request = compiled.create_infer_request()
            return lambda feeds: (
                (indices, request.infer(arrays)[0][:, 0].tolist()) for indices, arrays in feeds
            )
        queue = openvino.AsyncInferQueue(compiled, self.threads)
        done = []

        def collect(request, indices):
            done.append((indices, request.get_output_tensor(0).data[:, 0].tolist()))

        queue.set_callback(collect)

        def run(feeds):
            done.clear()
            for indices, arrays in feeds:
                queue.start_async(arrays, indices)
            queue.wait_all()
            return done

        return run


class OpenVinoGenAi(Tuned):
    """TextRerankPipeline, one query a call; its documents sorted by length and cut into batches."""

    tolerance = "sigmoid"

    def __init__(self, cache, threads, precision):
        super().__init__(cache, threads)
        self.precision = precision
        self.name = f"openvino genai {precision}"
        if precision == "bf16":
            self.tolerance = "bf16"

    def load(self):
        import openvino_genai

        config = openvino_genai.TextRerankPipeline.Config()
        config.top_n = 1 << 20  # All of them: by default only the best few come back.
        config.max_length = MAX_TOKENS
        self.pipeline = openvino_genai.TextRerankPipeline(
            str(exports.openvino_genai(self.cache)), "CPU", config,
            INFERENCE_NUM_THREADS=self.threads,
            INFERENCE_PRECISION_HINT="f32" if self.precision == "fp32" else "bf16",
        )  # fmt: skip

    def score(self, pairs):
        begin = time.perf_counter()
        logits = [0.0] * len(pairs)
        queries = {}
        for index, (query, _) in enumerate(pairs):
            queries.setdefault(query, []).append(index)
        for query, indices in queries.items():
            indices.sort(key=lambda i: -len(pairs[i][1]))
            for first in range(0, len(indices), self.batch_size):
                batch = indices[first : first + self.batch_size]
                for row, value in self.pipeline.rerank(query, [pairs[i][1] for i in batch]):
                    # The pipeline applies the sigmoid; one that is 0 or 1 has no logit left.
                    logits[batch[row]] = logit(min(max(value, 1e-30), 1 - 2**-25))
        return logits, time.perf_counter() - begin


class CrossrankProcess:
    """The command `score` as a whole process: its start, loading and JSON are counted too."""

    def __init__(self, cache, threads, precision, binary, isa=None):
        self.command = [binary, "score", "--model", str(cache / "float32")]
        self.command += ["--threads", str(threads), "--precision", precision]
        self.command += ["--format", "jsonl", "--quiet"] + (["--isa", isa] if isa else [])
        self.name, self.tolerance = f"crossrank {precision} process", precision
        self.settings = "start, load and JSON counted"

    def prepare(self, sample, choices):
        self.score(sample)

    def score(self, pairs):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
            for query, document in pairs:
                file.write(json.dumps({"query": query, "document": document}) + "\n")
            file.flush()
            begin = time.perf_counter()
            done = subprocess.run(self.command + [file.name], check=True, stdout=subprocess.PIPE)
            seconds = time.perf_counter() - begin
        return [json.loads(line)["logit"] for line in done.stdout.splitlines()], seconds


class Crossrank:
    """The library in a worker process that has loaded the model once, as the peers have."""

    def __init__(self, cache, threads, precision, worker, isa=None):
        self.command = [worker, str(cache / "float32"), precision, str(threads)]
        self.command += [isa] if isa else []
        self.name, self.tolerance = f"crossrank {precision}", precision

    def prepare(self, sample, choices):
        if not pathlib.Path(self.command[0]).is_file():
            raise RuntimeError(f"{self.command[0]} is missing: build the target crossrank_worker")
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        _, isa, load_seconds = self._line().split()
        self.settings = f"{isa}, loaded in {float(load_seconds) * 1000:.0f} ms"
        self.score(sample)

    def _line(self):
        line = self.process.stdout.readline().decode()
        if not line:
            raise RuntimeError("crossrank_worker ended; its message is above")
        return line

    def score(self, pairs):
        request = [f"{len(pairs)}\n".encode()]
        for query, document in pairs:
            texts = query.encode(), document.encode()
            request += [f"{len(texts[0])} {len(texts[1])}\n".encode(), *texts]
        # The worker reads the whole request before it writes, so this cannot block both.
        self.process.stdin.write(b"".join(request))
        self.process.stdin.flush()
        seconds = float(self._line())
        return [float(self._line()) for _ in pairs], seconds
