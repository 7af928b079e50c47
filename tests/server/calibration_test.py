"""A calibration in the server: the probabilities of every dialect are calibrated, raw scores and
order are not, and a bad one keeps the server from starting and from taking up a reload."""

import hashlib
import json
import pathlib
import shutil
import signal
import tempfile
import unittest

import server as serving
from harness import WIDE
from server import TINY, Server

QUERY = "tea"
TEXTS = ["green tea", "black coffee", "tea", "the moon"]


def calibration(model=TINY, temperature=2.5, bias=-0.75):
    weights = (pathlib.Path(model) / "model.safetensors").read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    return {
        "format": 1,
        "temperature": temperature,
        "bias": bias,
        "weights_sha256": digest,
    }


class Calibration(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def enterContext(self, context):  # of Python 3.11; there are older ones
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def write(self, content, name="calibration.json"):
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def rows(self, *args):
        return serving.score([(QUERY, text) for text in TEXTS], *args)

    def test_every_dialect(self):
        file = self.write(calibration())
        plain, wanted = self.rows(), self.rows("--calibration", file)
        self.assertNotEqual(plain[0]["probability"], wanted[0]["probability"])
        with Server("--calibration", file, "--cache-mb", "1") as server:
            for _ in range(2):  # the second time from the cache
                for path, body, name in (
                    ("/rerank", {"texts": TEXTS}, "score"),
                    ("/v1/rerank", {"documents": TEXTS}, "relevance_score"),
                    ("/v2/rerank", {"documents": TEXTS, "model": "any"}, "relevance_score"),
                ):
                    answer = server.post(path, body | {"query": QUERY}).json
                    results = answer if isinstance(answer, list) else answer["results"]
                    self.assertEqual(len(results), 4)
                    for result in results:
                        row = wanted[result["index"]]
                        self.assertEqual(result[name], row["probability"])
                        self.assertEqual(result["logit"], plain[result["index"]]["logit"])
            raw = server.post("/rerank", {"query": QUERY, "texts": TEXTS, "raw_scores": True}).json
            order = sorted(range(4), key=lambda i: -plain[i]["logit"])
            self.assertEqual(
                [(r["index"], r["score"]) for r in raw], [(i, plain[i]["logit"]) for i in order]
            )
            (answer,) = server.post("/predict", {"inputs": [QUERY, TEXTS[0]]}).json
            self.assertEqual(answer["score"], wanted[0]["probability"])
            info = server.get("/info").json
            self.assertEqual(info["calibration"], {"temperature": 2.5, "bias": -0.75})
        with Server() as server:
            self.assertIsNone(server.get("/info").json["calibration"])

    def test_a_reload_takes_up_what_is_there_then(self):
        model = self.folder / "model"
        shutil.copytree(TINY, model)
        own = model / "crossrank_calibration.json"
        with Server(model=str(model)) as server:
            self.assertIsNone(server.get("/info").json["calibration"])
            own.write_text(json.dumps(calibration()))
            server.process.send_signal(signal.SIGHUP)
            (event,) = server.wait_for_event("reloaded", 1)
            self.assertEqual(event["calibration"], str(own))
            self.assertEqual(server.get("/info").json["calibration"]["temperature"], 2.5)
            # One that is broken leaves the old one at work.
            own.write_text("{")
            server.process.send_signal(signal.SIGHUP)
            (event,) = server.wait_for_event("reload failed", 1)
            self.assertIn("crossrank_calibration.json", json.dumps(event))
            self.assertEqual(server.get("/info").json["calibration"]["temperature"], 2.5)

    def refused(self, says, *args):
        with self.assertRaises(serving.ServerFailure) as raised, Server(*args):
            pass
        self.assertIn(says, str(raised.exception))

    def test_what_cannot_be(self):
        file = self.write(calibration(WIDE))
        self.refused("fitted for the weights", "--calibration", file)
        self.refused("put a crossrank_calibration.json", "--calibration", file, "--model", WIDE)
        with Server("--calibration", "none", "--model", WIDE) as server:
            self.assertIsNone(server.get("/info").json["calibration"])


if __name__ == "__main__":
    unittest.main()
