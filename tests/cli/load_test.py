"""crossrank bench --url, on a server whose answers, delays and failures are known."""

import collections
import http.server
import json
import signal
import subprocess
import threading
import time
import unittest

from harness import CliTest, jsonl, run_on_terminal

PAIRS = [{"query": f"query {i // 4}", "document": f"text {i} " + "x" * i} for i in range(12)]


def right(body):
    """What a server answers: results best first."""
    scores = [len(text) / 100 for text in body["documents"]]
    results = [{"index": i, "relevance_score": score} for i, score in enumerate(scores)]
    return {"model": "fake-1", "results": sorted(results, key=lambda r: -r["relevance_score"])}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            number = len(server.requests)
            server.requests.append((self.path, dict(self.headers), body))
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        answer = server.act(number, body)
        with server.lock:
            server.under_way -= 1
        if answer is None:
            self.close_connection = True
            return
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class FakeServer(http.server.ThreadingHTTPServer):
    """act(number, body) gives what is answered: a body, (status, body), or None to hang up.
    Number 0 is the request by which the command tries the server."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, act=lambda number, body: right(body)):
        super().__init__(("127.0.0.1", 0), Handler)
        self.act = act
        self.lock = threading.Lock()
        self.requests = []  # (path, headers, body)
        self.connections = self.under_way = self.most_under_way = 0
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # clients that have given up


def slow(seconds):
    """Right answers, each so much later; the first one at once."""

    def act(number, body):
        time.sleep(seconds if number > 0 else 0)
        return right(body)

    return act


class LoadTest(CliTest):
    def setUp(self):
        super().setUp()
        self.env["no_proxy"] = "127.0.0.1"
        self.pairs = self.write("pairs.jsonl", jsonl(PAIRS))

    def arguments(self, server, *args):
        return ["bench", self.pairs, "--url", server.url, "--documents", "4", *args]

    def report(self, server, *args, code=0):
        run = self.run_cli(*self.arguments(server, "--format", "json", *args))
        self.assertEqual(run.code, code, run.err)
        report = json.loads(run.out)
        for one in report["runs"]:  # what holds whatever happened
            self.assertEqual(one["served"] + sum(one["errors"].values()), one["requests"])
            self.assertLessEqual(one["good"], one["served"])
            self.assertGreaterEqual(one["seconds"], report["duration_seconds"])
            latency = list((one["latency_ms"] or {}).values())
            self.assertEqual(latency, sorted(latency))
        report["err"] = run.err
        return report

    def one(self, server, *args, **kwargs):
        (run,) = self.report(server, *args, **kwargs)["runs"]
        return run


class Load(LoadTest):
    def test_requests_are_those_of_the_pairs(self):
        with FakeServer() as server:
            report = self.report(server, "--rate", "30", "--duration", "1", "--model", "m")
            sent = server.requests
        self.assertEqual(report["model"], "fake-1")
        self.assertEqual(report["url"], server.url + "/v1/rerank")
        self.assertEqual((report["documents"], report["pairs"]), (4, 12))
        wanted = [
            {
                "query": f"query {i}",
                "documents": [pair["document"] for pair in PAIRS[4 * i : 4 * i + 4]],
                "model": "m",
            }
            for i in range(3)
        ]
        self.assertEqual({path for path, _, _ in sent}, {"/v1/rerank"})
        self.assertEqual({h["Content-Type"] for _, h, _ in sent}, {"application/json"})
        self.assertFalse([h for _, h, _ in sent if "Expect" in h or "Authorization" in h])
        self.assertTrue(all(body in wanted for _, _, body in sent))
        counts = [sum(body == one for _, _, body in sent[1:]) for one in wanted]
        self.assertLessEqual(max(counts) - min(counts), 1)  # in turn

    def test_counts_and_rates(self):
        with FakeServer(slow(0.02)) as server:
            report = self.report(server, "--rate", "40,80", "--duration", "1.5")
            received = len(server.requests) - 1
        for run, rate in zip(report["runs"], (40, 80), strict=True):
            self.assertEqual(run["rate"], rate)
            self.assertEqual(run["served"], run["requests"])
            self.assertEqual(run["good"], run["requests"])
            self.assertAlmostEqual(run["offered_per_second"], run["requests"] / 1.5)
            # Of a Poisson process: five standard deviations.
            self.assertLess(abs(run["requests"] - 1.5 * rate), 5 * (1.5 * rate) ** 0.5)
            self.assertAlmostEqual(run["served_per_second"], run["served"] / run["seconds"])
            self.assertAlmostEqual(run["pairs_per_second"], 4 * run["served_per_second"])
        self.assertEqual(sum(run["requests"] for run in report["runs"]), received)

    def test_percentiles_of_known_delays(self):
        def act(number, body):
            time.sleep(0.4 if number % 5 == 1 else 0.02)
            return right(body)

        with FakeServer(act) as server:
            run = self.one(server, "--rate", "60", "--duration", "2")
        latency = run["latency_ms"]
        self.assertEqual(list(latency), ["p50", "p90", "p99", "p99_9", "max"])
        self.assertGreaterEqual(latency["p50"], 20)
        self.assertLess(latency["p50"], 300)
        self.assertGreaterEqual(latency["p90"], 400)  # one in five is slow
        self.assertLess(latency["p90"], 2000)

    def test_waiting_for_a_connection_counts(self):
        """Ten requests a second are answered, forty are due: the last one waits for seconds. One
        who counts from when a request is sent would see 100 ms for each."""
        with FakeServer(slow(0.1)) as server:
            run = self.one(server, "--rate", "40", "--duration", "1", "--connections", "1")
            self.assertEqual(server.most_under_way, 1)
        self.assertEqual(run["served"], run["requests"])
        last_ms = 1e3 * (run["requests"] * 0.1 - 1)
        self.assertGreaterEqual(run["latency_ms"]["max"], last_ms)
        self.assertGreater(run["latency_ms"]["p50"], last_ms / 3)
        self.assertGreater(run["late"], run["requests"] / 2)
        self.assertLessEqual(run["served_per_second"], 10)

    def test_connections_that_never_pause(self):
        with FakeServer(slow(0.1)) as server:
            run = self.one(server, "--duration", "1", "--connections", "3")
            self.assertEqual(server.most_under_way, 3)
            self.assertLessEqual(server.connections, 3)  # kept alive
        self.assertEqual(run["rate"], "max")
        self.assertEqual(run["late"], 0)
        self.assertGreaterEqual(run["requests"], 6)
        self.assertLessEqual(run["served_per_second"], 30)
        self.assertAlmostEqual(run["offered_per_second"], run["served_per_second"])

    def test_a_seed_repeats_the_arrivals(self):
        counts = []
        with FakeServer() as server:
            for seed in ("1", "1", "2", "3", "4"):
                args = ("--rate", "100", "--duration", "0.5", "--seed", seed)
                counts.append(self.one(server, *args)["requests"])
        self.assertEqual(counts[0], counts[1])
        self.assertGreater(len(set(counts)), 1)

    def test_a_deadline_is_told_and_decides_what_is_good(self):
        with FakeServer(lambda number, body: slow(0.3 * (number % 2))(number, body)) as server:
            args = ("--rate", "30", "--duration", "1", "--deadline-ms", "150")
            run = self.one(server, *args)
            told = [int(headers["X-Request-Timeout-Ms"]) for _, headers, _ in server.requests]
        self.assertEqual(run["served"], run["requests"])
        self.assertLessEqual(run["good"], run["requests"] // 2)
        self.assertGreater(run["good"], 0)
        self.assertAlmostEqual(run["good_per_second"], run["good"] / run["seconds"])
        self.assertEqual(told[0], 150)
        self.assertTrue(all(1 <= ms <= 150 for ms in told), told)


class Failures(LoadTest):
    def test_statuses_are_counted(self):
        statuses = (200, 429, 503, 504, 418)

        def act(number, body):
            status = statuses[number % len(statuses)]
            return (status, right(body) if status == 200 else {"error": f"no {status}"})

        with FakeServer(act) as server:
            run = self.one(server, "--rate", "60", "--duration", "1")
            answered = collections.Counter(statuses[i % 5] for i in range(1, len(server.requests)))
        self.assertEqual(run["served"], answered[200])
        for status in statuses[1:]:
            self.assertEqual(run["errors"][str(status)], answered[status])
            self.assertEqual(run["first_errors"][str(status)], f'{{"error": "no {status}"}}')

    def test_connections_that_are_closed(self):
        pairs = self.write(
            "mixed.jsonl",
            jsonl({"query": query, "document": "x"} for query in ("tea", "hang up")),
        )
        with FakeServer(lambda _, b: None if b["query"] == "hang up" else right(b)) as server:
            run = self.run_cli(
                "bench", pairs, "--url", server.url, "--documents", "1", "--rate", "40",
                "--duration", "1", "--format", "json",
            )  # fmt: skip
        self.assertEqual(run.code, 0, run.err)
        (run,) = json.loads(run.out)["runs"]
        self.assertEqual(run["errors"]["connection"], run["requests"] // 2)
        self.assertEqual(run["served"], (run["requests"] + 1) // 2)

    def test_answers_that_do_not_come(self):
        with FakeServer(slow(1.5)) as server:
            args = ("--rate", "20", "--duration", "0.5", "--timeout-ms", "200")
            run = self.one(server, *args)
        self.assertEqual(run["errors"]["timeout"], run["requests"])
        self.assertIsNone(run["latency_ms"])
        self.assertEqual(run["served_per_second"], 0)

    def test_what_cannot_be_sent_in_time(self):
        # Each request ends when its own time is over, and the next one has what is left of its own:
        # nothing, if it was due at almost the same time.
        with FakeServer(slow(0.3)) as server:
            args = ("--rate", "1000", "--duration", "0.5", "--connections", "1")
            run = self.one(server, *args, "--timeout-ms", "200")
            received = len(server.requests) - 1
            self.assertGreater(run["errors"]["unsent"], 0)
            # One that has a millisecond left may be over before the server sees it.
            self.assertLessEqual(received + run["errors"]["unsent"], run["requests"])
            self.assertEqual(run["served"] + sum(run["errors"].values()), run["requests"])
            run = self.one(server, *args, "--deadline-ms", "200")
            self.assertGreater(run["errors"]["unsent"], 0)

    def test_wrong_answers(self):
        def with_first(change):
            def act(number, body):
                answer = right(body)
                if number == 8:  # each request was answered before
                    change(answer["results"])
                return answer

            return act

        wrong = {
            "twice": lambda results: results[0].update(index=results[1]["index"]),
            "0 to 3": lambda results: results[0].update(index=4),
            "3 results": lambda results: results.pop(),
            "relevance_score": lambda results: results[0].pop("relevance_score"),
            "before": lambda results: results[0].update(relevance_score=0.0625),
        }
        for words, change in wrong.items():
            with self.subTest(words), FakeServer(with_first(change)) as server:
                report = self.report(server, "--rate", "40", "--duration", "0.5", code=3)
                (run,) = report["runs"]
                self.assertEqual(run["errors"]["wrong_answer"], 1)
                self.assertIn(words, run["first_errors"]["wrong_answer"])
                self.assertRegex(report["err"], "1 answer of the server was wrong: .*" + words)
        with FakeServer(lambda number, body: b"<html>" if number else right(body)) as server:
            run = self.one(server, "--rate", "40", "--duration", "0.5", code=3)
            self.assertEqual(run["errors"]["wrong_answer"], run["requests"])

    def test_a_server_that_cannot_be_measured(self):
        fails = [
            ((401, {"error": "a key, please"}), ["401", "a key, please"]),
            ((404, {"error": "no such route"}), ["404", "no such route"]),
            (b"hello", ["wrong answer", "JSON"]),
            ({"results": []}, ["wrong answer", "0 results for 4 documents"]),
        ]
        for answer, says in fails:
            with FakeServer(lambda *_, answer=answer: answer) as server:
                run = self.fails(3, *self.arguments(server), says=[server.url, *says])
                self.assertEqual(run.out, b"")
                self.assertEqual(len(server.requests), 1)
        self.fails(3, *self.arguments(server), says=server.url)  # nobody there any more


class Command(LoadTest):
    def test_a_key(self):
        def act(_, body):
            headers = server.requests[-1][1]
            return right(body) if headers.get("Authorization") == "Bearer s3" else (401, {})

        with FakeServer(act) as server:
            args = ("--duration", "0.2", "--connections", "1", "--api-key-env", "THE_KEY")
            for value in ("", "two words", "line\nX-Other: 1"):
                self.env["THE_KEY"] = value
                self.fails(2, *self.arguments(server, *args), says="THE_KEY")
            self.assertEqual(server.requests, [])
            self.env["THE_KEY"] = "s3"
            run = self.one(server, *args)
        self.assertEqual(run["served"], run["requests"])

    def test_usage(self):
        url = ("--url", "http://127.0.0.1:1")
        for args, says in (
            (("--rate", "5"), "--url"),
            (("--connections", "5"), "--url"),
            ((*url, "--precision", "fp32"), "--precision"),
            ((*url, "--threads", "1"), "--threads"),
            ((*url, "--documents", "1,2"), "--documents"),
            ((*url, "--rate", "0"), "'0'"),
            ((*url, "--rate", "5,fast"), "'fast'"),
            ((*url, "--rate", "nan"), "'nan'"),
            ((*url, "--duration", "0"), "--duration"),
            ((*url, "--connections", "0"), "--connections"),
            ((*url, "--deadline-ms", "0"), "--deadline-ms"),
            (("--url", "127.0.0.1:8080"), "http://"),
            (("--url", ""), "http://"),
        ):
            with self.subTest(args=args):
                self.fails(2, "bench", *args, says=says)

    def test_no_pairs(self):
        with FakeServer() as server:
            self.fails(4, "bench", "-", "--url", server.url, stdin="\n", says="has no pairs")

    def test_built_in_pairs_ten_a_request(self):
        with FakeServer() as server:
            run = self.ok("bench", "--url", server.url + "/", "--rate", "20", "--duration", "0.5")
            self.assertEqual({len(body["documents"]) for _, _, body in server.requests}, {10})
        report = json.loads(run.out)
        self.assertEqual((report["pairs"], report["documents"]), (400, 10))

    def test_the_table(self):
        def act(number, body):
            return (429, {"error": "later"}) if number == 3 else right(body)

        with FakeServer(act) as server:
            args = ("--rate", "40,max", "--duration", "0.5", "--format", "table")
            lines = self.ok(*self.arguments(server, *args)).lines
        titles = lines[0].split("  ")
        self.assertEqual(titles[-1], "failed")
        self.assertRegex(lines[1], r"^ *40\.0 .* 429: 1$")
        self.assertRegex(lines[2], r"^ *max .* -$")
        end = lines[0].index("max ms") + len("max ms")
        self.assertTrue(all(line[end - 2] == "." for line in lines[1:3]), lines)
        self.assertIn("4 documents a request, 12 pairs", lines[3])
        self.assertEqual(lines[-1], 'rate 40.0, the first 429: {"error": "later"}')

    def test_progress_on_a_terminal(self):
        with FakeServer() as server:
            args = self.arguments(server, "--rate", "20", "--duration", "1.5")
            code, shown = run_on_terminal(args, self.env)
        self.assertEqual(code, 0, shown)
        self.assertRegex(shown, rb"bench  \[#+-+\] .*pairs.* ETA 0:0[12]")
        self.assertIn(b"offered/s", shown)

    def test_ctrl_c_prints_nothing_half(self):
        for act, rate in ((slow(0.01), "50"), (slow(0.01), "max"), (slow(60), "50"), (None, "0.1")):
            with self.subTest(rate=rate), FakeServer(*filter(None, [act])) as server:
                args = self.arguments(server, "--rate", rate, "--duration", "60")
                process = self.start(*args)
                enough = 5 if act else 1
                latest = time.monotonic() + 30
                while len(server.requests) < enough and time.monotonic() < latest:
                    time.sleep(0.02)
                process.send_signal(signal.SIGINT)
                try:
                    out, err = process.communicate(timeout=5)
                except subprocess.TimeoutExpired:
                    self.fail("it goes on")
                self.assertEqual(process.returncode, 130)
                self.assertEqual((out, err), (b"", b"crossrank: interrupted\n"))


if __name__ == "__main__":
    unittest.main()
