"""The choices and figures of bench/peers that need no peer: batch sizes, percentiles, targets."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "peers"))

import engines  # noqa: E402
import report  # noqa: E402


class Choices(unittest.TestCase):
    def fastest(self, seconds):
        tried = []

        def measure(size):
            tried.append(size)
            return seconds[size]

        return engines.fastest_batch(measure)[1], sorted(set(tried))

    def test_two_slower_sizes_in_a_row_end_the_search(self):
        sizes = dict.fromkeys(engines.BATCH_SIZES, 5.0)
        self.assertEqual(self.fastest(sizes | {2: 3.0}), (2, [1, 2, 4, 8]))
        self.assertEqual(self.fastest(sizes | {1: 4.0, 4: 3.0}), (4, [1, 2, 4, 8, 16]))

    def test_the_edges_can_be_chosen(self):
        rising = {size: 1.0 + size for size in engines.BATCH_SIZES}
        self.assertEqual(self.fastest(rising), (1, [1, 2, 4]))
        falling = {size: 1.0 / size for size in engines.BATCH_SIZES}
        self.assertEqual(self.fastest(falling), (64, list(engines.BATCH_SIZES)))

    def test_a_small_call_may_be_one_batch(self):
        class Engine(engines.Tuned):
            def score(self, pairs):
                return None, self.cost[self.batch_size]

        engine = Engine(None, 2)
        variant = engine.variants()[0]
        engine.opened, engine.choices = {variant: None}, [(variant, 8)]
        engine.cost = {8: 2.0, 50: 1.0}
        engine.fit([None] * 50)
        self.assertEqual(engine.settings, "batch 50")
        engine.cost = {8: 1.0, 50: 2.0}
        engine.fit([None] * 50)
        self.assertEqual(engine.settings, "batch 8")
        engine.fit([None] * 65)  # not measured
        self.assertEqual(engine.settings, "batch 8")


class Figures(unittest.TestCase):
    def test_percentiles_are_nearest_ranks(self):
        self.assertEqual(report.percentile([9, 1, 4, 2], 25), 1)
        self.assertEqual(report.percentile([9, 1, 4, 2], 26), 2)
        self.assertEqual(report.percentile(range(1, 201), 99), 198)
        self.assertEqual(report.percentile(range(1, 102), 99), 100)
        self.assertEqual(report.percentile([7], 99), 7)

    def test_every_target_has_its_verdict(self):
        least = report.REFERENCE["targets"]["crossrank fp32"]["onnxruntime fp32"]
        rows = [
            {"engine": "onnxruntime fp32", "seconds": [least + 0.1] * 3},
            {"engine": "openvino fp32", "seconds": [0.5] * 3},
            {"engine": "crossrank fp32", "seconds": [1.0] * 3},
        ]
        verdicts = {v["peer"]: v for v in report.targets({"engines": rows})}
        self.assertEqual(sorted(verdicts), ["onnxruntime fp32", "openvino fp32"])
        self.assertTrue(verdicts["onnxruntime fp32"]["met"])
        self.assertFalse(verdicts["openvino fp32"]["met"])
        self.assertEqual(verdicts["openvino fp32"]["ratio"], 0.5)

    def test_a_peer_that_is_faster_side_by_side_does_not_make_the_base_slow(self):
        known = report.REFERENCE["pairs_per_second"]["dl19"]
        row = {"engine": "openvino fp32", "settings": engines.IN_TURN}
        row["pairs_per_second"] = 0.5 * known["openvino fp32"]
        row["ratio"] = 1.5 * known["openvino fp32"] / known[report.BASE]
        result = {"workload": "dl19", "engines": [row]}
        self.assertIn("itself is slow", "".join(report.handicapped(result)))
        row["settings"] = f"fp32, {engines.SIDE_BY_SIDE}, batch 4"
        self.assertEqual(report.handicapped(result), [])
        row["ratio"] /= 3
        self.assertIn("openvino fp32 runs at", "".join(report.handicapped(result)))
        row["pairs_per_second"] = known["openvino fp32"]  # then it is the base that is faster
        self.assertEqual(report.handicapped(result), [])


if __name__ == "__main__":
    unittest.main()
