"""Runs `crossrank serve` for the tests of this folder, and speaks HTTP to it. Standard library
only; tests nothing.

    with Server("--max-documents", 3) as server:
        answer = server.post("/rerank", {"query": "tea", "texts": ["green tea"]})

A server that does not start, crashes, does not end after SIGTERM, or writes anything but JSON lines
to its log raises ServerFailure with that log.
"""

import collections
import dataclasses
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

from harness import BINARY, SOURCE, TINY  # noqa: E402

__all__ = ["BINARY", "SOURCE", "TINY", "Answer", "Raw", "Server", "ServerFailure", "score"]

SLOWDOWN = 4 if os.environ.get("CROSSRANK_SANITIZE") else 1  # of a binary with sanitizers
START_S = 60 * SLOWDOWN  # a busy machine reads the model's 90 MB first
ANSWER_S = 20 * SLOWDOWN
DRAIN_S = 30 * SLOWDOWN
KEPT_LINES = 50_000
# What a crash leaves in a log, by the C++ library, the C library, a shell or a sanitizer.
CRASHES = (
    *("terminate called", "what():", "Assertion", "stack trace", "backtrace", "core dumped"),
    *("Sanitizer", "runtime error:", "Segmentation fault", "double free", "malloc()", "#0 0x"),
)


class ServerFailure(AssertionError):
    """The server, not an answer of it, is not as it should be."""


@dataclasses.dataclass
class Answer:
    """A response as it came. Names of headers are in lower case."""

    status: int
    headers: list  # of (name, value)
    body: bytes
    version: str = "HTTP/1.1"

    def header(self, name):
        """The values of all headers of that name, joined as HTTP does; None without any."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def json(self):
        return json.loads(self.body.decode("utf-8"), parse_constant=refuse_constant)

    def __str__(self):
        return f"{self.status} {self.body[:400]!r}"


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def environment(folder):
    """Without caches, proxies and settings of whoever runs the tests."""
    ours = ("HF_", "CROSSRANK_", "XDG_", "http_", "https_", "all_", "HTTP", "ALL_", "NO_PROXY")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return env | {"HOME": str(folder), "HF_HUB_OFFLINE": "1", "no_proxy": "127.0.0.1,localhost"}


class Server:
    """One process, from the start of a `with` to its end. Any thread may ask it."""

    def __init__(self, *args, model=TINY, env=(), most_files=None):
        self.most_files = most_files  # that it may open; None = as many as we
        self.args = [BINARY, "serve", "--port", "0", "--model", model, *map(str, args)]
        self.extra_env = dict(env)
        self.host, self.port, self.process = "127.0.0.1", 0, None
        self.lines = collections.deque(maxlen=KEPT_LINES)  # of the log, as text
        self.counts = collections.Counter()  # of log records, by event
        self.log_problem = ""
        self.stopping = False
        self._listening = threading.Event()

    # Its life.

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="crossrank-serve-")
        try:
            self._start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def _start(self):
        self.process = subprocess.Popen(
            self.args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(self.folder) | self.extra_env,
            preexec_fn=self._limit_files if self.most_files else None,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        end = time.monotonic() + START_S
        while not self._listening.wait(0.02):
            if self.process.poll() is not None:
                self._reader.join()
                raise self.failure(f"ended with {self.process.returncode} before it listened")
            if time.monotonic() > end:
                raise self.failure(f"did not listen within {START_S} s")

    def _limit_files(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.most_files, self.most_files))

    def _read_log(self):
        for line in self.process.stderr:
            text = line.decode("utf-8", errors="replace").rstrip("\n")
            self.lines.append(text)
            record = self._record_of(text)
            if record is None:
                continue
            self.counts[record["event"]] += 1
            if record["event"] == "listening":
                self.host, self.port = record["host"], record["port"]
                self._listening.set()

    def _record_of(self, line):
        """Of a line that is as it should be: an object with a time, a level and an event."""
        problem = next((f"{word!r}" for word in CRASHES if word in line), "")
        try:
            record = json.loads(line)
            if not (isinstance(record, dict) and {"ts", "level", "event"} <= set(record)):
                problem = problem or f"a line that is no record: {line[:200]!r}"
        except ValueError:
            problem = problem or f"a line that is no JSON: {line[:200]!r}"
        self.log_problem = self.log_problem or problem
        return None if problem else record

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                if self.process.poll() is not None and not self.stopping:
                    raise self.failure(f"ended with {self.process.returncode} during the test")
                self.stop()
                self.check_log()
            elif self.process.poll() is not None:
                print(self.failure("is gone"), file=sys.stderr)
        finally:
            self._clean_up()

    def stop(self, sig=signal.SIGTERM):
        """Asks it to end, which it must do with exit code 0. A second signal would kill it."""
        if not self.stopping and self.process.poll() is None:
            self.process.send_signal(sig)
        self.stopping = True
        try:
            code = self.process.wait(timeout=DRAIN_S)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not end within {DRAIN_S} s after {sig!r}") from None
        self._reader.join(timeout=10)
        if code != 0:
            raise self.failure(f"ended with {code} after {sig!r}")

    def _clean_up(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join(timeout=10)
            self.process.stdout.close()
            self.process.stderr.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # What can be seen of it from outside.

    def failure(self, what):
        log = "\n".join(list(self.lines)[-40:]) or "(nothing)"
        return ServerFailure(f"the server {what}: {' '.join(self.args)}\nits log ends with\n{log}")

    def check_alive(self):
        if self.process.poll() is not None:
            self._reader.join(timeout=10)
            raise self.failure(f"ended with {self.process.returncode}")

    def check_log(self):
        if self.log_problem:
            raise self.failure(f"logged {self.log_problem}")

    def events(self, event):
        """Log records of that name."""
        records = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [record for record in records if record.get("event") == event]

    def wait_for_event(self, event, count=1, seconds=ANSWER_S):
        """The log is written in the background: a line may come after the answer."""
        end = time.monotonic() + seconds
        while self.counts[event] < count:
            if time.monotonic() > end:
                raise self.failure(f"logged no {count}. {event!r} within {seconds} s")
            time.sleep(0.01)
        return self.events(event)

    def wait_until_ready(self):
        """It listens before its first forward pass has come to its end."""
        end = time.monotonic() + START_S
        while self.get("/readyz").status != 200:
            if time.monotonic() > end:
                raise self.failure(f"was not ready within {START_S} s")
            time.sleep(0.01)

    @property
    def resident_bytes(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGESIZE")

    @property
    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    # Speaking to it.

    def request(self, method, path, body=None, headers=None, timeout=ANSWER_S):
        """One exchange on a connection of its own. A body that is not bytes goes as JSON."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            return exchange(connection, method, path, body, headers)
        finally:
            connection.close()

    def post(self, path, body, headers=None, **kwargs):
        return self.request("POST", path, body, headers, **kwargs)

    def get(self, path, headers=None, **kwargs):
        return self.request("GET", path, None, headers, **kwargs)

    def connect(self, timeout=ANSWER_S):
        return Raw(self.host, self.port, timeout)


def exchange(connection, method, path, body=None, headers=None):
    """One request and its answer on a http.client.HTTPConnection, which may be used again."""
    headers = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode("utf-8")
    if body is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    headers = {name: value for name, value in headers.items() if value is not None}
    connection.request(method, path, body=body, headers=headers)
    response = connection.getresponse()
    pairs = [(name.lower(), value) for name, value in response.getheaders()]
    version = "HTTP/1.0" if response.version == 10 else "HTTP/1.1"
    return Answer(response.status, pairs, response.read(), version)


class Raw:
    """A connection on which bytes are written as they are and answers are read one by one."""

    def __init__(self, host, port, timeout):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Says whether the server took it: one that has refused the request may have closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def finish_sending(self):
        """Half of a close: the server sees the end of the stream and can still answer."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        """Leaves without a word: the server's system gets a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def _more(self):
        """False at the end of the stream."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += data
        return bool(data)

    def read_answer(self, head=False):
        """The next answer, interim ones included; None when the server closed without one. Raises
        ServerFailure when it closed within one, socket.timeout when nothing comes."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                if self.buffer:
                    raise ServerFailure(f"half an answer: {self.buffer[:400]!r}")
                return None
        top, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        pairs = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            pairs.append((name.lower(), value.strip()))
        answer = Answer(int(status), pairs, b"", version)
        if head or answer.status < 200 or answer.status in (204, 304):
            return answer
        length = answer.header("content-length")
        if length is None:
            raise ServerFailure(f"an answer without Content-Length: {top!r}")
        while len(self.buffer) < int(length):
            if not self._more():
                raise ServerFailure(f"half an answer: {top!r} {self.buffer[:400]!r}")
        answer.body, self.buffer = self.buffer[: int(length)], self.buffer[int(length) :]
        return answer

    def is_closed(self):
        """Waits for the server to close; False when it says something instead."""
        return not self.buffer and not self._more()


def post_bytes(path, body, *headers, host="localhost"):
    """A POST as bytes; `headers` are lines. Content-Length is added."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode("utf-8")
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def score(pairs, *args, model=TINY):
    """What the library makes of (query, document) pairs: the rows of `crossrank score`."""
    lines = "".join(json.dumps({"query": q, "document": d}) + "\n" for q, d in pairs)
    with tempfile.TemporaryDirectory(prefix="crossrank-score-") as folder:
        done = subprocess.run(
            [BINARY, "score", "--model", model, "--format", "jsonl", "--quiet", *map(str, args)],
            input=lines.encode("utf-8"),
            capture_output=True,
            env=environment(folder),
            timeout=300,
        )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode("utf-8", errors="replace"))
    return [json.loads(line) for line in done.stdout.decode("utf-8").split("\n") if line]
