"""crossrank tune: what it says of a blend is what rerank --blend and eval give."""

import json
import random
import unittest

from harness import TINY, CliTest, jsonl
from rerank_test import made_set, trec


class Tune(CliTest):
    def setUp(self):
        super().setUp()
        queries, corpus, self.first = made_set(12, 60, 20)
        rng = random.Random(5)
        self.qrels = self.write(
            "qrels",
            "".join(
                f"{q} 0 {d} {rng.choice((0, 0, 1, 2))}\n"
                for q, found in self.first.items()
                for d, _ in found
            ),
        )
        self.run_file = self.write("first.trec", trec(self.first))
        self.rerank = (
            "rerank",
            "--queries",
            self.write("queries.tsv", queries),
            "--corpus",
            self.write("corpus.jsonl", jsonl(corpus)),
            "--run",
            self.run_file,
            "--model",
            TINY,
            "--quiet",
        )
        self.reranked = self.write("reranked.trec", self.ok(*self.rerank).out)
        self.args = (
            *("tune", "--qrels", self.qrels, "--run", self.run_file),
            *("--reranked", self.reranked),
        )

    def measured(self, run):
        out = self.ok(
            *("eval", "--qrels", self.qrels, "--run", self.write("some.trec", run)),
            *("--measures", "nDCG@10", "--format", "json", "--per-query"),
        ).out
        return json.loads(out)

    def test_means_are_those_of_eval(self):
        tuned = json.loads(self.ok(*self.args, "--format", "json").out)
        points = {(p["blend_method"], p["alpha"]): p["mean"] for p in tuned["points"]}
        self.assertEqual(len(points), 42)
        for method, alpha in (("z", 0.35), ("z", 1.0), ("rrf", 0.6), ("rrf", 0.0)):
            blended = self.ok(*self.rerank, "--blend", str(alpha), "--blend-method", method).out
            [run] = self.measured(blended)["runs"]
            self.assertAlmostEqual(points[method, alpha], run["measures"]["nDCG@10"], places=12)
        self.assertEqual(points[tuned["blend_method"], tuned["blend"]], max(points.values()))
        self.assertEqual(tuned["first_stage"], points["z", 0.0])
        self.assertEqual(tuned["reranked"], points["rrf", 1.0])
        self.assertEqual(tuned["queries"], 12)
        low, high = tuned["interval"]
        self.assertLessEqual(low, tuned["difference"])
        self.assertLessEqual(tuned["difference"], high)
        self.assertAlmostEqual(tuned["cross_validated"] - tuned["reranked"], tuned["difference"])

    def test_what_has_no_say_is_no_better_than_the_best(self):
        tuned = json.loads(self.ok(*self.args).out)
        best = max(point["mean"] for point in tuned["points"])
        self.assertLessEqual(tuned["cross_validated"], best)
        # A fold a query: each is measured with what all others chose.
        alone = json.loads(self.ok(*self.args, "--folds", "12").out)
        self.assertLessEqual(alone["cross_validated"], best)
        self.assertEqual(alone["points"], tuned["points"])

    def test_a_table(self):
        run = self.ok(*self.args, "--format", "table")
        self.assertEqual(len(run.lines), 22 + 3)
        self.assertRegex(run.lines[-2], r"^best: --blend [01]\.\d\d --blend-method (z|rrf)$")
        self.assertIn("on queries that had no say", run.lines[-1])

    def test_what_cannot_be(self):
        other = self.write("other.trec", "q0 Q0 nowhere 1 1.0 t\n")
        self.fails(
            4, *self.args[:-1], other, says=["other.trec", "nowhere", "not in the first run"]
        )
        self.fails(2, *self.args, "--folds", "13", says="12 queries")
        self.fails(2, *self.args, "--folds", "1", says="--folds")
        self.fails(2, *self.args, "--measure", "nDCG@10,MAP", says="--measure")
        self.fails(2, *self.args, "--measure", "quality", says="quality")
        self.fails(3, *self.args[:-1], "missing", says="missing")


if __name__ == "__main__":
    unittest.main()
