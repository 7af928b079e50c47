"""The server as its operator sees it: models, names, deadlines, overload, signals, reloads,
health, metrics, log, CORS; and that many requests at a time get each its own scores.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest

import bad_cases
import server as serving
from server import SLOWDOWN, SOURCE, TINY, Server, exchange

sys.path.insert(0, str(SOURCE / "tests" / "judge"))

from fault_server import FaultServer  # noqa: E402

MODELS = SOURCE / "tests" / "golden" / "data" / "models"
WIDE, LABELS3 = str(MODELS / "head64x2"), str(MODELS / "labels3")
GOOD = {"query": "tea", "texts": ["green tea", "coffee", "the moon"]}
REQUEST_TIMEOUT_S = 60  # by default
# A second of work for a core, with the builtin model.
PASSAGE = "A rainbow is seen when sunlight meets drops of rain on the side that lies opposite. " * 4
HEAVY = {"query": "how long does a rainbow last", "documents": [PASSAGE] * 100}


def reference(body, model=TINY):
    """index -> row of `crossrank score`."""
    return serving.score([(body["query"], text) for text in body["texts"]], model=model)


def scores(answer):
    return {entry["index"]: entry["score"] for entry in answer.json}


class Scores(unittest.TestCase):
    def test_requests_at_the_same_time_do_not_mix(self):
        """Each answer has the bits of its own texts' scores, whatever shared its batches."""
        words = "tea coffee sea night press moon tide bread river naïve 東京 don't 1,234".split()
        bodies = []
        for i in range(40):
            texts = [" ".join(words[(i * j) % 13 :] + words[: j % 7]) for j in range(1, 2 + i % 9)]
            bodies.append({"query": words[i % 13], "texts": texts})
        wanted = [[row["probability"] for row in reference(body)] for body in bodies]
        with Server("--cache-mb", 1) as server:
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                for _ in range(3):
                    answers = list(pool.map(lambda body: server.post("/rerank", body), bodies))
                    for body, answer, row in zip(bodies, answers, wanted):
                        self.assertEqual(answer.status, 200, answer)
                        got = scores(answer)
                        self.assertEqual([got[i] for i in range(len(body["texts"]))], row)

    def test_a_cache_changes_no_answer(self):
        body = {"query": "tea", "documents": ["green tea", "coffee", "green tea"]}
        with Server("--cache-mb", 1) as server:
            first, second = (server.post("/v1/rerank", body).json for _ in range(2))
            self.assertIn("crossrank_cache_hits_total", server.get("/metrics").body.decode())
        for answer in (first, second):
            del answer["id"], answer["created"]
        self.assertEqual(first, second)

    def test_a_connection_serves_many_requests(self):
        import http.client

        with Server() as server:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
            wanted = [row["probability"] for row in reference(GOOD)]
            for _ in range(50):
                answer = exchange(connection, "POST", "/rerank", GOOD)
                got = scores(answer)
                self.assertEqual([got[i] for i in range(3)], wanted)
            connection.close()


class Models(unittest.TestCase):
    def rerank(self, server, model):
        body = {"query": "tea", "documents": ["green tea"]} | ({"model": model} if model else {})
        return server.post("/v1/rerank", body)

    def test_one_model_takes_any_name(self):
        with Server("--served-model-name", "my-reranker") as server:
            for name in ("rerank-v3.5", "", None, "my-reranker", TINY):
                answer = self.rerank(server, name)
                self.assertEqual((answer.status, answer.json.get("model")), (200, "my-reranker"))

    def test_strict(self):
        with Server("--served-model-name", "my-reranker", "--strict-model") as server:
            self.assertEqual(self.rerank(server, "my-reranker").status, 200)
            self.assertEqual(self.rerank(server, None).status, 200)
            answer = self.rerank(server, "rerank-v3.5")
            self.assertEqual(answer.status, 404, answer)
            self.assertIn("my-reranker", answer.json["error"]["message"])

    def test_two_models(self):
        body = {"query": "tea", "documents": ["green tea"]}
        with Server("--model", WIDE, "--served-model-name", f"wide={WIDE}") as server:
            for name, model in (("wide", WIDE), (None, TINY), (WIDE, WIDE), (TINY, TINY)):
                answer = self.rerank(server, name)
                (row,) = serving.score([("tea", "green tea")], model=model)
                self.assertEqual(answer.json["results"][0]["relevance_score"], row["probability"])
            for path in ("/v1/rerank", "/v2/rerank"):
                answer = server.post(path, body | {"model": "rerank-v3.5"})
                self.assertEqual(answer.status, 404, answer)
                self.assertIn("wide", bad_cases.error_of(answer)[1])
            self.assertEqual(self.listed(server), {TINY: True, "wide": True})

    def listed(self, server):
        """name -> whether it is loaded"""
        return {model["id"]: model["loaded"] for model in server.get("/v1/models").json["data"]}

    def test_names_of_one_model_are_loaded_together(self):
        names = ("--served-model-name", "one", "--served-model-name", "two")
        with Server("--model", WIDE, *names) as server:
            listed = self.listed(server)
            self.assertEqual(
                {name: listed[name] for name in ("one", "two")}, dict.fromkeys(("one", "two"), True)
            )
            self.assertIs(listed[WIDE], False)

    def test_labels_have_the_names_of_the_config(self):
        with tempfile.TemporaryDirectory(prefix="crossrank-models-") as folder:
            model = pathlib.Path(folder) / "model"
            shutil.copytree(LABELS3, model)
            names = ["contradiction", "entailment", "neutral"]
            config = json.loads((model / "config.json").read_text("utf-8"))
            config["id2label"] = {str(i): name for i, name in enumerate(names)}
            (model / "config.json").write_text(json.dumps(config), "utf-8")
            (row,) = serving.score([("tea", "green tea")], model=LABELS3)
            with Server(model=str(model)) as server:
                answer = server.post("/predict", {"inputs": ["tea", "green tea"]}).json
                info = server.get("/info").json["model_type"]["reranker"]
        self.assertEqual(
            {entry["label"]: entry["score"] for entry in answer},
            dict(zip(names, row["probabilities"])),
        )
        self.assertEqual(info["id2label"], config["id2label"])
        self.assertEqual(info["label2id"], {name: i for i, name in enumerate(names)})

    def test_several_labels_cannot_rank(self):
        with Server(model=LABELS3) as server:
            for path, body in (
                ("/rerank", GOOD),
                ("/v1/rerank", {"query": "tea", "documents": ["a"]}),
                ("/v2/rerank", {"model": "m", "query": "tea", "documents": ["a"]}),
            ):
                answer = server.post(path, body)
                self.assertEqual(answer.status, 422, answer)
                self.assertIn("label", bad_cases.error_of(answer)[1])
            (row,) = serving.score([("tea", "green tea")], model=LABELS3)
            for raw, name in ((False, "probabilities"), (True, "logits")):
                body = {"inputs": ["tea", "green tea"], "raw_scores": raw}
                answer = server.post("/predict", body).json
                wanted = sorted(row[name], reverse=True)
                self.assertEqual([label["score"] for label in answer], wanted)
                labels = [f"LABEL_{row[name].index(score)}" for score in wanted]
                self.assertEqual([label["label"] for label in answer], labels)


class Deadlines(unittest.TestCase):
    def test_a_deadline_that_is_too_short(self):
        headers = {"X-Request-Timeout-Ms": "250"}
        body = HEAVY | {"documents": HEAVY["documents"] * 20}
        with Server(model="builtin") as server:
            for path, more in (("/v1/rerank", {}), ("/v2/rerank", {"model": "m"})):
                start = time.monotonic()
                answer = server.post(path, body | more, headers)
                self.assertEqual(answer.status, 504, answer)
                bad_cases.error_of(answer)
                self.assertLess(time.monotonic() - start, 2 * SLOWDOWN)
            answer = server.post("/v1/rerank", body | {"allow_partial": True}, headers)
            self.assertEqual(answer.status, 200, answer)
            self.assertIs(answer.json["complete"], False)
            results = answer.json["results"]
            self.assertEqual(sorted(r["index"] for r in results), list(range(2000)))
            scored = [r for r in results if r["relevance_score"] is not None]
            self.assertEqual(results[: len(scored)], scored)
            rest = [r["index"] for r in results[len(scored) :]]
            self.assertTrue(rest)
            self.assertEqual(rest, sorted(rest))
            self.assertEqual(server.post("/rerank", GOOD).status, 200)

    def test_a_deadline_shorter_than_a_micro_batch_scores_some(self):
        body = HEAVY | {"documents": HEAVY["documents"][:20], "allow_partial": True}
        with Server(model="builtin") as server:
            counts = []
            for _ in range(5):
                start = time.monotonic()
                server.post("/v1/rerank", body)
                half = round((time.monotonic() - start) * 500)
                answer = server.post("/v1/rerank", body, {"X-Request-Timeout-Ms": str(half)})
                if answer.status == 200:
                    scored = [r for r in answer.json["results"] if r["relevance_score"] is not None]
                    counts.append(len(scored))
        self.assertGreater(max(counts), 0, counts)

    def test_a_deadline_that_comes_before_the_body(self):
        body = json.dumps(GOOD).encode()
        data = serving.post_bytes("/rerank", body, "X-Request-Timeout-Ms: 100")
        with Server() as server, server.connect() as connection:
            connection.send(data[:-5])
            time.sleep(0.3)
            connection.send(data[-5:])
            answer = connection.read_answer()
            self.assertEqual(answer.status, 504, answer)
            self.assertIn("deadline", answer.json["error"])

    def test_partial_answers_that_are_whole(self):
        with Server() as server:
            body = {"query": "tea", "documents": ["a", "b"], "allow_partial": True}
            self.assertIs(server.post("/v1/rerank", body).json["complete"], True)

    def test_a_client_that_leaves_frees_its_work(self):
        body = json.dumps(HEAVY | {"documents": HEAVY["documents"] * 50}).encode()
        with Server(model="builtin") as server:
            connection = server.connect()
            connection.send(bad_cases.request_bytes("POST", "/v1/rerank", body))
            time.sleep(0.5)
            connection.reset()
            start = time.monotonic()
            while metric(server, "crossrank_queue_tokens") > 0:
                self.assertLess(time.monotonic() - start, 10 * SLOWDOWN)
                time.sleep(0.05)
            self.assertEqual(server.post("/rerank", GOOD).status, 200)

    def test_a_large_request_does_not_shut_out_small_ones(self):
        """One within all limits, that takes minutes; small ones have their turn between."""
        body = json.dumps(HEAVY | {"documents": HEAVY["documents"] * 100}).encode()
        with Server(model="builtin") as server, server.connect() as connection:
            connection.send(bad_cases.request_bytes("POST", "/v1/rerank", body))
            for _ in range(5):
                time.sleep(0.5)
                start = time.monotonic()
                answer = server.post("/rerank", GOOD)
                self.assertEqual(answer.status, 200, answer)
                self.assertLess(time.monotonic() - start, 5 * SLOWDOWN)
            self.assertGreater(metric(server, "crossrank_queue_tokens"), 0)  # it is still there

    def test_overload_is_429_with_a_time_to_wait(self):
        headers = {"X-Request-Timeout-Ms": "500"}

        def ask(_):
            return server.post("/v1/rerank", HEAVY | {"documents": HEAVY["documents"] * 5}, headers)

        with Server(model="builtin") as server:
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                answers = list(pool.map(ask, range(32)))
            self.assertEqual(server.post("/rerank", GOOD).status, 200)
        self.assertLessEqual({answer.status for answer in answers}, {200, 429, 504})
        refused = [answer for answer in answers if answer.status == 429]
        self.assertTrue(refused)
        for answer in refused:  # nothing that waits now waits for longer than a request may take
            self.assertIn(int(answer.header("retry-after")), range(1, REQUEST_TIMEOUT_S + 1))
            self.assertEqual(answer.json["error"]["code"], 429)


def metric(server, name):
    """The sum over all labels; 0 where there is no such metric yet."""
    text = server.get("/metrics").body.decode()
    values = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.M)
    return sum(map(float, values))


class Signals(unittest.TestCase):
    def test_sigterm_lets_what_is_under_way_be_answered(self):
        with Server(model="builtin") as server:
            idle = server.connect()
            busy = server.connect(timeout=60 * SLOWDOWN)
            busy.send(bad_cases.request_bytes("POST", "/v1/rerank", json.dumps(HEAVY).encode()))
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            server.stopping = True
            answer = busy.read_answer()
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(len(answer.json["results"]), 100)
            self.assertTrue(busy.is_closed())
            self.assertTrue(idle.is_closed())
            server.stop()
            with self.assertRaises(ConnectionRefusedError):
                server.connect()
            idle.close()
            busy.close()

    def test_an_idle_server_ends_at_once(self):
        with Server() as server:
            start = time.monotonic()
            server.stop()
            self.assertLess(time.monotonic() - start, 5 * SLOWDOWN)

    def test_sighup_loads_the_model_again(self):
        folder = tempfile.mkdtemp(prefix="crossrank-models-")
        self.addCleanup(shutil.rmtree, folder)
        model = pathlib.Path(folder) / "model"
        shutil.copytree(TINY, model)
        other = MODELS / "scores_tanh"
        old = [row["probability"] for row in reference(GOOD)]
        new = [row["probability"] for row in reference(GOOD, model=str(other))]
        self.assertNotEqual(old, new)

        def got():
            by_index = scores(server.post("/rerank", GOOD))
            return [by_index[i] for i in range(3)]

        with Server(model=str(model)) as server:
            self.assertEqual(got(), old)
            shutil.copytree(other, model, dirs_exist_ok=True, copy_function=replace)
            self.assertEqual(got(), old)
            server.process.send_signal(signal.SIGHUP)
            server.wait_for_event("reloaded")
            self.assertEqual(got(), new)
            # A model that does not load leaves the old one where it is.
            (model / "tmp").write_bytes(b"no weights")
            os.replace(model / "tmp", model / "model.safetensors")
            server.process.send_signal(signal.SIGHUP)
            server.wait_for_event("reload failed")
            self.assertEqual(got(), new)
            server.wait_until_ready()

    def test_a_reload_does_not_make_it_unready(self):
        """Its requests are answered all the while; who balances load must not take it out."""
        with Server(model="builtin") as server:
            server.wait_until_ready()
            seen = set()
            server.process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 2 * SLOWDOWN
            while time.monotonic() < end or server.counts["reloaded"] == 0:
                seen.add(server.get("/readyz").status)
            self.assertEqual(seen, {200})

    def test_reloads_do_not_add_up(self):
        """What a model took is there for the one that replaces it, whichever thread loads it."""
        with Server(model="builtin") as server:
            sizes = []
            for count in range(1, 11):
                server.process.send_signal(signal.SIGHUP)
                server.wait_for_event("reloaded", count)
                time.sleep(0.2)  # the old one goes when its last request has
                sizes.append(server.resident_bytes / 1e6)
            self.assertLess(sizes[-1], 1.5 * sizes[1], sizes)

    def test_reloads_lose_no_request(self):
        wanted = [row["probability"] for row in reference(GOOD)]
        stop = threading.Event()
        wrong = []

        def ask():
            while not stop.is_set():
                answer = server.post("/rerank", GOOD)
                if answer.status != 200 or [scores(answer)[i] for i in range(3)] != wanted:
                    wrong.append(str(answer))

        with Server() as server:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                asking = [pool.submit(ask) for _ in range(4)]
                for count in range(1, 6):
                    server.process.send_signal(signal.SIGHUP)
                    server.wait_for_event("reloaded", count)
                stop.set()
                for one in asking:
                    one.result()
        self.assertEqual(wrong, [])


def replace(source, target):
    """Copies by renaming: a mapped file that is overwritten changes under its reader."""
    shutil.copyfile(source, f"{target}.new")
    os.replace(f"{target}.new", target)


class Seen(unittest.TestCase):
    def test_health(self):
        with Server() as server:
            server.wait_until_ready()
            for path in ("/healthz", "/readyz", "/health"):
                answer = server.get(path)
                self.assertEqual(answer.status, 200, path)
                self.assertEqual(answer.header("content-type"), "application/json")

    def test_every_answer_has_what_http_asks_for(self):
        with Server() as server:
            for answer in (server.get("/healthz"), server.get("/nothing"), server.get("/rerank")):
                self.assertRegex(answer.header("date") or "", r"^\w{3}, \d\d \w{3} \d{4} .* GMT$")
                self.assertRegex(answer.header("server"), r"^crossrank/")

    def test_the_page_and_the_description(self):
        with Server() as server:
            page = server.get("/")
            self.assertEqual(page.status, 200)
            self.assertTrue(page.header("content-type").startswith("text/html"))
            self.assertTrue(page.body.lower().startswith(b"<!doctype html>"))
            self.assertNotRegex(page.body.decode(), r"(src|href)=[\"']?(https?:)?//")
            api = server.get("/openapi.json").json
            self.assertTrue(api["openapi"].startswith("3."))
            routes = json.loads((bad_cases.FOLDER / "routes.json").read_text("utf-8"))["routes"]
            documented = {
                (path, method.upper()) for path, item in api["paths"].items() for method in item
            }
            self.assertLessEqual(set(routes.items()) - {("/", "GET")}, documented)

    def test_metrics(self):
        with Server() as server:
            for _ in range(3):
                server.post("/rerank", GOOD)
            self.assertEqual(server.post("/rerank", b"{").json["error_type"], "Validation")
            text = server.get("/metrics")
            self.assertTrue(text.header("content-type").startswith("text/plain; version=0.0.4"))
            for line in text.body.decode().splitlines():
                sample = r'[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)*\})? [-+0-9.eInfNa]+'
                self.assertRegex(line, rf"^(# (HELP|TYPE) [a-z_]+ .*|{sample})$")
            found = re.findall(r"crossrank_requests_total\{([^}]*)\} (\d+)", text.body.decode())
            counts = {
                label[1]: int(count)
                for labels, count in found
                if 'route="/rerank"' in labels and (label := re.search(r'status="(\d+)"', labels))
            }
            self.assertEqual(counts, {"200": 3, "400": 1})
            # What clients make up does not become a label.
            for i in range(20):
                server.get(f"/made-up-{i}")
            self.assertNotIn("made-up", server.get("/metrics").body.decode())

    def test_ids_are_echoed_and_logged(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with Server() as server:
            headers = {"X-Request-Id": "abc-123", "traceparent": trace}
            answer = server.post("/v1/rerank", {"query": "tea", "documents": ["a"]}, headers)
            self.assertEqual(answer.header("x-request-id"), "abc-123")
            server.post("/rerank", {"query": "secretword", "texts": ["anothersecret"]})
            first, second = server.wait_for_event("request", 2)[:2]
            self.assertEqual(first["request_id"], "abc-123")
            self.assertEqual(first["traceparent"], trace)
            self.assertEqual((first["path"], first["status"]), ("/v1/rerank", 200))
            self.assertEqual((second["documents"], second["dialect"]), (1, "tei"))
            self.assertGreater(len(second["request_id"]), 8)
            log = "\n".join(server.lines)
        self.assertNotIn("secret", log)  # nobody's texts

    def test_cors(self):
        origin = {"Origin": "https://app.example"}
        with Server() as server:
            self.assertIsNone(server.get("/info", origin).header("access-control-allow-origin"))
        with Server("--allow-origin", "https://app.example") as server:
            for answer in (
                server.get("/info", origin),
                server.post("/rerank", GOOD, origin),
                server.post("/rerank", b"{", origin),
                server.get("/nothing", origin),
            ):
                allowed = answer.header("access-control-allow-origin")
                self.assertEqual(allowed, "https://app.example", answer)
            asked = origin | {
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            }
            answer = server.request("OPTIONS", "/rerank", headers=asked)
            self.assertEqual(answer.status, 204)
            self.assertIn("POST", answer.header("access-control-allow-methods"))
            for name in ("authorization", "content-type"):
                self.assertIn(name, answer.header("access-control-allow-headers").lower())

    def test_metadata_that_waits_takes_little_memory(self):
        """Parsed, these lists take twenty times the memory of their text."""
        documents = [{"text": PASSAGE, "metadata": [[]] * 1500}] * 200  # 1 MB, 0.3 M values
        body = json.dumps({"query": "tea", "documents": documents}, separators=(",", ":")).encode()
        with Server("--request-timeout-ms", 600_000, model="builtin") as server:
            server.post("/rerank", GOOD)
            before = server.resident_bytes
            waiting = [server.connect() for _ in range(25)]
            for one in waiting:
                one.send(bad_cases.request_bytes("POST", "/v1/rerank", body))
            end = time.monotonic() + 20 * SLOWDOWN
            while metric(server, "crossrank_queue_requests") < 22:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)
            more = (server.resident_bytes - before) / 1e6
            for one in waiting:
                one.reset()
        self.assertLess(more, 200)

    def test_more_connections_than_files(self):
        """Those whom the system does not let in wait; the others' time runs out."""
        with Server("--header-timeout-ms", 500, most_files=40) as server:
            silent = [server.connect() for _ in range(80)]
            self.assertEqual(server.post("/rerank", GOOD).status, 200)
            for one in silent:
                one.close()

    def test_more_connections_than_are_taken_wait(self):
        with Server("--max-connections", 4, "--header-timeout-ms", 500) as server:
            silent = [server.connect() for _ in range(8)]
            self.assertEqual(server.post("/rerank", GOOD).status, 200)
            for one in silent:
                one.close()


class Hybrid(unittest.TestCase):
    """The judge is tests/judge/fault_server.py, which rates by the grades in the texts."""

    DOCUMENTS = [
        {"id": "d0", "page_content": "Cats sleep to save energy. grade 6", "metadata": {"y": 1}},
        {"id": "d1", "page_content": "A cat's hunt is short. grade 9"},
        {"id": "d2", "page_content": "Trains leave at noon. grade 0"},
        "Kittens sleep most. grade 7",
    ]
    BODY = {"query": "why do cats sleep so much", "documents": DOCUMENTS, "top_k": 3}

    def test_without_a_judge(self):
        with Server() as server:
            answer = server.post("/v1/hybrid", self.BODY)
            self.assertEqual(answer.status, 501, answer)
            self.assertIn("judge", bad_cases.error_of(answer)[1])

    def test_judged(self):
        rows = serving.score(
            [
                (self.BODY["query"], text if isinstance(text, str) else text["page_content"])
                for text in self.DOCUMENTS
            ]
        )
        with FaultServer(["good"]) as judge:
            flags = ("--judge-url", judge.url, "--judge-model", "judge-model")
            with Server(*flags) as server:
                answer = server.post("/v1/hybrid", self.BODY)
                self.assertEqual(answer.status, 200, answer)
                result = answer.json
        self.assertEqual([r["index"] for r in result["results"]], [1, 3, 0])
        self.assertEqual([r["rank"] for r in result["results"]], [1, 2, 3])
        self.assertEqual([r["id"] for r in result["results"]], ["d1", None, "d0"])
        self.assertEqual([r["judge"]["relevance"] for r in result["results"]], [9, 7, 6])
        self.assertEqual({r["stage"] for r in result["results"]}, {"judge"})
        self.assertEqual((result["degraded"], result["outcome"]), (False, "judged"))
        self.assertEqual(result["judge"]["calls"], 1)
        for one in result["results"]:
            row = rows[one["index"]]
            for name in ("logit", "probability", "score"):
                self.assertEqual(one[name], row[name])
            self.assertLessEqual(row["truncation"].items(), one["truncation"].items())

    def test_the_judge_is_told_the_trace(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with FaultServer(["good", "good"]) as judge:
            with Server("--judge-url", judge.url, "--judge-model", "judge-model") as server:
                server.post("/v1/hybrid", self.BODY, {"traceparent": trace})
                server.post("/v1/hybrid", self.BODY | {"query": "cats"}, {"traceparent": "bad"})
            told = [request.headers.get("traceparent") for request in judge.requests]
        self.assertEqual(told, [trace, None])

    def test_metadata_reaches_both_stages(self):
        documents = [
            {"text": "one", "metadata": {"title": "cats sleep", "n": [1, 2.5, True, None]}},
            {"text": "two", "metadata": None},
            {"text": "three"},
        ]
        body = {"query": "cats", "documents": documents, "top_k": 0}
        texts = ["cats sleep\none", "two", "three"]
        rows = serving.score([("cats", text) for text in texts])
        with FaultServer(["good"]) as judge:
            flags = ("--judge-url", judge.url, "--judge-model", "judge-model")
            with Server(*flags, "--metadata-fields", "title") as server:
                results = server.post("/v1/hybrid", body).json["results"]
            (request,) = judge.requests
        by_index = {result["index"]: result for result in results}
        self.assertEqual([by_index[i]["logit"] for i in range(3)], [row["logit"] for row in rows])
        self.assertEqual(by_index[0]["metadata"], documents[0]["metadata"])
        self.assertIn("metadata", by_index[1])
        self.assertNotIn("metadata", by_index[2])
        self.assertIn("cats sleep", request.user)
        self.assertIn("2.5", request.user)
        refused = {"query": "cats", "documents": [{"text": "a", "metadata": [1]}]}
        with FaultServer(["good"]) as judge:
            with Server("--judge-url", judge.url, "--judge-model", "judge-model") as server:
                answer = server.post("/v1/hybrid", refused)
        self.assertEqual(answer.status, 422, answer)
        self.assertIn("an array", bad_cases.error_of(answer)[1])

    def test_a_judge_that_fails_degrades(self):
        for script in ("server_error", "close_silently", "no_content"):
            with FaultServer([script]) as judge:
                flags = ("--judge-url", judge.url, "--judge-model", "judge-model")
                with Server(*flags, "--judge-timeout-ms", 3000) as server:
                    answer = server.post("/v1/hybrid", self.BODY)
                    ranked = server.post(
                        "/v1/rerank", {"query": self.BODY["query"], "documents": self.DOCUMENTS}
                    ).json["results"]
            self.assertEqual(answer.status, 200, answer)
            self.assertIs(answer.json["degraded"], True, script)
            order = [r["index"] for r in answer.json["results"]]
            self.assertEqual(order, [r["index"] for r in ranked][:3])


if __name__ == "__main__":
    unittest.main()
