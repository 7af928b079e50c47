"""crossrank tune: what it says of a blend is what rerank --blend and eval give."""

import json
import random
import unittest

from harness import TINY, CliTest, jsonl
from trec_sets import made_set, trec


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
        for against in ("reranked", "first_stage"):
            gain = tuned[f"over_{against}"]
            low, high = gain["interval"]
            self.assertLessEqual(low, gain["difference"])
            self.assertLessEqual(gain["difference"], high)
            self.assertAlmostEqual(tuned["cross_validated"] - tuned[against], gain["difference"])

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
        self.assertRegex(run.lines[-2], r"^best: --blend 0\.\d\d --blend-method (z|rrf)$")
        for part in (
            "cross-validated nDCG@10 (5 folds): ",
            "; the reranked run 0.",
            "; the first ",
        ):
            self.assertIn(part, run.lines[-1])

    def tuned(self, first, reranked, qrels):
        args = ("--qrels", self.write("q", qrels), "--run", self.write("a", first))
        args += ("--reranked", self.write("b", reranked), "--measure", "P@1", "--folds", "2")
        return self.ok("tune", *args, "--format", "table").lines[-2:]

    def test_a_stage_that_is_best_alone(self):
        up = "".join(f"q{q} Q0 {d} 1 {s} t\n" for q in range(8) for d, s in (("a", 2), ("b", 1)))
        down = "".join(f"q{q} Q0 {d} 1 {s} t\n" for q in range(8) for d, s in (("a", 1), ("b", 2)))
        good = "".join(f"q{q} 0 a 1\n" for q in range(8))
        best, said = self.tuned(down, up, good)
        self.assertEqual(best, "best: the reranked run as it is")
        self.assertIn("the reranked run 1.0000, blending changes nothing", said)
        self.assertIn("the first stage 0.0000, blending helps", said)
        best, said = self.tuned(up, down, good)
        self.assertEqual(best, "best: --blend 0.45 --blend-method z")  # the most that does no harm
        self.assertIn("the reranked run 0.0000, blending helps", said)
        self.assertIn("the first stage 1.0000, blending changes nothing", said)

    def test_distinct_logits_are_not_merged(self):
        """Beside one far away, scores of mean 0 and deviation 1 are equal in float32."""
        first = "".join(f"q{q} Q0 {d} 1 1 t\n" for q in range(6) for d in "abc")
        scores = (("a", 2.0000002), ("b", 2), ("c", -1e9))
        second = "".join(f"q{q} Q0 {d} 1 {s} t\n" for q in range(6) for d, s in scores)
        best, said = self.tuned(first, second, "".join(f"q{q} 0 a 1\n" for q in range(6)))
        self.assertEqual(best, "best: the reranked run as it is")
        self.assertIn("the reranked run 1.0000, blending changes nothing", said)

    def test_equal_texts_rank_as_in_rerank(self):
        """Equal logits are ranked by the id of the document in both."""
        queries = "".join(f"q{q}\tw{q}\n" for q in range(6))
        corpus = jsonl([{"id": "a", "text": "w1 w2"}, {"id": "b", "text": "w1 w2"}])
        first = "".join(f"q{q} Q0 {d} 1 {s} t\n" for q in range(6) for d, s in (("a", 2), ("b", 1)))
        rerank = (
            *("rerank", "--queries", self.write("qs", queries), "--corpus"),
            *(self.write("c", corpus), "--run", self.write("f", first), "--model", TINY, "--quiet"),
        )
        qrels = self.write("q", "".join(f"q{q} 0 a 1\n" for q in range(6)))
        plain = self.write("r", self.ok(*rerank).out)
        out = self.ok(
            *("tune", "--qrels", qrels, "--run", self.folder / "f", "--reranked", plain),
            *("--measure", "P@1", "--folds", "2", "--format", "json"),
        ).out
        points = {(p["blend_method"], p["alpha"]): p["mean"] for p in json.loads(out)["points"]}
        for method, alpha in points:
            blended = self.ok(*rerank, "--blend", str(alpha), "--blend-method", method).out
            rows = self.ok(
                *("eval", "--qrels", qrels, "--run", self.write("x", blended)),
                *("--measures", "P@1"),
            ).rows
            self.assertEqual(rows[0]["measures"]["P@1"], points[method, alpha], (method, alpha))

    def test_what_is_left_out_is_said(self):
        qrels = self.write("some.qrels", "".join(f"q{q} 0 d{q} 1\n" for q in range(9)))
        lines = [line for line in trec(self.first).splitlines() if not line.startswith("q1 ")]
        first = self.write("some.trec", "\n".join(lines) + "\n")
        run = self.ok("tune", "--qrels", qrels, "--run", first, "--reranked", self.reranked)
        self.assertIn("3 queries of ", run.err)
        self.assertIn("some.qrels: left out", run.err)
        self.assertIn("1 query of ", run.err)
        self.assertIn("some.trec: left out", run.err)
        nowhere = self.write("no.qrels", "".join(f"q{q} 0 x 1\n" for q in range(9)))
        said = self.ok(*self.args[:2], nowhere, *self.args[3:]).err
        self.assertIn("do the ids of the documents", said)

    def test_what_cannot_be(self):
        other = self.write("other.trec", "q0 Q0 nowhere 1 1.0 t\n")
        self.fails(
            4, *self.args[:-1], other, says=["other.trec", "nowhere", "not in the first run"]
        )
        self.fails(2, *self.args, "--folds", "13", says="12 queries")
        self.fails(2, *self.args, "--folds", "1", says="--folds")
        self.fails(2, *self.args, "--measure", "nDCG@10,MAP", says="--measure")
        self.fails(2, "tune", "--qrels", "-", "--run", "-", *self.args[5:], says="only one file")
        self.fails(2, *self.args, "--measure", "quality", says="quality")
        self.fails(3, *self.args[:-1], "missing", says="missing")


if __name__ == "__main__":
    unittest.main()
