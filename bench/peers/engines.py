# Engines of the peer benchmark: one class an engine. They know nothing of rounds or of each other.
"""prepare(sample) loads, picks settings and warms up; score(pairs) returns (logits, seconds).

The seconds count tokenization, sorting, padding and the forward pass, from texts to logits. Each
engine lives in a process of its own (see isolate.py), where RAYON_NUM_THREADS and OMP_NUM_THREADS
are set. `settings` says what was picked; `tolerance` names the entry of agreement.TOLERANCES.
"""

import json
import math
import pathlib
import subprocess
import tempfile
import time

import exports

# Pairs a batch that the peers choose from, by the time they take for the sample.
BATCH_SIZES = (8, 16, 32)
MAX_TOKENS = 512


def logit(probability):
    return math.log(probability) - math.log1p(-probability)


class SentenceTransformers:
    """CrossEncoder in float32 on PyTorch's CPU backend; predict() sorts by length by itself."""

    name, tolerance = "sentence-transformers", "fp32"

    def __init__(self, cache, threads, batch_size=32):
        self.cache, self.threads, self.batch_size = cache, threads, batch_size
        self.settings = f"batch {batch_size}"

    def prepare(self, sample):
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
        self.score(sample)

    def score(self, pairs):
        begin = time.perf_counter()
        logits = self.model.predict(
            pairs, batch_size=self.batch_size, activation_fn=self.identity, show_progress_bar=False
        )
        return [float(x) for x in logits], time.perf_counter() - begin


class Batched:
    """Peers that take arrays: tokenize all, sort by tokens, pad each batch to its own longest."""

    def __init__(self, cache, threads):
        self.cache, self.threads = cache, threads

    def open_tokenizer(self):
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(self.cache / "float32" / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.no_padding()

    def prepare(self, sample):
        self.open_tokenizer()
        best = None
        for variant in self.variants():
            self.run = self.open(variant)
            for self.batch_size in BATCH_SIZES:
                seconds = min(self.score(sample)[1] for _ in range(2))
                if best is None or seconds < best[0]:
                    best = (seconds, self.run, self.batch_size, variant)
        _, self.run, self.batch_size, variant = best
        self.settings = f"{variant}, batch {self.batch_size}"

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
        for indices, arrays in self.feeds(pairs, self.batch_size):
            for index, value in zip(indices, self.run(arrays)[:, 0].tolist(), strict=True):
                logits[index] = value
        return logits, time.perf_counter() - begin


class TorchBf16(Batched):
    name, tolerance = "torch bf16", "bf16"

    def variants(self):
        return ("sdpa",)

    def open(self, variant):
        import torch
        from transformers import AutoModelForSequenceClassification

        torch.set_num_threads(self.threads)
        model = AutoModelForSequenceClassification.from_pretrained(
            self.cache / "float32", dtype=torch.bfloat16, attn_implementation=variant
        ).eval()

        def run(arrays):
            with torch.inference_mode():
                tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
                return model(**tensors).logits.float().numpy()

        return run


class OnnxRuntime(Batched):
    """The exporter's graph or the optimizer's, whichever is faster."""

    def __init__(self, cache, threads, precision):
        super().__init__(cache, threads)
        self.tolerance = precision
        self.name = "onnxruntime " + ("fp32" if precision == "fp32" else "int8 dynamic")

    def variants(self):
        return ("plain graph", "fused graph")

    def open(self, variant):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        make = exports.onnx_plain if variant == "plain graph" else exports.onnx_fused
        path = make(self.cache)
        if self.tolerance == "int8":
            path = exports.onnx_int8(self.cache, path)
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        return lambda arrays: session.run(None, arrays)[0]


class OpenVino(Batched):
    def __init__(self, cache, threads, precision, workload):
        super().__init__(cache, threads)
        self.tolerance, self.workload = precision, workload
        self.name = "openvino " + ("int8 static" if precision == "int8" else precision)

    def variants(self):
        # An int8 model's layers that are not quantized may run in either.
        return ("f32 rest", "bf16 rest") if self.tolerance == "int8" else (self.tolerance,)

    def calibration_feeds(self):
        return [arrays for _, arrays in self.feeds(self.workload.calibration, 1)]

    def open(self, variant):
        import openvino

        if self.tolerance == "int8":
            folder = exports.openvino_int8(self.cache, self.workload.name, self.calibration_feeds)
        else:
            folder = exports.openvino_float32(self.cache)
        properties = {
            "INFERENCE_NUM_THREADS": self.threads,
            "INFERENCE_PRECISION_HINT": "bf16" if variant.startswith("bf16") else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        compiled = openvino.Core().compile_model(folder / "openvino_model.xml", "CPU", properties)
        request = compiled.create_infer_request()
        return lambda arrays: request.infer(arrays)[0]


class OpenVinoGenAi:
    """TextRerankPipeline, one query a call; its documents sorted by length and cut into batches."""

    tolerance = "sigmoid"

    def __init__(self, cache, threads, precision):
        self.cache, self.threads, self.precision = cache, threads, precision
        self.name = f"openvino genai {precision}"
        if precision == "bf16":
            self.tolerance = "bf16"

    def prepare(self, sample):
        import openvino_genai

        config = openvino_genai.TextRerankPipeline.Config()
        config.top_n = 1 << 20  # All of them: by default only the best few come back.
        config.max_length = MAX_TOKENS
        self.pipeline = openvino_genai.TextRerankPipeline(
            str(exports.openvino_genai(self.cache)), "CPU", config,
            INFERENCE_NUM_THREADS=self.threads,
            INFERENCE_PRECISION_HINT="f32" if self.precision == "fp32" else "bf16",
        )  # fmt: skip
        best = None
        for self.batch_size in BATCH_SIZES:
            seconds = min(self.score(sample)[1] for _ in range(2))
            if best is None or seconds < best[0]:
                best = (seconds, self.batch_size)
        self.batch_size = best[1]
        self.settings = f"batch {self.batch_size}"

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

    def prepare(self, sample):
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

    def prepare(self, sample):
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
