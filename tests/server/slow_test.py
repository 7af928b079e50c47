"""Clients that are slow: to send, to read, or to say anything. Takes a minute, so it is labelled
long.
"""

import concurrent.futures
import json
import time
import unittest

import bad_cases
from bad_input_test import run_case
from server import SLOWDOWN, Server

GOOD = {"query": "tea", "texts": ["green tea"]}
# Of an answer that is more than the sockets' buffers hold, about 20 MB.
LARGE = {"query": "tea", "texts": ["tea " * 500] * 10_000, "return_text": True}
READY_WINDOW_S = 60
WRITE_TIMEOUT_S = 30  # of the server, for a client that does not take its answer


class Slow(unittest.TestCase):
    def test_those_who_wait(self):
        group = bad_cases.load("slow")
        with Server(*group.serve, env=group.env) as server:
            with concurrent.futures.ThreadPoolExecutor(len(group.cases)) as pool:
                running = [(case, pool.submit(run_case, server, case)) for case in group.cases]
            for case, result in running:
                with self.subTest(case=case.name):
                    result.result()
            self.assertEqual(server.post("/rerank", GOOD).status, 200)

    def test_many_who_say_nothing(self):
        """They hold every connection that there is until their time is over."""
        with Server("--max-connections", 20, "--header-timeout-ms", 1000) as server:
            silent = [server.connect() for _ in range(60)]
            start = time.monotonic()
            self.assertEqual(server.post("/rerank", GOOD).status, 200)
            self.assertLess(time.monotonic() - start, 6 * SLOWDOWN)
            for one in silent:
                one.close()

    def test_a_client_that_does_not_read(self):
        """Costs nobody anything but its own answer, and that not for ever."""
        body = json.dumps(LARGE).encode()
        with Server("--max-length", 16) as server:
            server.post("/rerank", GOOD)
            files = server.open_files
            stuck = [server.connect() for _ in range(4)]
            for one in stuck:
                one.send(bad_cases.request_bytes("POST", "/rerank", body))
            time.sleep(2)
            start = time.monotonic()
            self.assertEqual(server.post("/rerank", GOOD).status, 200)
            self.assertLess(time.monotonic() - start, 10 * SLOWDOWN)
            end = time.monotonic() + (WRITE_TIMEOUT_S + 30) * SLOWDOWN
            while server.open_files > files:
                self.assertLess(time.monotonic(), end, "their connections stay open")
                time.sleep(0.5)
            for one in stuck:
                one.close()

    def test_a_client_that_reads_slowly(self):
        body = json.dumps(LARGE | {"texts": LARGE["texts"][:1000]}).encode()
        with Server("--max-length", 16) as server:
            with server.connect() as connection:
                connection.send(bad_cases.request_bytes("POST", "/rerank", body))
                taken = b""
                while len(taken) < 200_000:
                    time.sleep(0.02)
                    taken += connection.socket.recv(4096)
                connection.buffer = taken
                answer = connection.read_answer()
            self.assertEqual(sorted(r["index"] for r in answer.json), list(range(1000)))

    def test_a_server_that_answers_from_its_cache_stays_ready(self):
        """Nothing is computed then, unless the server does so for its own sake."""
        with Server("--cache-mb", 1) as server:
            server.wait_until_ready()
            end = time.monotonic() + READY_WINDOW_S + 10
            while time.monotonic() < end:
                self.assertEqual(server.post("/rerank", GOOD).status, 200)
                answer = server.get("/readyz")
                self.assertEqual(answer.status, 200, answer)
                time.sleep(0.5)

    def test_bodies_as_large_as_they_may_be(self):
        text = "tea " * 25_000
        body = json.dumps({"query": "tea", "texts": [text] * 335}).encode()
        self.assertLess(len(body), 32 << 20)
        self.assertGreater(len(body), 31 << 20)
        with Server("--max-length", 16) as server:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                answers = list(
                    pool.map(lambda _: server.post("/rerank", body, timeout=120), range(8))
                )
            self.assertEqual({answer.status for answer in answers}, {200})
            self.assertEqual(server.post("/rerank", body + b" " * (32 << 20)).status, 413)


if __name__ == "__main__":
    unittest.main()
