"""crossrank hybrid against a real small LLM, which make test-judge installs and llm_server.py runs.

What such a model thinks is worth little; that it can be asked, and that its answers are read, is
what this shows. It is no part of make test.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import judge_harness
from judge_harness import BINARY, SOURCE

QUERY = "who walked on the moon first"
CANDIDATES = 3
BUDGET_S = 150  # of a ranking; a busy machine reads and writes a few tokens a second
ANSWER_TOKENS = 400
CORPUS = SOURCE / "examples" / "corpus.jsonl"


class Server:
    """The model in a process of its own, which can be killed."""

    def __init__(self):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(SOURCE / "tests" / "judge" / "llm_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            self.log.seek(0)
            raise RuntimeError("the server did not start:\n" + self.log.read()[-2000:])
        self.port = int(self.url.split(":")[2].split("/")[0])

    def wait_for_connection(self):
        """Until someone has one open (state 1), by the kernel's own table."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
                _, local, _, state = line.split()[:4]
                if state == "01" and int(local.split(":")[1], 16) == self.port:
                    return
            time.sleep(0.01)
        raise TimeoutError("nobody asked the server")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()


def arguments(url, *more):
    return [
        *(BINARY, "hybrid", "-q", QUERY, "--model", "builtin", "--format", "json"),
        *("--judge-url", url, "--judge-model", "smollm2", "--top-k", "0"),
        *("--judge-timeout-ms", str(BUDGET_S * 1000), *map(str, more)),
        *(() if "--candidates" in more else ("--candidates", str(CANDIDATES))),
        str(CORPUS),
    ]


def run(url, *more):
    """(exit code, result, trace)"""
    with tempfile.TemporaryDirectory(prefix="crossrank-llm-") as folder:
        trace = pathlib.Path(folder) / "trace.jsonl"
        args = arguments(url, "--trace", trace, *more)
        env = judge_harness.environment(folder)
        done = subprocess.run(args, capture_output=True, env=env, timeout=BUDGET_S + 60)
        lines = trace.read_text("utf-8").splitlines() if trace.exists() else []
    if not done.stdout:
        raise AssertionError(done.stderr.decode("utf-8"))
    return done.returncode, json.loads(done.stdout), [json.loads(line) for line in lines]


def cross_encoder_order():
    done = subprocess.run(
        [BINARY, "rank", "-q", QUERY, "--model", "builtin", "--top-k", str(CANDIDATES)]
        + ["--format", "jsonl", "--quiet", str(CORPUS)],
        capture_output=True,
        env=judge_harness.environment("/nonexistent"),
        check=True,
    )
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


class Llm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.first_stage = cross_encoder_order()
        cls.server = Server()
        cls.addClassCleanup(cls.server.kill)

    def assert_judged(self, code, result, trace, calls, candidates=CANDIDATES):
        """All judged, each once, in the order that the verdicts make."""
        first_stage = self.first_stage[:candidates]
        report, results = result["judge"], result["results"]
        self.assertIn(result["outcome"], ("judged", "repaired"), report)
        self.assertEqual((code, result["degraded"]), (0, False))
        self.assertEqual(report["model"], "smollm2")
        self.assertEqual(report["response_format"], "json_schema")
        self.assertGreaterEqual(report["calls"], calls)
        self.assertEqual(report["calls"], len(trace))
        self.assertEqual(sorted(r["id"] for r in results), sorted(first_stage))
        usage = [json.loads(line["response"])["usage"] for line in trace]
        for name in ("prompt_tokens", "completion_tokens"):
            self.assertEqual(report[name], sum(one[name] for one in usage))
        for result in results:
            self.assertEqual(result["stage"], "judge")
            self.assertGreaterEqual(result["judge"]["relevance"], 0)
            self.assertLessEqual(result["judge"]["relevance"], 10)
            self.assertLessEqual(len(result["judge"]["reason"]), 200)
            place = first_stage.index(result["id"]) + 1
            self.assertEqual(result["cross_encoder_rank"], place)
        keys = [(-r["judge"]["relevance"], r["cross_encoder_rank"]) for r in results]
        self.assertEqual(keys, sorted(keys))
        return results

    def test_listwise(self):
        for result in self.assert_judged(*run(self.server.url), calls=1):
            self.assertIs(type(result["judge"]["relevance"]), int)

    def test_pointwise(self):
        more = ("--judge-mode", "pointwise", "--judge-concurrency", 1, "--candidates", 2)
        self.assert_judged(*run(self.server.url, *more), calls=2, candidates=2)

    def test_two_passes(self):
        more = ("--order-bias", "two_pass", "--candidates", 2)
        results = self.assert_judged(*run(self.server.url, *more), calls=2, candidates=2)
        for result in results:
            self.assertLessEqual(result["judge"]["disagreement"], 10)
            self.assertEqual(result["judge"]["relevance"] * 2 % 1, 0)

    def test_the_model_counts_fewer_tokens_than_the_estimate(self):
        """A prompt that had to be cut takes all that the estimate allows."""

        def is_cut(context_tokens):
            limits = ("--judge-answer-tokens", ANSWER_TOKENS)
            limits += ("--judge-context-tokens", context_tokens, "--judge-dry-run")
            args = arguments("http://127.0.0.1:1/v1", *limits)
            env = judge_harness.environment("/nonexistent")
            done = subprocess.run(args, capture_output=True, env=env, check=True)
            return b"it was cut here" in done.stdout

        limit = next(n for n in range(4000, 500, -100) if is_cut(n))
        more = ("--judge-answer-tokens", ANSWER_TOKENS, "--judge-context-tokens", limit)
        short = ("--judge-param", "max_completion_tokens=8")  # the answer does not matter
        _, result, trace = run(self.server.url, *more, *short)
        self.assertGreater(result["judge"]["cut_documents"], 0)
        counted = json.loads(trace[0]["response"])["usage"]["prompt_tokens"]
        self.assertLess(counted, limit - ANSWER_TOKENS)
        self.assertGreater(counted, (limit - ANSWER_TOKENS) / 3)  # or it would waste the window

    def test_killed_half_way(self):
        for strict, code in (((), 0), (("--strict",), 5)):
            with self.subTest(strict=strict):
                server = Server()
                process = subprocess.Popen(
                    arguments(server.url, *strict),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=judge_harness.environment("/nonexistent"),
                )
                server.wait_for_connection()
                time.sleep(0.2)
                self.assertIsNone(process.poll())
                server.kill()
                out, err = process.communicate(timeout=30)
                self.assertEqual(process.returncode, code, err)
                result = json.loads(out)
                self.assertTrue(result["degraded"])
                self.assertEqual(result["outcome"], "provider_error")
                self.assertEqual([r["id"] for r in result["results"]], self.first_stage)
                self.assertEqual({r["stage"] for r in result["results"]}, {"cross_encoder"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
