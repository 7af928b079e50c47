"""What one client, model or reader of the log must not do to the others: starve, fill, block or
outlive them.
"""

import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import bad_cases
from operations_test import GOOD, MODELS, PASSAGE, WIDE, metric, replace
from server import BINARY, SLOWDOWN, SOURCE, TINY, Server, environment

sys.path.insert(0, str(SOURCE / "tests" / "judge"))

from fault_server import FaultServer  # noqa: E402


def heavy_bytes(documents):
    body = {"query": "how long does a rainbow last", "documents": [PASSAGE] * documents}
    return bad_cases.request_bytes("POST", "/v1/rerank", json.dumps(body).encode())


class Clients(unittest.TestCase):
    def test_announced_bodies_shut_nobody_out(self):
        """Bytes that were promised and never sent are held by nobody."""
        head = bad_cases.MACROS["@POST@"] + f"Content-Length: {32 << 20}\r\n\r\n"
        with Server() as server:
            silent = [server.connect() for _ in range(12)]
            for one in silent:
                one.send(head.encode())
            time.sleep(0.3)
            self.assertEqual(server.post("/rerank", GOOD).status, 200)
            for one in silent:
                one.close()

    def test_short_requests_do_not_wait_for_long_ones(self):
        """Ten seconds of work wait, all of it for longer than a second."""
        with Server(model="builtin") as server:
            long_ones = [server.connect() for _ in range(20)]
            for one in long_ones:
                one.send(heavy_bytes(60))
            time.sleep(1.5)
            for path, body in (
                ("/rerank", {"query": "tea", "texts": ["green tea"]}),
                ("/v1/rerank", {"query": "tea", "documents": ["green tea"] * 5}),
            ):
                start = time.monotonic()
                headers = {"X-Request-Timeout-Ms": str(3000 * SLOWDOWN)}
                self.assertEqual(server.post(path, body, headers).status, 200)
                self.assertLess(time.monotonic() - start, 2 * SLOWDOWN)
            self.assertGreater(metric(server, "crossrank_queue_requests"), 10)
            for one in long_ones:
                one.reset()

    def test_tokenize_takes_a_megabyte(self):
        with Server() as server:
            server.post("/tokenize", {"inputs": "a"})
            before = server.resident_bytes
            answer = server.post("/tokenize", {"inputs": "a " * 500_000}, timeout=60)
            self.assertEqual((answer.status, len(answer.json[0])), (200, 500_002))
            self.assertLess((server.resident_bytes - before) / 1e6, 150)
            answer = server.post("/tokenize", {"inputs": ["a " * 300_000] * 2})
            self.assertEqual(answer.status, 413, answer)
            self.assertIn("1048576", answer.json["error"])

    def test_leaving_is_seen_behind_further_bytes(self):
        with Server(model="builtin") as server:
            connection = server.connect()
            connection.send(heavy_bytes(2000))
            time.sleep(0.3)
            connection.send(b"\r\n")
            connection.close()
            start = time.monotonic()
            while metric(server, "crossrank_queue_tokens") > 0:
                self.assertLess(time.monotonic() - start, 10 * SLOWDOWN)
                time.sleep(0.05)

    def test_hybrid_keeps_its_deadline_behind_a_judge_that_hangs(self):
        body = {"query": "tea", "documents": ["green tea", "coffee"]}
        data = bad_cases.request_bytes("POST", "/v1/hybrid", json.dumps(body).encode())
        with FaultServer(["hang"]) as judge:
            flags = ("--judge-url", judge.url, "--judge-model", "m", "--judge-timeout-ms", 20_000)
            server = Server(*flags)
            with server:
                waiting = [server.connect() for _ in range(16)]
                for number, one in enumerate(waiting):
                    one.send(data.replace(b"coffee", b"coff%02d" % number))
                while len(judge.requests) < 16:
                    time.sleep(0.02)
                start = time.monotonic()
                answer = server.post("/v1/hybrid", body, {"X-Request-Timeout-Ms": "1000"})
                self.assertLess(time.monotonic() - start, 1.2 * SLOWDOWN)
                self.assertEqual(answer.status, 200, answer)
                self.assertIs(answer.json["degraded"], True)
                self.assertEqual(answer.json["outcome"], "budget_exhausted")
                for one in waiting:
                    one.reset()

    def test_a_trace_of_zeros_is_none(self):
        with Server() as server:
            for trace, parent in (("0" * 32, "1" * 16), ("1" * 32, "0" * 16)):
                headers = {"traceparent": f"00-{trace}-{parent}-01"}
                answer = server.post("/rerank", GOOD, headers)
                self.assertIsNone(answer.header("traceparent"))

    def test_http_1_0_is_told_that_the_connection_stays(self):
        body = json.dumps(GOOD).encode()
        head = (
            "POST /rerank HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
        )
        request = (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        with Server() as server, server.connect() as connection:
            for _ in range(2):
                connection.send(request)
                answer = connection.read_answer()
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(answer.header("connection"), "keep-alive")


class ModelsThatFail(unittest.TestCase):
    def test_one_that_does_not_load_is_not_tried_for_every_request(self):
        with tempfile.TemporaryDirectory(prefix="crossrank-models-") as folder:
            model = pathlib.Path(folder) / "model"
            shutil.copytree(WIDE, model)
            whole = (model / "config.json").read_bytes()
            (model / "config.json").write_text("{")
            body = {"model": "second", "query": "tea", "documents": ["green tea"]}
            names = ("--model", model, "--served-model-name", f"second={model}")
            with Server(*names) as server:
                for _ in range(2):
                    answer = server.post("/v1/rerank", body)
                    self.assertEqual(answer.status, 500, answer)
                    (model / "config.json").write_bytes(whole)
                time.sleep(5.5)
                self.assertEqual(server.post("/v1/rerank", body).status, 200)

    def test_a_reload_tells_of_each_model(self):
        with tempfile.TemporaryDirectory(prefix="crossrank-models-") as folder:
            model = pathlib.Path(folder) / "model"
            shutil.copytree(WIDE, model)
            names = ("--model", model, "--served-model-name", f"second={model}")
            with Server(*names) as server:
                server.post("/v1/rerank", {"model": "second", "query": "a", "documents": ["b"]})
                replace(MODELS / "labels3" / "config.json", model / "config.json")
                server.process.send_signal(signal.SIGHUP)
                (failed,) = server.wait_for_event("reload failed")
                (done,) = server.wait_for_event("reloaded")
                self.assertEqual((failed["model"], done["model"]), ("second", TINY))
                self.assertIn(str(model), failed["message"])
                text = server.get("/metrics").body.decode()
        self.assertIn('crossrank_reloads_total{model="second",result="failed"} 1', text)
        self.assertIn(f'crossrank_reloads_total{{model="{TINY}",result="done"}} 1', text)

    def test_scoring_that_stopped_working_ends_the_process(self):
        """Its weights, which are read in place, become NaN: nothing can be scored any more."""
        with tempfile.TemporaryDirectory(prefix="crossrank-models-") as folder:
            model = pathlib.Path(folder) / "model"
            shutil.copytree(TINY, model)
            server = Server(model=str(model))
            with server:
                weights = model / "model.safetensors"
                with open(weights, "r+b") as file:
                    data = 8 + int.from_bytes(file.read(8), "little")
                    file.seek(data)
                    file.write(b"\xff" * (weights.stat().st_size - data))
                self.assertEqual(server.post("/rerank", GOOD).status, 500)
                server.stopping = True
                self.assertEqual(server.process.wait(timeout=10 * SLOWDOWN), 1)
                (event,) = server.wait_for_event("scoring stopped working")
                self.assertEqual(event["level"], "error")
                server.process.returncode = 0  # as it should be, for the rest of the `with`
                server.log_problem = ""  # its last line says why, in words


class Operators(unittest.TestCase):
    def test_a_key_that_is_blank_is_none(self):
        for key in ("", "  ", "\n"):
            done = subprocess.run(
                [BINARY, "serve", "--port", "0", "--model", TINY, "--api-key-env", "KEY"],
                env=environment("/nowhere") | {"KEY": key},
                capture_output=True,
                timeout=60,
            )
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(b"KEY is not set or empty", done.stderr)

    def test_a_key_may_end_in_a_line_break(self):
        with Server("--api-key-env", "KEY", env={"KEY": "secret\n"}) as server:
            headers = {"Authorization": "Bearer secret"}
            self.assertEqual(server.post("/rerank", GOOD, headers).status, 200)
            self.assertEqual(server.post("/rerank", GOOD).status, 401)

    def test_a_log_that_nobody_reads_does_not_keep_it_alive(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [BINARY, "serve", "--port", str(port), "--model", TINY],
            env=environment("/nowhere"),
            stderr=subprocess.PIPE,
        )
        try:
            answered, end = 0, time.monotonic() + 60
            while answered < 1000:  # some 300 bytes of log each; a pipe holds 64 KB
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20).read()
                    answered += 1
                except urllib.error.URLError:
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=20), 0)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()

    def test_a_second_signal_kills(self):
        server = Server(model="builtin")
        with server:
            connection = server.connect()
            connection.send(heavy_bytes(3000))
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            server.wait_for_event("stopping")
            server.stopping = True
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(timeout=5 * SLOWDOWN), -signal.SIGTERM)
            connection.close()
            server.process.returncode = 0  # as it should be, for the rest of the `with`

    def test_it_stops_while_models_are_reloaded(self):
        with Server(model="builtin") as server:
            for _ in range(50):
                server.process.send_signal(signal.SIGHUP)
                time.sleep(0.005)
            start = time.monotonic()
            server.stop()
            self.assertLess(time.monotonic() - start, 5 * SLOWDOWN)
            self.assertLess(server.counts["reloaded"], 25)


if __name__ == "__main__":
    unittest.main()
