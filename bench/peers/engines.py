# Engines of the peer benchmark: one class an engine, all with the same two methods.
"""prepare() loads and warms up; score(pairs) returns (logits, seconds)."""

import json
import subprocess
import tempfile
import time


class SentenceTransformers:
    """CrossEncoder in float32 on PyTorch's CPU backend; predict() sorts by length by itself."""

    name = "sentence-transformers"

    def __init__(self, model, threads, batch_size=32):
        self.model_path, self.threads, self.batch_size = model, threads, batch_size

    def prepare(self):
        import torch
        from sentence_transformers import CrossEncoder

        torch.set_num_threads(self.threads)
        self.model = CrossEncoder(
            self.model_path, device="cpu", model_kwargs={"dtype": torch.float32}
        )
        # transformers 5 runs a float16 file in half precision unless told otherwise.
        assert next(self.model.model.parameters()).dtype == torch.float32
        self.identity = torch.nn.Identity()
        self.model.predict([("warm", "up")] * self.batch_size)

    def score(self, pairs):
        begin = time.perf_counter()
        logits = self.model.predict(
            pairs, batch_size=self.batch_size, activation_fn=self.identity, show_progress_bar=False
        )
        return [float(x) for x in logits], time.perf_counter() - begin


class Crossrank:
    """The command `score` as a whole process: its start, loading and JSON are counted too."""

    def __init__(self, model, threads, binary, isa=None):
        self.command = [binary, "score", "--model", model, "--threads", str(threads)]
        self.command += ["--format", "jsonl", "--quiet"] + (["--isa", isa] if isa else [])
        self.name = "crossrank" + (f" {isa}" if isa else "")

    def prepare(self):
        self.score([("warm", "up")])

    def score(self, pairs):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
            for query, document in pairs:
                file.write(json.dumps({"query": query, "document": document}) + "\n")
            file.flush()
            begin = time.perf_counter()
            done = subprocess.run(self.command + [file.name], check=True, stdout=subprocess.PIPE)
            seconds = time.perf_counter() - begin
        return [json.loads(line)["logit"] for line in done.stdout.splitlines()], seconds
