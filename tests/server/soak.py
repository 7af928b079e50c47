"""crossrank serve under more load than it has cores for, by clients that behave badly.

    python3 tests/server/soak.py --seconds 60

Clients ask, leave in the middle, send and read slowly, pipeline, send what is no request; meanwhile
the model is loaded again every few seconds. Every answer must be that of its own request, with the
exact scores of `crossrank score`; where the machine is too slow, up to half of them may be 429 or
504, but none may be missing. Every few seconds all clients wait, and the idle server's memory and
open files are read: after the warm-up, memory may grow by 5 % (or 8 MB) and open files not at all.
"""

import argparse
import collections
import http.client
import json
import random
import re
import signal
import statistics
import sys
import threading
import time

import bad_cases
import server as serving
from bad_input_test import Wrong, run_case
from server import SLOWDOWN, SOURCE, Server, exchange

WARM_UP = 0.3  # of the time
LEAST_SAMPLES = 3
GROWTH = 0.05
LEAST_GROWTH_BYTES = 8 << 20  # of a small model, whose memory is mostly the allocator's
ANSWER_S = 60  # a request is lost when its answer has not come by then
BAD_GROUPS = ("fields", "malformed", "texts", "routes", "strange", "framing")
LONGEST_BAD_BYTES = 300_000  # larger cases cost this process more than the server
FLAGS = ("--judge-url", "http://127.0.0.1:9/v1", "--judge-model", "none", "--cache-mb", 1)
FLAGS += ("--header-timeout-ms", 2000, "--request-timeout-ms", 30_000)


class Corpus:
    """Queries and documents, and the score of each pair."""

    def __init__(self, model):
        goldens = (SOURCE / "tests/golden/cases/rank.jsonl").read_text("utf-8").split("\n")
        goldens = [json.loads(line) for line in goldens if line]
        self.queries = [golden["query"] for golden in goldens]
        self.documents = sorted({text for golden in goldens for text in golden["documents"]})
        self.documents += ["", "tea", "🎉 " * 100, "long " * 300]
        pairs = [(query, text) for query in self.queries for text in self.documents]
        self.rows = dict(zip(pairs, serving.score(pairs, model=model)))

    def request(self, rng, most=20):
        return Request(self, rng, most)


class Request:
    """One that can be answered, in a dialect taken at random, and what its answer must be."""

    def __init__(self, corpus, rng, most):
        self.query = rng.choice(corpus.queries)
        self.texts = [rng.choice(corpus.documents) for _ in range(rng.randint(1, most))]
        self.rows = [corpus.rows[self.query, text] for text in self.texts]
        self.order = sorted(range(len(self.texts)), key=lambda i: (-self.rows[i]["logit"], i))
        self.id = f"soak-{rng.getrandbits(64):016x}"
        self.dialect = rng.choice(("tei", "jina", "cohere", "predict"))
        self.top = rng.choice((len(self.texts), 1, 3))
        self.path, self.body = getattr(self, f"_{self.dialect}")()

    def _tei(self):
        self.top = len(self.texts)
        return "/rerank", {"query": self.query, "texts": self.texts, "return_text": True}

    def _jina(self):
        documents = [{"text": text, "id": i} for i, text in enumerate(self.texts)]
        body = {"query": self.query, "documents": documents, "top_n": self.top}
        return "/v1/rerank", body

    def _cohere(self):
        body = {"model": "m", "query": self.query, "documents": self.texts, "top_n": self.top}
        return "/v2/rerank", body

    def _predict(self):
        return "/predict", {"inputs": [[self.query, text] for text in self.texts]}

    @property
    def headers(self):
        return {"X-Request-Id": self.id}

    @property
    def bytes(self):
        body = json.dumps(self.body).encode()
        return bad_cases.request_bytes(
            "POST", self.path, body, headers=[f"X-Request-Id: {self.id}"]
        )

    def check(self, answer):
        if answer is None:
            raise Wrong("closed instead of an answer")
        if answer.header("x-request-id") != self.id:
            raise Wrong(f"the answer of {answer.header('x-request-id')}, not of {self.id}")
        if answer.status == 504 or (answer.status == 429 and answer.header("retry-after")):
            return "refused"
        if answer.status != 200:
            raise Wrong(f"{answer}")
        body, order = answer.json, self.order[: self.top]
        if self.dialect == "predict":
            got = [labels[0]["score"] for labels in body]
            wanted = [row["probability"] for row in self.rows]
        else:
            entries = body if self.dialect == "tei" else body["results"]
            name = "score" if self.dialect == "tei" else "relevance_score"
            got = [(entry["index"], entry[name]) for entry in entries]
            wanted = [(i, self.rows[i]["probability"]) for i in order]
            if self.dialect == "tei" and [e["text"] for e in body] != [
                self.texts[i] for i in order
            ]:
                raise Wrong("the texts of another request")
        if got != wanted:
            raise Wrong(f"{got}, not {wanted}")
        return "answered"


class Client(threading.Thread):
    """One misbehaviour after another, until it is told to stop."""

    BEHAVIOURS = {
        "ask": 10,
        "pipeline": 3,
        "leave": 6,
        "send_slowly": 3,
        "read_slowly": 2,
        "send_nonsense": 6,
        "look": 1,
    }

    def __init__(self, soak, number):
        super().__init__(daemon=True)
        self.soak, self.rng = soak, random.Random(f"{soak.seed}/{number}")
        self.server = soak.server

    def run(self):
        names, weights = zip(*self.BEHAVIOURS.items())
        while self.soak.gate():
            (name,) = self.rng.choices(names, weights)
            try:
                getattr(self, name)()
            except Exception as error:  # a defect of the server, or of this file: both count
                self.soak.report(name, error)
            self.soak.leave_gate(name)

    def ask(self):
        connection = http.client.HTTPConnection(
            self.server.host, self.server.port, timeout=ANSWER_S
        )
        for _ in range(self.rng.randint(1, 8)):
            request = self.soak.corpus.request(self.rng)
            request.check(exchange(connection, "POST", request.path, request.body, request.headers))
        connection.close()

    def pipeline(self):
        requests = [self.soak.corpus.request(self.rng, 8) for _ in range(self.rng.randint(2, 6))]
        with self.server.connect(ANSWER_S) as connection:
            connection.send(b"".join(request.bytes for request in requests))
            for request in requests:
                self.soak.count(request.check(connection.read_answer()))
            if connection.buffer:
                raise Wrong(f"one answer too many: {connection.buffer[:200]!r}")

    def leave(self):
        data = self.soak.corpus.request(self.rng, 60).bytes
        if self.rng.random() < 0.5:
            data = data[: self.rng.randrange(len(data))]
        with self.server.connect(ANSWER_S) as connection:
            connection.send(data)
            if self.rng.random() < 0.2:
                connection.finish_sending()
            time.sleep(self.rng.random() * 0.3)
            if self.rng.random() < 0.3:
                connection.socket.settimeout(0.3)
                try:
                    connection.socket.recv(self.rng.randrange(1, 500))
                except OSError:
                    pass
            if self.rng.random() < 0.5:
                connection.reset()

    def send_slowly(self):
        request = self.soak.corpus.request(self.rng)
        data = request.bytes
        cuts = sorted(self.rng.randrange(len(data)) for _ in range(self.rng.randint(1, 12)))
        with self.server.connect(ANSWER_S) as connection:
            for begin, end in zip([0, *cuts], [*cuts, len(data)]):
                connection.send(data[begin:end])
                time.sleep(self.rng.random() * 0.1)
            self.soak.count(request.check(connection.read_answer()))

    def read_slowly(self):
        request = self.soak.corpus.request(self.rng, 60)
        with self.server.connect(ANSWER_S) as connection:
            connection.send(request.bytes)
            for _ in range(40):
                time.sleep(self.rng.random() * 0.03)
                head, end, body = connection.buffer.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                if end and len(body) >= int(length[1]):
                    break
                connection.buffer += connection.socket.recv(512)
            self.soak.count(request.check(connection.read_answer()))

    def send_nonsense(self):
        case = self.rng.choice(self.soak.bad)
        try:
            run_case(self.server, case)
        except Wrong as error:
            raise Wrong(f"{case.name}: {error}") from None

    def look(self):
        for path in ("/readyz", "/metrics", "/v1/models", "/info", "/openapi.json", "/"):
            answer = self.server.get(path, timeout=ANSWER_S)
            if answer.status != 200:
                raise Wrong(f"GET {path}: {answer}")


class Soak:
    def __init__(self, server, corpus, seed):
        self.server, self.corpus, self.seed = server, corpus, seed
        self.bad = [
            case
            for name in BAD_GROUPS
            for case in bad_cases.load(name).cases
            if sum(len(step) for step in case.send if isinstance(step, bytes)) < LONGEST_BAD_BYTES
            and not any(
                408 in statuses for statuses in case.answers
            )  # slow_test.py waits for those
        ]
        self.counts = collections.Counter()
        self.failures = collections.Counter()  # of sentences
        self.samples = []  # of (seconds, resident bytes, open files)
        self.reloads = 0
        self._lock = threading.Condition()
        self._busy, self._paused, self._ended = 0, False, False

    # What the clients ask.

    def gate(self):
        """Waits while all are to be idle; False when it is over."""
        with self._lock:
            self._lock.wait_for(lambda: not self._paused or self._ended)
            if self._ended:
                return False
            self._busy += 1
            return True

    def count(self, what):
        with self._lock:
            self.counts[what] += 1

    def leave_gate(self, name):
        with self._lock:
            self._busy -= 1
            self.counts[name] += 1
            self._lock.notify_all()

    def report(self, name, error):
        with self._lock:
            if not self._ended:
                self.failures[f"{name}: {type(error).__name__}: {error}"] += 1

    # What the main thread does.

    def sample(self, start):
        """Of the idle server."""
        with self._lock:
            self._paused = True
            if not self._lock.wait_for(lambda: self._busy == 0, timeout=2 * ANSWER_S):
                self.failures[f"{self._busy} clients wait for ever"] += 1
        seen = -1
        while seen != self.server.counts["reloaded"]:  # until no model is being loaded
            seen = self.server.counts["reloaded"]
            time.sleep(1)
        self.server.check_alive()
        self.samples.append(
            (time.monotonic() - start, self.server.resident_bytes, self.server.open_files)
        )
        with self._lock:
            self._paused = False
            self._lock.notify_all()

    def run(self, seconds, clients):
        rng = random.Random(f"{self.seed}/main")
        self.server.wait_until_ready()
        start = time.monotonic()
        threads = [Client(self, number) for number in range(clients)]
        for thread in threads:
            thread.start()
        period = max(3.0, min(30.0, seconds / 20))
        next_sample, next_reload = start + period, start + 2
        while time.monotonic() < start + seconds and len(self.failures) < 20:
            time.sleep(0.1)
            self.server.check_alive()
            if time.monotonic() > next_reload:
                self.server.process.send_signal(signal.SIGHUP)
                self.reloads += 1
                next_reload = time.monotonic() + rng.uniform(1, 6)
            if time.monotonic() > next_sample:
                self.sample(start)
                next_sample = time.monotonic() + period
        # The end comes when everybody is busy.
        with self._lock:
            self._ended = True
            self._lock.notify_all()
        self.server.stop()
        for thread in threads:
            thread.join(timeout=2 * ANSWER_S)
        return time.monotonic() - start

    def judge(self, seconds):
        """What is wrong, as sentences."""
        found = [f"{count} times: {sentence}" for sentence, count in self.failures.items()]
        if self.counts["refused"] > self.counts["answered"]:
            found.append("fewer than half of the requests were answered")
        if self.server.counts["reloaded"] == 0:
            found.append("no model was loaded again")
        warm = [sample for sample in self.samples if sample[0] > WARM_UP * seconds]
        if len(warm) < LEAST_SAMPLES:
            return [*found, f"only {len(warm)} samples after the warm-up: run it longer"]
        files = [count for _, _, count in warm]
        if max(files) > files[0]:
            found.append(f"open files grew: {files}")
        if SLOWDOWN > 1:  # sanitizers remember what was allocated
            return found
        third = len(warm) // 3
        first = statistics.median(resident for _, resident, _ in warm[:third])
        last = statistics.median(resident for _, resident, _ in warm[-third:])
        if last > first + max(GROWTH * first, LEAST_GROWTH_BYTES):
            found.append(f"memory grew from {first / 1e6:.1f} to {last / 1e6:.1f} MB")
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--seed", default=str(time.time_ns()))
    args = parser.parse_args()
    print(f"soak: {args.seconds:.0f} s, {args.clients} clients, --seed {args.seed}", flush=True)
    corpus = Corpus(args.model)
    with Server(*FLAGS, model=args.model) as server:
        soak = Soak(server, corpus, args.seed)
        took = soak.run(args.seconds, args.clients)
        found = soak.judge(args.seconds)
    for seconds, resident, files in soak.samples:
        print(f"  {seconds:6.0f} s  {resident / 1e6:8.1f} MB resident  {files} open files")
    done = ", ".join(f"{name} {count}" for name, count in sorted(soak.counts.items()))
    print(
        f"soak: {took:.0f} s: {done}; {server.counts['request']} requests logged, "
        f"{server.counts['reloaded']} reloads"
    )
    for sentence in found[:20]:
        print(f"soak: {sentence}", file=sys.stderr)
    print(f"soak: {'FAILED' if found else 'passed'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
