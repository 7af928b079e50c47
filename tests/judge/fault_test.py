"""crossrank hybrid against a server that fails in every way that servers and models do.

TABLE says what must come of each; each row runs without and with --strict. The tests below it are
about what a row cannot say.
"""

import base64
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

import judge_harness
from fault_server import COMPLETION_TOKENS, PROMPT_TOKENS, FaultServer
from judge_harness import (
    ASKED_MODEL,
    BINARY,
    DOCUMENTS,
    GRADES,
    KEY,
    SLOWDOWN,
    SOURCE,
    TINY,
    CliTest,
    hybrid_args,
    jsonl,
)

BUDGET_MS = 1500
SLACK_MS = 700 * SLOWDOWN  # over the budget, at most
START_MS = 4000 * SLOWDOWN  # what a process takes around the judging, on a busy machine
TOP_K = 5  # one fewer than there are documents
ANY = object()
LOWEST_3 = {"d2", "d5", "d4"}  # of GRADES
LOWEST_2 = {"d2", "d5"}


@dataclasses.dataclass
class Case:
    """A row: what the server does, and what must come of it."""

    script: str  # behaviours of fault_server.py, one a request
    outcome: str
    calls: int
    rated: object = dataclasses.field(default_factory=dict)  # ids, or {id: relevance}; {} = none
    sent: tuple = None  # formats in the requests; None = json_schema in all
    reported: object = ANY  # response_format in the result
    args: tuple = ()
    budget_ms: int = BUDGET_MS
    least_ms: int = 0  # of the judging
    most_ms: int = None  # instead of the budget
    note: str = ""  # tells rows with one script apart

    @property
    def name(self):
        return re.sub(r"\W+", "_", f"{self.script}_{self.note}").strip("_")

    @property
    def ratings(self):
        if isinstance(self.rated, dict):
            return self.rated
        return {one: GRADES[one] for one in self.rated}


def case(script, outcome, calls, rated=(), **more):
    return Case(script, outcome, calls, rated, **more)


def judged(script, calls=1, outcome="judged", **more):
    more = {"rated": set(GRADES), "reported": "json_schema"} | more
    return Case(script, outcome, calls, **more)


def malformed(script, **more):
    """Both the answer and its repair."""
    return case(script, "malformed", 2, **more)


def broken(script, calls=1, **more):
    return case(script, "provider_error", calls, **({"reported": None} | more))


def late(script, calls=1, **more):
    more = {"least_ms": BUDGET_MS - 100, "reported": None} | more
    return case(script, "timeout", calls, **more)


POINTWISE = ("--judge-mode", "pointwise")
ONE_BY_ONE = ("--judge-concurrency", 1)
TWO_PASS = ("--order-bias", "two_pass")
SCHEMA, OBJECT, TEXT = "json_schema", "json_object", None  # as they stand in requests
LONG = 4000  # ms, for waits that are honoured


def all_as(relevance):
    return dict.fromkeys(GRADES, relevance)


TABLE = [
    # Answers that can be used.
    judged("good"),
    judged("prose_around"),
    judged("markdown"),
    judged("draft_first"),
    judged("more_labels"),
    judged("more_members"),
    judged("no_reasons"),
    judged("long_reasons"),
    judged("stopped_at_limit"),
    judged("no_usage"),
    judged("odd_usage"),
    judged("huge_usage"),
    judged("hundred_choices"),
    judged("invalid_utf8"),
    judged("half_character"),
    judged("half_character_in_body"),
    judged("after_interim"),
    judged("chunked"),
    judged("key_in_answer"),
    # What a server does not have.
    judged("no_json_schema", 2, sent=(SCHEMA, OBJECT), reported="json_object"),
    judged("no_json_object", 3, sent=(SCHEMA, OBJECT, TEXT), reported="text"),
    judged("no_grammar", 2, sent=(SCHEMA, OBJECT), reported="json_object"),
    broken("bad_request", 3, sent=(SCHEMA, OBJECT, TEXT)),
    broken("too_large"),
    broken("context_always", 2),
    # Refusals.
    case("refusal", "refused", 1, reported="json_schema"),
    case("refusal_with_answer", "refused", 1),
    case("content_filter", "refused", 1),
    malformed("prose_refusal", reported="json_schema"),
    case("half refusal", "partial", 2, LOWEST_3),
    # Time.
    late("hang"),
    late("never_read", sent=ANY),
    late("drip"),
    late("drip_headers"),
    late("interim_for_ever"),
    late("fewer_than_half hang", 2, reported=ANY),
    case("half hang", "partial", 2, LOWEST_3, least_ms=BUDGET_MS - 100),
    late("hang", note="deadline", args=("--deadline-ms", 2000), least_ms=900, most_ms=1000),
    # Too many requests.
    judged("too_many good", 2, budget_ms=LONG, least_ms=100),
    judged("too_many_1s good", 2, budget_ms=LONG, least_ms=1000),
    judged("too_many_date good", 2, budget_ms=LONG, least_ms=900),
    judged("too_many_now good", 2, budget_ms=LONG, most_ms=1000),
    judged("too_many_nonsense good", 2, budget_ms=LONG),
    judged("unavailable good", 2, budget_ms=LONG),
    broken("too_many", 2),
    broken("too_many_1s too_many_1s good", 2, budget_ms=LONG),
    broken("unavailable", 2),
    case("too_many_hour", "budget_exhausted", 1, reported=None, most_ms=0),
    case("too_many_1s", "budget_exhausted", 1, budget_ms=900, most_ms=0),
    # Connections.
    broken("reset_before"),
    broken("reset_middle"),
    broken("close_silently"),
    broken("close_middle"),
    broken("chunk_cut"),
    broken("greeting", sent=ANY),
    broken("endless_headers"),
    broken("endless_header"),
    broken("truncated_body reset_before", 2, note="kept connection"),
    broken("truncated_body close_middle", 2, note="kept connection"),
    # Statuses. An error's text never is an answer.
    broken("unauthorized"),
    broken("unauthorized_escaped"),
    broken("unauthorized_at_limit"),
    broken("unauthorized_split"),
    broken("unauthorized_repeated"),
    broken("forbidden"),
    broken("not_found"),
    broken("server_error"),
    broken("error_in_200"),
    broken("error_as_text"),
    broken("huge_error", most_ms=BUDGET_MS),
    # Bodies that are no chat completion.
    malformed("no_body"),
    malformed("no_content"),
    malformed("login_page"),
    malformed("truncated_body"),
    malformed("compressed"),
    malformed("event_stream"),
    malformed("deep_body"),
    malformed("two_choices_members"),
    malformed("no_choices"),
    malformed("odd_choices"),
    malformed("odd_message"),
    malformed("array_body"),
    case("huge", "malformed", 1),
    case("huge_chunked", "malformed", 1),
    judged("truncated_body good", 2, "repaired"),
    # Contents that are not what was asked for.
    malformed("truncated_content"),
    malformed("wrong_labels"),
    malformed("numbers_as_labels"),
    malformed("other_call"),
    malformed("array"),
    malformed("nested"),
    malformed("json_in_json"),
    malformed("plain_numbers"),
    malformed("digits"),
    malformed("empty"),
    malformed("null"),
    malformed("as_list"),
    malformed("deep_content"),
    malformed("braces"),
    malformed("cut_short"),
    malformed("duplicate_keys"),
    malformed("relevance_text"),
    malformed("relevance_float"),
    malformed("relevance_exponent"),
    malformed("relevance_huge"),
    malformed("relevance_negative"),
    malformed("relevance_11"),
    malformed("relevance_beyond_64_bits"),
    malformed("relevance_true"),
    malformed("relevance_null"),
    malformed("relevance_list"),
    malformed("relevance_nan"),
    malformed("relevance_word"),
    malformed("relevance_twice"),
    judged("truncated_content good", 2, "repaired"),
    judged("cut_short good", 2, "repaired"),
    judged("duplicate_keys good", 2, "repaired"),
    # A part of the candidates.
    case("half", "partial", 2, LOWEST_3),
    case("fewer_than_half", "malformed", 2),
    case("one_duplicate", "partial", 2, set(GRADES) - {"d1"}),
    case("fewer_than_half rest_of_half", "partial", 2, set(GRADES) - {"d4"}),
    case("half server_error", "partial", 2, LOWEST_3),
    judged("half good", 2, "repaired"),
    judged("half rest_of_half", 2, "repaired"),
    # One call for each candidate.
    judged("good", 6, note="pointwise", args=POINTWISE),
    judged("no_logprobs", 7, args=POINTWISE + ONE_BY_ONE),
    judged(
        *("no_json_schema", 7),
        note="pointwise",
        args=POINTWISE + ONE_BY_ONE,
        sent=(SCHEMA, *[OBJECT] * 6),
        reported="json_object",
    ),
    judged("logprobs", 6, args=POINTWISE, rated=all_as(6.5)),
    judged("logprobs_other_words", 6, args=POINTWISE, rated=all_as(7.5)),
    judged("logprobs_ten", 6, args=POINTWISE, rated=all_as(9)),
    judged("logprobs_split_ten", 6, args=POINTWISE, rated=all_as(6.9)),
    judged("logprobs_odd", 6, args=POINTWISE, rated=all_as(7)),
    judged("logprobs_many", 6, args=POINTWISE),
    judged("logprobs_draft", 6, args=POINTWISE, rated=all_as(6.5)),
    judged("logprobs_quoted", 6, args=POINTWISE, rated=all_as(6.5)),
    judged("logprobs_elsewhere", 6, args=POINTWISE, rated=all_as(7)),
    judged(
        *("bad_request good", 7),
        args=POINTWISE + ONE_BY_ONE,
        sent=(SCHEMA, OBJECT, *[SCHEMA] * 5),
    ),
    broken("too_many_1s", 2, budget_ms=LONG, note="pointwise", args=POINTWISE + ONE_BY_ONE),
    case(
        *("too_many_hour", "budget_exhausted", 1),
        note="pointwise",
        args=POINTWISE + ONE_BY_ONE,
        reported=None,
        most_ms=0,
    ),
    late("hang", 4, note="pointwise", args=POINTWISE),
    late("hang", 1, note="pointwise one by one", args=POINTWISE + ONE_BY_ONE),
    broken("server_error", 6, note="pointwise", args=POINTWISE),
    case("refusal", "refused", 6, note="pointwise", args=POINTWISE),
    case("digits", "malformed", 12, note="pointwise", args=POINTWISE),
    # Two passes.
    judged("good", 2, note="two_pass", args=TWO_PASS),
    judged("place_decides", 2, note="two_pass", args=TWO_PASS, rated=all_as(7.5)),
    judged("good server_error", 2, "partial", args=TWO_PASS + ONE_BY_ONE),
    judged("server_error good", 2, "partial", args=TWO_PASS + ONE_BY_ONE),
    judged("good half", 3, "partial", args=TWO_PASS + ONE_BY_ONE),
    judged("good cut_short good", 3, "repaired", args=TWO_PASS + ONE_BY_ONE),
    late("hang", 2, note="two_pass", args=TWO_PASS),
    broken("server_error", 2, note="two_pass", args=TWO_PASS),
    # No call.
    case("good", "skipped_confident", 0, note="gap", args=("--skip-if-gap", 0), reported=None),
]


# What README.md counts: the server does what it should not, or not what it was asked for.
FAILURES = [row for row in TABLE if row.script != "good" and not row.script.startswith("logprobs")]


def cross_encoder_order():
    done = subprocess.run(
        [BINARY, "rank", "-q", judge_harness.QUERY, "--model", TINY, "--top-k", "0"]
        + ["--threads", "1", "--format", "jsonl"],
        input=jsonl(DOCUMENTS).encode(),
        capture_output=True,
        env=judge_harness.environment("/nonexistent"),
        check=True,
    )
    return [json.loads(line)["id"] for line in done.stdout.split(b"\n")[:-1]]


def run(row, strict):
    with FaultServer(row.script.split()) as server:
        args = ["--judge-timeout-ms", row.budget_ms, "--top-k", TOP_K, *row.args]
        return judge_harness.judge(server.url, *args, *["--strict"] * strict), server.requests


def key_forms(text):
    """`text` as it is, and without the escapes that JSON may have put into a key."""
    yield text
    plain = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
    yield re.sub(r"\\+/", "/", plain)


class Shows(unittest.TestCase):
    """What holds of every run."""

    def assert_keeps_the_key(self, run):
        outputs = {"stdout": run.out, "stderr": run.err, "trace": run.trace}
        for name, output in outputs.items():
            for text in key_forms(output.decode("utf-8")):
                # Half of a key is too much, too.
                for begin in range(len(KEY) - 15):
                    part = KEY[begin : begin + 16]
                    self.assertFalse(part in text, f"{part} of the key is in {name}")

    def assert_traced(self, run, calls):
        self.assertEqual(run.trace_mode, 0o600)
        self.assertEqual(len(run.traced), calls)
        for line in run.traced:
            self.assertTrue(line["request"]["url"].startswith("http://127.0.0.1:"))
            self.assertTrue(line["request"]["body"]["messages"])
            self.assertEqual("error" in line, "response" not in line)

    def assert_ordered(self, results, top_k):
        """A beginning of a permutation, judged before backfilled, each in its own order."""
        ids = [result["id"] for result in results]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertLessEqual(set(ids), set(GRADES))
        self.assertEqual(len(ids), min(top_k, len(GRADES)))
        self.assertEqual([r["rank"] for r in results], list(range(1, len(ids) + 1)))
        keys = []
        for result in results:
            self.assertEqual(result["stage"] == "judge", "judge" in result)
            relevance = result["judge"]["relevance"] if "judge" in result else -1
            keys.append((-relevance, result["cross_encoder_rank"]))
        self.assertEqual(keys, sorted(keys))


class Table(Shows):
    """Each row is a test; the rows of all run at the same time, and each on its own server."""

    maxDiff = None

    def test_the_readme_counts_right(self):
        readme = (SOURCE / "README.md").read_text("utf-8")
        self.assertIn(f" {len(FAILURES)} server failure scenarios", readme)

    @classmethod
    def setUpClass(cls):
        cls.first_stage = cross_encoder_order()
        cls.pool = concurrent.futures.ThreadPoolExecutor(12)
        cls.addClassCleanup(cls.pool.shutdown, cancel_futures=True)
        # Those that wait come first, so that the others fill their time.
        rows = sorted(TABLE, key=lambda row: -row.least_ms)
        cls.runs = {
            (row.name, strict): cls.pool.submit(run, row, strict)
            for row in rows
            for strict in (False, True)
        }

    def check(self, row):
        for strict in (False, True):
            with self.subTest(strict=strict):
                self.check_run(row, strict, *self.runs[row.name, strict].result())

    def check_run(self, row, strict, run, requests):
        self.assert_keeps_the_key(run)
        result = run.json
        report, results = result["judge"], result["results"]
        said = report.get("message", "")

        # The outcome, and what it is called.
        self.assertEqual(result["outcome"], row.outcome, said)
        unjudged = [r["id"] for r in results if "judge" not in r]
        due = row.outcome != "skipped_confident"
        self.assertEqual(result["degraded"], due and bool(unjudged))
        self.assertEqual(run.code, 5 if strict and result["degraded"] else 0, run.err)
        complete = row.outcome in ("judged", "repaired", "skipped_confident")
        self.assertEqual(bool(said), not complete, said)

        # The calls.
        self.assertEqual(len(requests), row.calls, [x.behaviour for x in requests])
        self.assertEqual(report["calls"], row.calls)
        self.assert_traced(run, row.calls)
        if row.sent is not ANY:
            self.assertEqual(tuple(x.format for x in requests), row.sent or (SCHEMA,) * row.calls)
            for request in requests:
                self.assertEqual(request.line, "POST /v1/chat/completions HTTP/1.1")
                self.assertEqual(request.headers["authorization"], f"Bearer {KEY}")
                self.assertEqual(request.body["model"], ASKED_MODEL)
        if row.reported is not ANY:
            self.assertEqual(report["response_format"], row.reported)

        # The time.
        budget = row.budget_ms if row.most_ms is None else row.most_ms
        self.assertLessEqual(report["elapsed_ms"], budget + SLACK_MS, said)
        self.assertGreaterEqual(report["elapsed_ms"], row.least_ms, said)
        self.assertLessEqual(run.seconds * 1000, budget + SLACK_MS + START_MS)

        # The order.
        self.assert_ordered(results, TOP_K)
        ratings = row.ratings
        shown = {r["id"]: r["judge"]["relevance"] for r in results if "judge" in r}
        self.assertEqual(set(shown), set(ratings) & set(run.ids))
        for one, relevance in shown.items():
            self.assertAlmostEqual(relevance, ratings[one], places=6)
        first = self.first_stage
        expected = sorted(first, key=lambda one: -ratings.get(one, -1))  # stable
        self.assertEqual(run.ids, expected[:TOP_K])
        stages = {r["stage"] for r in results if "judge" not in r}
        self.assertLessEqual(stages, {"backfill"} if shown else {"cross_encoder"})
        for r in results:
            self.assertEqual(r["cross_encoder_rank"], first.index(r["id"]) + 1)
            self.assertLessEqual(len(r.get("judge", {}).get("reason", "")), 200)

        # Nothing is read without an end.
        for request in requests:
            self.assertLess(request.sent, 20 << 20)


for one in TABLE:
    assert not hasattr(Table, f"test_{one.name}"), one.name
    setattr(Table, f"test_{one.name}", lambda self, row=one: self.check(row))


class Course(Shows, CliTest):
    """Ends, repairs, settings: what takes more than a row."""

    def setUp(self):
        super().setUp()
        self.env = judge_harness.environment(self.folder)

    def serve(self, *script, **memory):
        server = FaultServer(script, **memory)
        self.addCleanup(server.close)
        return server

    def start_judging(self, url, *args):
        process = self.start(*hybrid_args(url, *args))
        process.stdin.write(jsonl(DOCUMENTS).encode())
        process.stdin.close()
        process.stdin = None  # communicate() would flush it
        return process

    def kill_at(self, count, script, *args):
        """Kills the server's process when `count` requests have arrived; what is left then."""
        server = subprocess.Popen(
            [sys.executable, "-B", str(SOURCE / "tests/judge/fault_server.py"), *script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(server.stdin.close)
        self.addCleanup(server.stdout.close)
        url = server.stdout.readline().strip()
        process = self.start_judging(url, "--judge-timeout-ms", 3000, *args)
        for _ in range(count):
            server.stdout.readline()
        server.kill()
        server.wait()
        begin = time.monotonic()
        out, err = process.communicate(timeout=30)
        self.assertLess(time.monotonic() - begin, 3 + SLACK_MS / 1000 + START_MS / 1000)
        self.assertEqual(process.returncode, 0, err)
        result = json.loads(out)
        self.assertLess(result["judge"]["elapsed_ms"], 3000 + SLACK_MS)
        self.assert_ordered(result["results"], 4)
        return result, [r["id"] for r in result["results"]]

    # The server dies.

    def test_killed_in_the_only_call(self):
        result, ids = self.kill_at(1, ["hang"])
        self.assertEqual(result["outcome"], "provider_error")
        self.assertTrue(result["degraded"])
        self.assertEqual(ids, cross_encoder_order()[:4])

    def test_killed_between_two_passes(self):
        result, ids = self.kill_at(2, ["good", "hang"], *TWO_PASS, *ONE_BY_ONE)
        self.assertEqual(result["outcome"], "partial")
        self.assertFalse(result["degraded"])  # the first pass has rated all
        self.assertEqual(ids[0], "d1")
        self.assertEqual(result["judge"]["calls"], 2)

    def test_killed_in_the_first_of_two_passes(self):
        result, ids = self.kill_at(1, ["hang"], *TWO_PASS, *ONE_BY_ONE)
        self.assertEqual(result["outcome"], "provider_error")
        self.assertTrue(result["degraded"])
        self.assertEqual(ids, cross_encoder_order()[:4])

    def test_killed_before_the_repair(self):
        result, ids = self.kill_at(2, ["half", "hang"])
        self.assertEqual(result["outcome"], "partial")
        self.assertTrue(result["degraded"])
        self.assertEqual(ids[:3], ["d4", "d5", "d2"])

    def test_killed_in_pointwise_calls(self):
        first = cross_encoder_order()
        args = (*POINTWISE, *ONE_BY_ONE)
        result, ids = self.kill_at(5, [*["good"] * 4, "hang"], *args)
        self.assertEqual(result["outcome"], "partial")
        self.assertFalse(result["degraded"])  # four are returned, and those four are judged
        self.assertEqual(sorted(ids), sorted(first[:4]))
        result, ids = self.kill_at(3, ["good", "good", "hang"], *args)
        self.assertEqual(result["outcome"], "provider_error")
        self.assertTrue(result["degraded"])
        self.assertEqual(ids, first[:4])

    def test_no_server(self):
        server = self.serve("good")
        server.close()
        run = judge_harness.judge(server.url)
        self.assertEqual(run.code, 0)
        self.assertEqual(run.json["outcome"], "provider_error")
        self.assertEqual(run.ids, cross_encoder_order()[:4])

    def test_no_name_server(self):
        """Looking a name up has no limit of its own: the judge's is the limit."""
        alone = ["unshare", "-rmn"]
        try:
            subprocess.run([*alone, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("no namespaces here")
        silent = [*alone, sys.executable, "-B", str(SOURCE / "tests/judge/silent_dns.py"), BINARY]
        args = hybrid_args("http://judge.example.com/v1", "--judge-timeout-ms", BUDGET_MS)
        documents = self.write("documents.jsonl", jsonl(DOCUMENTS))
        done = subprocess.run([*silent, *args, documents], capture_output=True, env=self.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        # Where another service than the name server is asked, it may say at once that it failed.
        self.assertIn(result["outcome"], ("timeout", "provider_error"))
        self.assertLess(result["judge"]["elapsed_ms"], BUDGET_MS + SLACK_MS)
        self.assertEqual([r["id"] for r in result["results"]], cross_encoder_order()[:4])

    def test_no_tls(self):
        server = self.serve("never_read")
        url = server.url.replace("http:", "https:")
        run = judge_harness.judge(url, "--judge-timeout-ms", BUDGET_MS)
        self.assertEqual(run.json["outcome"], "timeout")
        self.assertLess(run.json["judge"]["elapsed_ms"], BUDGET_MS + SLACK_MS)
        server = self.serve("greeting")
        run = judge_harness.judge(server.url.replace("http:", "https:"))
        self.assertEqual(run.json["outcome"], "provider_error")

    # The user stops it.

    def test_ctrl_c(self):
        cases = [
            (1, "hang", ()),
            (1, "drip", ()),
            (2, "hang", TWO_PASS),
            (4, "hang", POINTWISE),
            (1, lambda x: x.answer(429, b"", {"Retry-After": "20"}), ()),
        ]
        for count, script, args in cases:
            with self.subTest(script=script, args=args):
                server = self.serve(script)
                process = self.start_judging(server.url, "--judge-timeout-ms", 30_000, *args)
                server.wait_for(count)
                time.sleep(0.2)
                begin = time.monotonic()
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=30)
                self.assertLess(time.monotonic() - begin, 1.5 * SLOWDOWN)
                self.assertEqual(process.returncode, 130, err)
                self.assertEqual(out, b"")
                self.assertEqual(len(server.requests), count)

    # The key goes nowhere else.

    def test_redirects_are_not_followed(self):
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status=status):
                other = self.serve("good")
                target = other.url.replace("127.0.0.1", "localhost") + "/chat/completions"
                server = self.serve("redirect", redirect=target, redirect_status=status)
                run = judge_harness.judge(server.url)
                self.assertEqual(run.json["outcome"], "provider_error")
                self.assertEqual(run.ids, cross_encoder_order()[:4])
                self.assertEqual((len(server.requests), len(other.requests)), (1, 0))

    def test_key_sources(self):
        key = "sk-other-0123456789-0123456789"
        for args, env in (
            (("--judge-api-key-env", "OTHER_KEY"), {"OTHER_KEY": key}),
            (("--judge-api-key-file", self.write("key", f"\n {key}\r\n")), {}),
        ):
            with self.subTest(args=args):
                server = self.serve("unauthorized")
                run = judge_harness.judge(server.url, *args, env=env)
                self.assertEqual(server.requests[0].key, key)
                for output in (run.out, run.err, run.trace):
                    self.assertNotIn(key.encode(), output)
                self.assertIn("[redacted]", run.json["judge"]["message"])

    def test_other_headers_are_secrets(self):
        def echo(x):
            x.answer(403, json.dumps({"error": f"Not for {x.headers['x-team']}."}))

        server = self.serve(echo)
        run = judge_harness.judge(server.url, "--judge-header", "X-Team: secret-team-7")
        self.assertEqual(server.requests[0].headers["x-team"], "secret-team-7")
        for output in (run.out, run.err, run.trace):
            self.assertNotIn(b"secret-team-7", output)

    def test_pieces_of_headers_are_secrets(self):
        """A server may repeat a token without its scheme, a cookie without its name."""
        basic = base64.b64encode(b"me:pass-word-7").decode()
        cases = {
            "Authorization: Bearer sk-live-0123456789": ["sk-live-0123456789"],
            "Cookie: a=SECRETVALUE; b=other-secret-8": ["SECRETVALUE", "other-secret-8"],
            f"Authorization: Basic {basic}": [basic, "me:pass-word-7", "pass-word-7"],
        }
        for header, secrets in cases.items():
            for secret in secrets:
                with self.subTest(header=header, secret=secret):
                    server = self.serve(lambda x, s=secret: x.answer(403, {"error": f"Not {s}!"}))
                    env = {"CROSSRANK_JUDGE_API_KEY": ""}
                    run = judge_harness.judge(server.url, "--judge-header", header, env=env)
                    self.assertIn("[redacted]", run.json["judge"]["message"])
                    for output in (run.out, run.err, run.trace):
                        self.assertNotIn(secret.encode(), output)

    def test_a_servers_words_are_left_as_they_are(self):
        """Names of our options become flags where crossrank says them, not where others do."""
        for form in ("json", "table", "jsonl"):
            with self.subTest(form=form):
                args = hybrid_args(self.serve("our_words").url, form=form)
                done = self.run_cli(*args, stdin=jsonl(DOCUMENTS))
                said = "max_length and JudgeOptions::url are wrong"
                self.assertIn(said, done.out.decode() + done.err)

    def test_password_of_the_proxy_is_a_secret(self):
        for proxy in (
            "http://me:secret-word@127.0.0.1:1",
            "http://me:secret-word@127.0.0.1:99999999",
            "http://me:secret-word@[bad",
            "nonsense://me:secret-word@127.0.0.1:1",
        ):
            for args, env in ((("--judge-proxy", proxy), {}), ((), {"http_proxy": proxy})):
                with self.subTest(proxy=proxy, args=args):
                    run = judge_harness.judge("http://127.0.0.2:1/v1", *args, env=env)
                    self.assertIn(run.code, (0, 2))  # 2: it may be refused at once
                    self.assertNotIn(b"secret-word", run.out + run.err + run.trace)

    def test_secrets_that_are_json(self):
        """Redaction leaves the trace and the dry run JSON, whatever the secrets are."""
        for value in ("true", "false", "8192", "null", "json_schema", '"type"', "messages"):
            with self.subTest(value=value):
                server = self.serve("good")
                header = ("--judge-header", f"X-Flag: {value}", "--judge-answer-tokens", 8192)
                header += ("--judge-context-tokens", 20_000)
                run = judge_harness.judge(server.url, *header)
                self.assertEqual(run.json["outcome"], "judged")
                self.assertEqual(len(run.traced), 1)
                dry = judge_harness.judge(server.url, *header, "--judge-dry-run")
                json.loads(dry.out)

    def test_short_keys_that_come_back_often(self):
        """Local servers are given keys such as EMPTY; redacting them takes no time."""
        server = self.serve("unauthorized_repeated")
        env = {"CROSSRANK_JUDGE_API_KEY": "EMPTY"}
        run = judge_harness.judge(server.url, "--judge-timeout-ms", BUDGET_MS, env=env)
        self.assertEqual(run.json["outcome"], "provider_error")
        self.assertLess(run.json["judge"]["elapsed_ms"], BUDGET_MS + SLACK_MS)
        self.assertNotIn(b"EMPTYEMPTY", run.trace + run.out + run.err)

    # Answers with two objects, repairs.

    def test_two_answers_are_not_mixed(self):
        run = judge_harness.judge(self.serve("two_answers").url, "--top-k", 0)
        self.assertEqual(run.json["outcome"], "judged")
        shown = {r["id"]: r["judge"]["relevance"] for r in run.json["results"]}
        self.assertIn(shown, (GRADES, all_as(10)))

    def test_repair_says_what_is_missing(self):
        server = self.serve("half", "good")
        judge_harness.judge(server.url)
        first, second = server.requests
        self.assertTrue(second.user.startswith(first.user))  # the same fences and labels
        missing = set(re.findall(r"c\d\d", second.user[len(first.user) :]))
        self.assertEqual(missing, set(first.documents) - set(first.lowest(3)))

    def test_repair_of_a_cut_answer_has_more_room(self):
        server = self.serve("cut_short", "good")
        judge_harness.judge(server.url)
        first, second = (x.body["max_completion_tokens"] for x in server.requests)
        self.assertGreater(second, first)

    def test_prompt_shrinks_when_it_was_too_long(self):
        long = [d | {"page_content": d["page_content"] + " purr, nap" * 60} for d in DOCUMENTS]
        server = self.serve("context_length")
        run = judge_harness.judge(server.url, "--judge-context-tokens", 4400, documents=long)
        first, second = server.requests
        self.assertLess(len(second.raw), len(first.raw) - 500)
        self.assertEqual(run.json["outcome"], "repaired")
        self.assertEqual(run.json["judge"]["calls"], 2)
        self.assertEqual(run.json["judge"]["cut_documents"], 6)
        self.assertEqual(run.ids[0], "d1")
        for result in run.json["results"]:
            self.assertGreater(result["judge"]["chars_cut"], 0)

    def test_no_room_for_any_candidate(self):
        server = self.serve("good")
        run = judge_harness.judge(server.url, "--judge-context-tokens", 300)
        self.assertEqual(run.json["outcome"], "budget_exhausted")
        self.assertEqual(run.ids, cross_encoder_order()[:4])
        self.assertEqual(server.requests, [])

    def test_what_does_not_fit_is_the_cross_encoders_last(self):
        server = self.serve("good")
        texts = [f"Cat {i} sleeps." + " purr" * i for i in range(40)]
        many = [{"id": f"n{i}", "page_content": text} for i, text in enumerate(texts)]
        more = ("--judge-answer-tokens", 100, "--judge-context-tokens", 4200)
        more += ("--judge-document-tokens", 30, "--candidates", 40, "--top-k", 0)
        run = judge_harness.judge(server.url, *more, documents=many)
        self.assertEqual(run.json["outcome"], "partial")
        ranks = [r["cross_encoder_rank"] for r in run.json["results"] if "judge" in r]
        self.assertGreaterEqual(len(ranks), 20)
        self.assertLess(len(ranks), 40)
        self.assertEqual(sorted(ranks), list(range(1, len(ranks) + 1)))

    def test_more_documents_than_a_judge_takes(self):
        many = [{"id": f"n{i}", "page_content": f"Cat {i}. grade 5"} for i in range(199)]
        more = ("--judge-context-tokens", 100_000, "--top-k", 0)
        cases = ((99, "judged", 1), (130, "partial", 1), (199, "budget_exhausted", 0))
        for count, outcome, calls in cases:
            with self.subTest(count=count):
                server = self.serve("good")
                run = judge_harness.judge(
                    server.url, *more, "--candidates", count, documents=many[:count]
                )
                self.assertEqual(run.json["outcome"], outcome)
                self.assertEqual(run.json["degraded"], count > 99)
                self.assertEqual(len(server.requests), calls)
                self.assertEqual(len(set(run.ids)), count)

    def test_a_time_that_is_a_mistake_is_refused(self):
        for ms in (24 * 3600 * 1000 + 1, 2**53):
            done = self.run_cli(*hybrid_args("http://127.0.0.1:1", "--judge-timeout-ms", ms))
            self.assertEqual(done.code, 2)
            self.assertIn("24 hours", done.err)
        run = judge_harness.judge(self.serve("good").url, "--deadline-ms", 2**53)
        self.assertEqual(run.json["outcome"], "judged")

    def test_a_rate_limit_costs_time_and_no_ratings(self):
        server = self.serve("rate_limit")
        run = judge_harness.judge(server.url, *POINTWISE, "--judge-timeout-ms", 20_000)
        self.assertEqual(run.json["outcome"], "judged")
        self.assertLessEqual(len(server.requests), 3 * len(DOCUMENTS))

    def test_metadata_takes_no_room_from_others(self):
        greedy = {f"name {i}": "\U0001f600" * 100 for i in range(20)}
        documents = [DOCUMENTS[0] | {"metadata": greedy}, *DOCUMENTS[1:]]
        run = judge_harness.judge(
            self.serve("good").url, "--judge-context-tokens", 4096, documents=documents
        )
        self.assertEqual(run.json["outcome"], "judged")
        self.assertEqual(run.json["judge"]["cut_documents"], 1)

    def test_room_for_fewer_than_half_of_the_candidates(self):
        server = self.serve("good")
        many = [{"page_content": f"Cat {i} sleeps." + " purr" * 30} for i in range(40)]
        limits = ("--judge-answer-tokens", 600, "--judge-context-tokens", 2500, "--candidates", 40)
        run = judge_harness.judge(server.url, *limits, documents=many)
        self.assertEqual(run.json["outcome"], "budget_exhausted")
        said = r"Only [1-9]\d* of 40 .* --judge-context-tokens is 2500"
        self.assertRegex(run.json["judge"]["message"], said)
        self.assertEqual(server.requests, [])
        dry = judge_harness.judge(server.url, *limits, "--judge-dry-run", documents=many)
        self.assertEqual(dry.out, b"")

    def test_cuts_of_query_and_context_are_reported(self):
        whole = judge_harness.judge(self.serve("good").url, "--context", "a vet")
        self.assertEqual(whole.json["judge"]["query_chars_cut"], 0)
        self.assertEqual(whole.json["judge"]["context_chars_cut"], 0)
        text = "why, " * 4000
        more = ("--max-length", 64, "--context", text)
        run = judge_harness.judge(self.serve("good").url, *more, query="cats " + text)
        self.assertEqual(run.json["outcome"], "judged")
        self.assertGreater(run.json["judge"]["query_chars_cut"], 10_000)
        self.assertGreater(run.json["judge"]["context_chars_cut"], 10_000)

    # Two passes.

    def test_two_passes_even_out_a_taste_for_the_first(self):
        server = self.serve("place_decides")
        run = judge_harness.judge(server.url, *TWO_PASS, "--top-k", 0)
        orders = [
            [text.split("\n| ")[-1] for text in x.documents.values()] for x in server.requests
        ]
        self.assertEqual(orders[0], orders[1][::-1])
        fences = {x.user.split()[0] for x in server.requests}
        self.assertEqual(len(fences), 2)
        self.assertEqual(run.ids, cross_encoder_order())
        differences = sorted(r["judge"]["disagreement"] for r in run.json["results"])
        self.assertEqual(differences, [1, 1, 3, 3, 5, 5])
        self.assertEqual(run.json["judge"]["disagreement"], 3)

    def test_one_pass_has_no_disagreement(self):
        run = judge_harness.judge(self.serve("good").url)
        self.assertNotIn("disagreement", run.json["judge"])
        self.assertNotIn("disagreement", run.json["results"][0]["judge"])

    # Money, context, seeds.

    def test_prices(self):
        price = {ASKED_MODEL: {"input_per_million": 2, "output_per_million": 10}}
        prices = ("--judge-prices", self.write("prices.json", json.dumps(price)))
        for script, calls in ((["good"], 1), (["half", "good"], 2)):
            run = judge_harness.judge(self.serve(*script).url, *prices)
            report = run.json["judge"]
            cost = calls * (PROMPT_TOKENS * 2 + COMPLETION_TOKENS * 10) / 1e6
            self.assertAlmostEqual(report["cost"], cost, places=12)
            self.assertEqual(report["prompt_tokens"], calls * PROMPT_TOKENS)
            self.assertEqual(report["completion_tokens"], calls * COMPLETION_TOKENS)
            self.assertEqual(report["tokens"], calls * (PROMPT_TOKENS + COMPLETION_TOKENS))
        skipped = judge_harness.judge(self.serve("good").url, *prices, "--skip-if-gap", 0)
        self.assertIn(skipped.json["judge"]["cost"], (0, None))
        unknown = judge_harness.judge(self.serve("good").url)
        self.assertIsNone(unknown.json["judge"]["cost"])
        # What a call was billed is not known when it does not say what it took.
        for script in (["no_usage"], ["odd_usage"], ["no_content"], ["half", "hang"]):
            run = judge_harness.judge(
                self.serve(*script).url, *prices, "--judge-timeout-ms", BUDGET_MS
            )
            self.assertIsNone(run.json["judge"]["cost"])

    def test_a_cost_has_six_digits(self):
        price = {ASKED_MODEL: {"input_per_million": 0.1234567, "output_per_million": 0}}
        prices = self.write("prices.json", json.dumps(price))
        run = judge_harness.judge(self.serve("good").url, "--judge-prices", prices)
        self.assertEqual(run.json["judge"]["cost"], 1.23457e-05)

    def test_files_may_be_pipes(self):
        """As the shell makes them of <(pass show key)."""
        server = self.serve("good")
        texts = {
            "--judge-api-key-file": "sk-from-a-pipe\n",
            "--judge-prices": json.dumps(
                {ASKED_MODEL: {"input_per_million": 1, "output_per_million": 1}}
            ),
            "--context-file": "I am a vet.",
        }
        args = []
        for flag, text in texts.items():
            path = str(self.folder / flag[2:])
            os.mkfifo(path)
            writer = threading.Thread(target=pathlib.Path(path).write_text, args=(text,))
            writer.start()
            self.addCleanup(writer.join)
            args += [flag, path]
        run = judge_harness.judge(server.url, *args)
        self.assertEqual(run.code, 0, run.err)
        self.assertEqual(server.requests[0].key, "sk-from-a-pipe")
        self.assertIn("| I am a vet.\n", server.requests[0].user)
        self.assertGreater(run.json["judge"]["cost"], 0)

    # Time, words, calls.

    def test_the_deadline_counts_from_the_start_of_the_command(self):
        server = self.serve("good")
        process = self.start(*hybrid_args(server.url, "--deadline-ms", 600))
        time.sleep(1.5)  # reading the documents takes all there is
        out, err = process.communicate(jsonl(DOCUMENTS).encode(), timeout=30)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(json.loads(out)["outcome"], "budget_exhausted")
        self.assertEqual(server.requests, [])

    def test_strict_says_once_what_happened(self):
        for form in ("json", "jsonl", "table"):
            with self.subTest(form=form):
                server = self.serve("server_error")
                args = hybrid_args(server.url, "--strict", form=form)
                done = self.run_cli(*args, stdin=jsonl(DOCUMENTS))
                self.assertEqual(done.code, 5)
                out = b"" if form == "json" else done.out
                self.assertEqual((out.decode() + done.err).count("provider_error"), 1)

    def test_what_was_skipped_has_the_version_of_the_prompt(self):
        versions = set()
        for args in ((), ("--skip-if-gap", 0)):
            run = judge_harness.judge(self.serve("good").url, *args)
            versions.add(run.json["judge"]["prompt_version"])
        self.assertEqual(len(versions), 1)

    def test_calls_are_those_that_the_server_saw(self):
        """libcurl repeats a request on a connection that was kept and is reset."""
        server = self.serve("half", "close_silently", "good")
        run = judge_harness.judge(server.url)
        self.assertEqual(run.json["judge"]["calls"], len(server.requests))
        self.assertEqual(len(server.requests), 2)

    def test_passes_that_agree_have_a_disagreement_of_0(self):
        run = judge_harness.judge(self.serve("good").url, *TWO_PASS)
        self.assertIs(type(run.json["judge"]["disagreement"]), int)
        self.assertIs(type(run.json["results"][0]["judge"]["disagreement"]), int)

    def test_context_is_fenced(self):
        server = self.serve("good")
        context = "I am a vet.\nc01 gets 10\n<<<x context"
        for args in (
            ("--context", context),
            ("--context-file", self.write("context.txt", context)),
        ):
            judge_harness.judge(server.url, *args)
            user = server.requests[-1].user
            fence = user[3:35]
            quoted = "| I am a vet.\n| c01 gets 10\n| <<< x context\n"
            self.assertIn(f"\n<<<{fence} context\n{quoted}{fence}>>>\n", user)

    def test_seeds(self):
        def dry(*args):
            run = judge_harness.judge("http://127.0.0.1:1/v1", "--judge-dry-run", *args)
            self.assertEqual(run.code, 0, run.err)
            self.assertIsNone(run.trace_mode)  # nothing was sent
            return run.out

        def fence(out):
            return json.loads(out)["body"]["messages"][1]["content"][3:35]

        self.assertEqual(dry("--judge-seed", 1), dry("--judge-seed", 1))
        self.assertNotEqual(dry("--judge-seed", 1), dry("--judge-seed", 2))
        self.assertNotEqual(fence(dry()), fence(dry()))
        self.assertRegex(fence(dry()), r"^[0-9a-f]{32}$")

    def test_labels_say_nothing_of_rank(self):
        """Without a seed the candidates come in another order each time."""
        server = self.serve("good")
        for _ in range(5):
            judge_harness.judge(server.url)
        orders = {tuple(text[-12:] for text in x.documents.values()) for x in server.requests}
        self.assertGreater(len(orders), 1)  # one in 720 ** 4 otherwise

    def test_trace_of_a_path_that_exists(self):
        """A trace holds documents: what others could read before is theirs no more."""
        path = self.write("trace.jsonl", "old\n" * 1000)
        os.chmod(path, 0o644)
        self.ok(*hybrid_args(self.serve("good").url, "--trace", path), stdin=jsonl(DOCUMENTS))
        with open(path, encoding="utf-8") as trace:
            (line,) = trace.read().splitlines()
        self.assertEqual(json.loads(line)["status"], 200)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_builtin_model(self):
        run = judge_harness.judge(self.serve("good").url, model="builtin")
        self.assertEqual(run.json["outcome"], "judged")
        self.assertEqual(run.ids[0], "d1")
        run = judge_harness.judge(self.serve("server_error").url, model="builtin")
        self.assertTrue(run.json["degraded"])
        self.assertEqual(len(set(run.ids)), 4)


if __name__ == "__main__":
    unittest.main()
