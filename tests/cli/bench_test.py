"""crossrank bench: every combination once, figures that fit together, errors before any work."""

import json
import unittest

from harness import TINY, CliTest, jsonl

PAIRS = [{"query": "tea", "document": "green tea " * n} for n in range(1, 9)]


class Bench(CliTest):
    def bench(self, *args, **kwargs):
        return self.ok("bench", "--model", TINY, "--rounds", "2", *args, **kwargs)

    def runs(self, *args, **kwargs):
        return json.loads(self.bench("--format", "json", *args, **kwargs).out)["runs"]

    def test_figures_fit_together(self):
        out = json.loads(self.bench("--documents", "3,5", "-", stdin=jsonl(PAIRS)).out)
        self.assertEqual(out["pairs"], len(PAIRS))
        self.assertEqual(out["input"], "standard input")
        self.assertEqual(out["rounds"], 2)
        precisions = [run["precision"] for run in out["runs"]]
        self.assertEqual(precisions[0], "fp32")
        self.assertIn("int8", precisions)
        for run in out["runs"]:
            self.assertGreater(run["pairs_per_second"], 0)
            self.assertGreater(run["tokens_per_second"], 3 * run["pairs_per_second"])
            self.assertLess(run["of_roof"], 1.2)
            ratio = run["operations_per_second"] / run["roof_operations_per_second"]
            self.assertAlmostEqual(run["of_roof"], ratio, places=9)
            self.assertEqual([latency["documents"] for latency in run["latency"]], [3, 5])
            for latency in run["latency"]:
                self.assertLessEqual(latency["p50_ms"], latency["p99_ms"])
                self.assertGreaterEqual(latency["calls"], 11)

    def test_every_combination(self):
        runs = self.runs(
            "--pairs", "4", "--documents", "1", "--precision", "int8,fp32", "--isa", "scalar",
            "--threads", "1,2",
        )  # fmt: skip
        self.assertEqual(
            [(run["precision"], run["isa"], run["threads"]) for run in runs],
            [
                ("fp32", "scalar", 1),
                ("fp32", "scalar", 2),
                ("int8", "scalar", 1),
                ("int8", "scalar", 2),
            ],
        )

    def test_built_in_pairs_are_of_the_length_that_is_said(self):
        out = json.loads(
            self.ok("bench", "--model", "builtin", "--rounds", "1", "--documents", "1",
                    "--precision", "int8", "--pairs", "60").out
        )  # fmt: skip
        (run,) = out["runs"]
        self.assertAlmostEqual(run["tokens_per_second"] / run["pairs_per_second"], 93, delta=20)

    def test_the_table_aligns(self):
        lines = self.bench("--format", "table", "--pairs", "4", "--documents", "2").out
        lines = lines.decode().splitlines()
        self.assertTrue(lines[0].startswith("precision  isa"))
        end = lines[0].index("of roof") + len("of roof")
        for line in lines[1:-2]:
            self.assertEqual(line[end - 2 : end], " %", line)

    def test_what_cannot_run(self):
        run = self.fails(2, "bench", "--model", TINY, "--precision", "bf16", "--isa", "scalar")
        self.assertIn("it can run fp32 on", run.err)
        self.assertIn("fp8", self.fails(2, "bench", "--precision", "fp8").err)
        self.assertIn("has no pairs", self.fails(4, "bench", "--model", TINY, "-", stdin="\n").err)
        bad = self.fails(4, "bench", "--model", TINY, "-", stdin='{"query": 1}\n')
        self.assertIn("standard input:1:", bad.err)


if __name__ == "__main__":
    unittest.main()
