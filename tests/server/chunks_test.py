"""Servers with --truncation: chunks and their spans in every dialect, as the library has them."""

import json
import pathlib
import subprocess
import sys
import unittest

import server as serving
from server import BINARY, SOURCE, Server

sys.path.insert(0, str(SOURCE / "tests" / "judge"))

from fault_server import FaultServer  # noqa: E402

MODEL = "builtin"
CHUNKS = ("--truncation", "chunk_max", "--chunk-tokens", 40, "--chunk-overlap", 8)
QUERY = "how tall is the lighthouse"
FILLER = "The train leaves at nine and arrives in the evening; nobody waits for it. "
ANSWER = "Le phare — the lighthouse — is 58 metres tall."
LONG = FILLER * 12 + ANSWER + " " + FILLER * 12
DOCUMENTS = ["Coffee came to Europe in the 17th century.", LONG, FILLER * 30]
ENTRIES = {  # route -> (body, where the results are)
    "/rerank": ({"query": QUERY, "texts": DOCUMENTS}, lambda body: body),
    "/v1/rerank": ({"query": QUERY, "documents": DOCUMENTS}, lambda body: body["results"]),
    "/v2/rerank": (
        {"model": "m", "query": QUERY, "documents": DOCUMENTS},
        lambda body: body["results"],
    ),
}


def ask(server, route, **more):
    body, results = ENTRIES[route]
    answer = server.post(route, body | more)
    if answer.status != 200:
        raise AssertionError(str(answer))
    return results(answer.json)


def quoted(text, span):
    by_bytes = text.encode("utf-8")[span["begin_byte"] : span["end_byte"]].decode("utf-8")
    assert by_bytes == text[span["begin_char"] : span["end_char"]]
    return by_bytes


class Chunks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pairs = [(QUERY, text) for text in DOCUMENTS]
        cls.rows = serving.score(pairs, *CHUNKS, model=MODEL)
        cls.whole = serving.score(pairs, model=MODEL)

    def test_every_dialect_has_the_librarys_chunks(self):
        for cache in (0, 1):
            with Server(*CHUNKS, "--cache-mb", cache, model=MODEL) as server:
                for route in ENTRIES:
                    with self.subTest(route=route, cache=cache):
                        found = ask(server, route)
                        self.assertEqual(found[0]["index"], 1)
                        for one in found:
                            row = self.rows[one["index"]]
                            self.assertEqual(one["logit"], row["logit"])
                            self.assertEqual(one["span"], row["span"])
                            self.assertEqual(one["truncation"], row["truncation"])
                            quoted(DOCUMENTS[one["index"]], one["span"])
                        self.assertIn(ANSWER, quoted(LONG, found[0]["span"]))
                metrics = server.get("/metrics").body.decode("utf-8")
                hits = 0 if cache == 0 else (len(ENTRIES) - 1) * len(DOCUMENTS)
                self.assertIn(f'crossrank_cache_hits_total{{model="builtin"}} {hits}\n', metrics)

    def test_a_query_that_leaves_no_room_is_named(self):
        with Server(*CHUNKS, "--max-length", 64, model=MODEL) as server:
            body = {"query": "lighthouse " * 70, "documents": DOCUMENTS}
            answer = server.post("/v1/rerank", body)
        self.assertEqual(answer.status, 422)
        self.assertIn("query", answer.json["error"]["message"])

    def test_hybrid_cuts_nothing_where_nothing_may_be_cut(self):
        body = {"query": QUERY, "documents": DOCUMENTS}
        with FaultServer(["good"]) as judge:
            flags = ("--judge-url", judge.url, "--judge-model", "m", "--truncation", "error")
            with Server(*flags, model=MODEL) as server:
                answer = server.post("/v1/hybrid", body)
                self.assertEqual(answer.status, 422)
                self.assertIn("400", answer.json["error"]["message"])
            with Server(*flags, "--max-chars", 0, model=MODEL) as server:
                self.assertEqual(
                    server.post("/v1/hybrid", body | {"documents": ["tea"]}).status, 200
                )

    def test_without_the_flag_there_is_no_span(self):
        with Server(model=MODEL) as server:
            for route in ENTRIES:
                for one in ask(server, route):
                    self.assertNotIn("span", one)
                    self.assertEqual(one["logit"], self.whole[one["index"]]["logit"])

    def test_a_request_may_refuse_what_does_not_fit(self):
        with Server(*CHUNKS, "--max-length", 64, model=MODEL) as server:
            body = ENTRIES["/rerank"][0]
            self.assertIn("span", server.post("/rerank", body | {"truncate": True}).json[0])
            self.assertEqual(server.post("/rerank", body | {"truncate": False}).status, 422)
        with Server("--truncation", "error", "--max-length", 64, model=MODEL) as server:
            self.assertEqual(server.post("/rerank", body).status, 422)
            self.assertEqual(server.post("/rerank", body | {"truncate": None}).status, 422)
            self.assertEqual(server.post("/rerank", body | {"truncate": True}).status, 200)
            answer = server.post("/v1/rerank", ENTRIES["/v1/rerank"][0])
            self.assertEqual(answer.status, 422)
            self.assertNotIn("truncate", answer.json["error"]["message"])  # no member of its own
            pair = {"inputs": [QUERY, LONG]}
            self.assertEqual(server.post("/predict", pair).status, 422)
            self.assertEqual(server.post("/predict", pair | {"truncate": True}).status, 200)
            self.assertFalse(server.get("/info").json["auto_truncate"])

    def test_a_bound_of_the_request_leaves_the_rest_out(self):
        with Server(*CHUNKS, model=MODEL) as server:
            found = ask(server, "/v2/rerank", max_tokens_per_doc=60)
        long = next(one for one in found if one["index"] == 1)
        self.assertTrue(long["truncated"])
        self.assertNotIn(ANSWER, quoted(LONG, long["span"]))

    def test_predict_stays_what_it_is_elsewhere(self):
        with Server(*CHUNKS, model=MODEL) as server:
            answer = server.post("/predict", {"inputs": [[QUERY, LONG]], "raw_scores": True})
        self.assertEqual(answer.json[0][0]["score"], self.whole[1]["logit"])

    def test_hybrid_names_the_place_in_the_callers_text(self):
        template = ("--metadata-template", "{title}: {page_content}")
        documents = [{"text": text, "metadata": {"title": "Ohé"}} for text in DOCUMENTS]
        with FaultServer(["good"]) as judge:
            flags = ("--judge-url", judge.url, "--judge-model", "m")
            with Server(*CHUNKS, *template, *flags, model=MODEL) as server:
                body = {"query": QUERY, "documents": documents, "top_k": 3}
                answer = server.post("/v1/hybrid", body)
        self.assertEqual(answer.status, 200, str(answer))
        spans = {one["index"]: one["span"] for one in answer.json["results"]}
        self.assertIn(ANSWER, quoted(LONG, spans[1]))
        self.assertEqual(spans[0], {"begin_byte": 0, "end_byte": len(DOCUMENTS[0]),
                                    "begin_char": 0, "end_char": len(DOCUMENTS[0])})  # fmt: skip

    def test_flags_that_do_not_fit_together(self):
        command = [BINARY, "serve", "--port", "0", "--model", MODEL, "--truncation", "chunk_max"]
        done = subprocess.run(
            [*command, "--chunk-tokens", "20"], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("--chunk-overlap", done.stderr)

    def test_the_description_has_what_is_sent(self):
        schemas = json.loads(pathlib.Path(SOURCE, "apps/server/openapi.json").read_text("utf-8"))[
            "components"
        ]["schemas"]
        self.assertEqual(set(schemas["Span"]["required"]), set(self.rows[0]["span"]))


if __name__ == "__main__":
    unittest.main()
