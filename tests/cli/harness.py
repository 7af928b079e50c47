"""Runs the crossrank binary for the tests of this folder. Standard library only; tests nothing.

CROSSRANK_BIN and CROSSRANK_SOURCE_DIR come from ctest; without them build/release is taken.
"""

import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("CROSSRANK_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BINARY = os.environ.get("CROSSRANK_BIN", str(SOURCE / "build" / "release" / "crossrank"))
MODELS = SOURCE / "tests" / "golden" / "data" / "models"
TINY = str(MODELS / "scores_identity")  # one label, 64 positions
WIDE = str(MODELS / "head64x2")  # one label, the largest of the tiny models
LABELS3 = str(MODELS / "labels3")


def golden_pairs(model):
    """The golden cases of a model: dicts with query, document, ids, type_ids, logits."""
    text = (SOURCE / "tests/golden/cases/pairs" / f"{model}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]  # splitlines() knows U+2028


class Run:
    """What a finished process left: code, out (bytes), err (text)."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self):
        return self.out.decode("utf-8").removesuffix("\n").split("\n") if self.out else []

    @property
    def rows(self):
        return [json.loads(line) for line in self.lines]


class CliTest(unittest.TestCase):
    """A test with a folder of its own, and an environment without cache, network and terminal."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="crossrank-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.env = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("HF_", "CROSSRANK_", "XDG_")) and k not in ("COLUMNS", "HOME")
        }
        self.env |= {"HOME": str(self.folder), "HF_HUB_OFFLINE": "1"}

    def start(self, *args, **popen):
        popen = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "env": self.env,
        } | popen
        process = subprocess.Popen([BINARY, *map(str, args)], **popen)

        def clean_up():  # what a failed test left running, and its pipes
            if process.poll() is None:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()

        self.addCleanup(clean_up)
        return process

    def run_cli(self, *args, stdin=b"", timeout=120):
        if isinstance(stdin, str):
            stdin = stdin.encode("utf-8")
        done = subprocess.run(
            [BINARY, *map(str, args)],
            input=stdin,
            capture_output=True,
            env=self.env,
            timeout=timeout,
        )
        return Run(done.returncode, done.stdout, done.stderr.decode("utf-8"))

    def ok(self, *args, **kwargs):
        run = self.run_cli(*args, **kwargs)
        self.assertEqual(run.code, 0, run.err)
        return run

    def fails(self, code, *args, says=(), **kwargs):
        """The exit code, one sentence that holds every word of `says`, no trace of a crash."""
        run = self.run_cli(*args, **kwargs)
        self.assertEqual(run.code, code, f"{args}: {run.err}")
        self.assertTrue(run.err.startswith("crossrank: ") and run.err.endswith("\n"), run.err)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, run.err)
        return run

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return str(path)


def with_hub(test):
    """Lets a CliTest use the hub of tests/hub/fake_hub.py, with an empty cache in its folder."""
    hub = subprocess.Popen(
        [sys.executable, str(SOURCE / "tests/hub/fake_hub.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )

    def stop():
        hub.stdin.close()  # it serves until then
        hub.wait(timeout=30)
        hub.stdout.close()

    test.addCleanup(stop)
    port = hub.stdout.readline().split()[0].decode()
    del test.env["HF_HUB_OFFLINE"]
    test.env |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{port}",
        "HF_HUB_CACHE": str(test.folder / "hub"),
        "no_proxy": "127.0.0.1,localhost",
    }


def jsonl(records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def run_on_terminal(args, env, columns=80, rows=24, stdin=b"", timeout=60):
    """Runs the binary with standard output and standard error on one pseudo-terminal. Returns its
    exit code and the bytes that reached the terminal."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with tempfile.TemporaryFile() as source:
        source.write(stdin)
        source.seek(0)
        process = subprocess.Popen(
            [BINARY, *map(str, args)], stdin=source, stdout=terminal, stderr=terminal, env=env
        )
    os.close(terminal)
    shown = b""
    deadline = time.monotonic() + timeout
    try:
        while time.monotonic() < deadline:
            if select.select([controller], [], [], 0.2)[0]:
                try:
                    shown += os.read(controller, 65536)
                except OSError:  # EIO: the other end is closed
                    break
            elif process.poll() is not None:
                break
        return process.wait(timeout=max(1, deadline - time.monotonic())), shown
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(controller)


class Safetensors:
    """A model.safetensors that can be changed: name -> [dtype, shape, bytes]."""

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + size])
        self.metadata = header.pop("__metadata__", None)
        self.tensors = {
            name: [
                t["dtype"],
                t["shape"],
                data[8 + size + t["data_offsets"][0] : 8 + size + t["data_offsets"][1]],
            ]
            for name, t in header.items()
        }

    def save(self, path):
        header, body = {}, b""
        if self.metadata:
            header["__metadata__"] = self.metadata
        for name, (dtype, shape, data) in self.tensors.items():
            header[name] = {
                "dtype": dtype,
                "shape": shape,
                "data_offsets": [len(body), len(body) + len(data)],
            }
            body += data
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + body)
