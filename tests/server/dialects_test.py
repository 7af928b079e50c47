"""Every dialect answers as its original does, and with the scores of the library.

The cases are dialects/*.json; shapes.py says how they are read. Orders and logits come from two
references: sentence-transformers, as tests/golden has it, within its tolerance, and
`crossrank score`, exactly.
"""

import json
import unittest

import server as serving
from server import SOURCE, Server
from shapes import Expected, differences, fill, text_of

MODEL = "builtin"
FOLDER = SOURCE / "tests" / "server" / "dialects"
GOLDENS = [
    json.loads(line)
    for line in (SOURCE / "tests/golden/cases/rank.jsonl").read_text("utf-8").split("\n")
    if line
]
LEAST_CASES = 8  # of a dialect
SCORERS = ("/rerank", "/v1/rerank", "/v2/rerank", "/predict")


class Case:
    def __init__(self, data):
        self.name, self.path = data["name"], data["path"]
        self.method = data.get("method", "POST")
        self.headers = data.get("headers", {})
        self.status = data.get("status", 200)
        self.shape = data["response"]
        self.golden = GOLDENS[data["golden"]] if "golden" in data else None
        self.request = fill(data["request"], self.golden) if "request" in data else None
        self.truncated = data.get("truncated")
        self.documents, self.pairs = [], []
        if self.status != 200 or self.path.partition("?")[0] not in SCORERS:
            return
        if "pairs" in data:
            self.pairs = [tuple(fill(pair)) for pair in data["pairs"]]
            return
        self.documents = self.request.get("texts", self.request.get("documents"))
        scored = [fill(text) for text in data["scored"]] if "scored" in data else self.documents
        self.pairs = [(self.request["query"], text_of(text)) for text in scored]


def load(path):
    data = json.loads(path.read_text("utf-8"))
    return data["serve"], [Case(case) for case in data["cases"]]


class Dialects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = {path.stem: load(path) for path in sorted(FOLDER.glob("*.json"))}
        pairs = {pair for _, cases in cls.files.values() for case in cases for pair in case.pairs}
        pairs = sorted(pairs)
        cls.rows = dict(zip(pairs, serving.score(pairs, model=MODEL)))

    def expected(self, case):
        return Expected(
            case.documents, [self.rows[pair] for pair in case.pairs], MODEL, case.truncated
        )

    def run_file(self, name):
        args, cases = self.files[name]
        self.assertEqual(args[:2], ["--model", MODEL])
        self.assertGreaterEqual(len(cases), LEAST_CASES)
        self.assertEqual(len({case.name for case in cases}), len(cases))
        with Server(*args[2:], model=MODEL) as server:
            for case in cases:
                with self.subTest(dialect=name, case=case.name):
                    self.run_case(server, case)

    def run_case(self, server, case):
        answer = server.request(case.method, case.path, case.request, case.headers)
        self.assertEqual(answer.status, case.status, answer)
        self.assertEqual(answer.header("content-type").partition(";")[0], "application/json")
        expected = self.expected(case)
        found = differences(case.shape, answer.json, expected)
        self.assertFalse(found, "\n".join(found[:10]) + f"\nin {answer}")
        if case.golden and case.documents and len(case.pairs) == len(case.golden["order"]):
            self.assertEqual(expected.order, case.golden["order"])
            for index, logit in zip(case.golden["order"], case.golden["logits"]):
                error = abs(expected.rows[index]["logit"] - logit)
                self.assertLessEqual(error, 1e-4 * max(1, abs(logit)), "tests/golden")

    def test_tei(self):
        self.run_file("tei")

    def test_infinity(self):
        self.run_file("infinity")

    def test_jina(self):
        self.run_file("jina")

    def test_llamacpp(self):
        self.run_file("llamacpp")

    def test_vllm(self):
        self.run_file("vllm")

    def test_cohere(self):
        self.run_file("cohere")

    def test_there_is_a_test_for_each_file(self):
        for name in self.files:
            self.assertTrue(hasattr(self, f"test_{name}"), name)

    def test_the_comparison_can_fail(self):
        """A shape that accepted anything would make the rest of this file worth nothing."""
        rows = [
            {
                "logit": logit,
                "probability": 0.5,
                "truncation": {"tokens_used": 3, "tokens_total": 3, "chars_cut": 0},
            }
            for logit in (1.0, 2.0)
        ]
        expected = Expected(["a", "b"], rows, MODEL)
        entry = {"index": "$index", "score": "$probability", "logit?": "$logit", "text": "$text"}
        shape = {"n": "$tokens", "list": {"$ranked": entry}}
        good = {"index": 1, "score": 0.5, "logit": 2.0, "text": "b"}
        last = {"index": 0, "score": 0.5, "text": "a"}
        self.assertEqual(differences(shape, {"n": 6, "list": [good, last]}, expected), [])
        for wrong in (
            {"n": 6, "list": [last, good]},
            {"n": 6, "list": [good]},
            {"n": 6, "list": [good, last, last]},
            {"n": 7, "list": [good, last]},
            {"n": "6", "list": [good, last]},
            {"n": 6, "list": [good, last], "more": 1},
            {"list": [good, last]},
            {"n": 6, "list": [good | {"score": 0.50000006}, last]},
            {"n": 6, "list": [good | {"logit": 2.0000002}, last]},
            {"n": 6, "list": [good | {"text": "b "}, last]},
            {"n": 6, "list": [good | {"extra": None}, last]},
            {"n": 6, "list": [{"index": True, "score": 0.5, "text": "b"}, last]},
            [],
            None,
        ):
            self.assertTrue(differences(shape, wrong, expected), wrong)


if __name__ == "__main__":
    unittest.main()
