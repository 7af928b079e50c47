"""crossrank calibrate: what it fits is the best for its pairs, what it writes is what the others
read, and what cannot be is refused with a sentence."""

import json
import math
import pathlib
import random
import re
import shutil
import subprocess
import unittest

from harness import BINARY, LABELS3, TINY, WIDE, CliTest, jsonl

WORDS = "tea moon river stone light cat war bread music snow".split()


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


class Calibrate(CliTest):
    """Labels are drawn from sigmoid(logit / 3 - 1): a calibration that is there to be found."""

    def setUp(self):
        super().setUp()
        rng = random.Random(11)
        self.pairs = [
            {
                "query": f"{rng.choice(WORDS)} {i // 6}",
                "document": " ".join(rng.choices(WORDS, k=rng.randint(1, 9))),
            }
            for i in range(360)
        ]
        for i, pair in enumerate(self.pairs):
            pair["query"] = self.pairs[i - i % 6]["query"]
        self.logits = [
            r["logit"] for r in self.ok("score", "--model", TINY, "-", stdin=jsonl(self.pairs)).rows
        ]
        for pair, logit in zip(self.pairs, self.logits, strict=True):
            pair["label"] = rng.random() < sigmoid(logit / 3 - 1)
        self.input = self.write("pairs.jsonl", jsonl(self.pairs))
        self.out = str(self.folder / "calibration.json")
        self.args = ("calibrate", "--model", TINY, "--output", self.out)

    def fitted(self, *more, **kwargs):
        self.ok(*self.args, *more, **kwargs)
        return json.loads(pathlib.Path(self.out).read_text("utf-8"))

    def scored(self, *args, model=TINY):
        return self.ok("score", "--model", model, *args, self.input).rows

    def refused(self, code, pairs, says, *more):
        text = pairs if isinstance(pairs, (str, bytes)) else jsonl(pairs)
        path = self.write("refused.jsonl", text)
        run = self.fails(code, *self.args, path, *more, says=says)
        self.assertEqual(list(self.folder.glob("calibration.json*")), [])
        return run

    def test_no_other_line_fits_better(self):
        fit = self.fitted(self.input)
        labels = [pair["label"] for pair in self.pairs]
        relevant = sum(labels)
        targets = {
            True: (relevant + 1) / (relevant + 2),
            False: 1 / (len(labels) - relevant + 2),
        }
        off = [
            sigmoid(logit / fit["temperature"] + fit["bias"]) - targets[label]
            for logit, label in zip(self.logits, labels, strict=True)
        ]
        # Of logits in the decimals that read back to the same float32.
        self.assertAlmostEqual(sum(off), 0, places=4)
        self.assertAlmostEqual(
            sum(o * x for o, x in zip(off, self.logits, strict=True)), 0, places=4
        )
        self.assertEqual(
            (fit["format"], fit["pairs"], fit["relevant"], fit["queries"], fit["folds"]),
            (1, 360, relevant, 60, 5),
        )
        self.assertEqual((fit["max_length"], fit["truncation"]), (64, "longest_first"))
        self.assertRegex(fit["weights_sha256"], "^[0-9a-f]{64}$")
        self.assertLess(fit["after"]["log_loss"], fit["before"]["log_loss"])

    def test_figures(self):
        shown = json.loads(self.ok(*self.args, self.input).out)
        saved = json.loads(pathlib.Path(self.out).read_text("utf-8"))
        labels = [pair["label"] for pair in self.pairs]
        losses = [
            -math.log(sigmoid(x if label else -x))
            for x, label in zip(self.logits, labels, strict=True)
        ]
        self.assertAlmostEqual(shown["before"]["log_loss"], sum(losses) / 360, places=7)
        brier = sum((sigmoid(x) - y) ** 2 for x, y in zip(self.logits, labels, strict=True)) / 360
        self.assertAlmostEqual(shown["before"]["brier"], brier, places=7)
        for side in ("before", "after"):
            bins = shown[side].pop("bins")
            self.assertEqual(sum(b["pairs"] for b in bins), 360)
            error = sum(b["pairs"] * abs(b["probability"] - b["relevant"]) for b in bins) / 360
            self.assertAlmostEqual(shown[side]["calibration_error"], error, places=9)
            self.assertEqual(shown[side], saved[side])
        self.assertEqual(shown["temperature"], saved["temperature"])

    def test_the_same_bytes_every_time(self):
        first = self.fitted(self.input)
        numbers = [
            pair | {"label": 2.5 if pair["label"] else -(i % 2)}
            for i, pair in enumerate(self.pairs)
        ]
        for more in (("-",), ("--threads", "1", "--batch-tokens", "64", "-"), ()):
            self.assertEqual(self.fitted(*more, stdin=jsonl(numbers)), first)

    def test_probability_changes_and_nothing_else_does(self):
        fit = self.fitted(self.input)
        plain = self.scored()
        for row, before in zip(self.scored("--calibration", self.out), plain, strict=True):
            wanted = sigmoid(before["logit"] / fit["temperature"] + fit["bias"])
            self.assertAlmostEqual(row.pop("probability"), wanted, places=6)
            del before["probability"]
            self.assertEqual(row, before)

    def test_every_command_that_names_probabilities(self):
        fit = self.fitted(self.input)
        documents = self.write("docs.jsonl", jsonl([p["document"] for p in self.pairs[:40]]))
        args = ("rank", "--model", TINY, "--calibration", self.out, "-q", "tea", documents)
        ranked = json.loads(self.ok(*args, "--top-k", "0", "--format", "json").out)
        self.assertEqual(
            ranked["calibration"],
            {"file": self.out, "temperature": fit["temperature"], "bias": fit["bias"]},
        )
        values = [r["probability"] for r in ranked["results"]]
        for row in ranked["results"]:
            wanted = sigmoid(row["logit"] / fit["temperature"] + fit["bias"])
            self.assertAlmostEqual(row["probability"], wanted, places=6)
        kept = self.ok(*args, "--top-k", "0", "--min-probability", repr(values[10])).rows
        self.assertEqual(len(kept), 11)
        table = self.ok(*args, "--format", "table")
        self.assertTrue(table.lines[-1].endswith(", calibrated"), table.lines[-1])
        self.assertIn(", calibrated", self.ok(*args).err)

        corpus = self.write("corpus.jsonl", jsonl([{"id": "d", "text": self.pairs[0]["document"]}]))
        details = self.folder / "details.jsonl"
        self.ok(
            *("rerank", "--model", TINY, "--calibration", self.out, "--corpus", corpus),
            *("--queries", self.write("q.tsv", f"q\t{self.pairs[0]['query']}\n")),
            *("--run", self.write("r.trec", "q Q0 d 1 1 t\n"), "--quiet"),
            *("--output", self.folder / "out.trec", "--details", details),
        )
        wanted = sigmoid(self.logits[0] / fit["temperature"] + fit["bias"])
        self.assertAlmostEqual(json.loads(details.read_text())["probability"], wanted, places=6)

        info = json.loads(self.ok("info", "--model", TINY, "--calibration", self.out).out)
        self.assertEqual(info["calibration"], ranked["calibration"])
        table = self.ok("info", "--model", TINY, "--format", "table").out.decode()
        self.assertRegex(table, r"(?m)^calibration +none$")

    def test_a_model_folder_has_its_own(self):
        model = self.folder / "model"
        shutil.copytree(TINY, model)
        plain = self.scored(model=model)
        self.out = str(model / "crossrank_calibration.json")
        self.args = ("calibrate", "--model", model, "--output", self.out)
        fit = self.fitted(self.input)
        own = self.scored(model=model)
        self.assertNotEqual(own, plain)
        self.assertEqual(own, self.scored("--calibration", self.out))
        self.assertEqual(self.scored("--calibration", "none", model=model), plain)
        # A calibration that is there has no say in the next one, not even one that is broken.
        self.assertEqual(self.fitted(self.input), fit)
        pathlib.Path(self.out).write_text("{")
        self.fails(3, "score", "--model", model, self.input, says="crossrank_calibration.json")
        self.assertEqual(self.scored("--calibration", "none", model=model), plain)
        self.assertEqual(self.fitted(self.input), fit)

    def test_calibrations_that_are_none(self):
        good = self.fitted(self.input)
        use = ("score", "--model", TINY, "--calibration")
        for change, says in (
            ({"format": 2}, "`format` must be 1"),
            ({"format": "1"}, "`format`"),
            ({"temperature": 0}, "`temperature` must be above 0, not 0"),
            ({"temperature": -2.5}, "`temperature` must be above 0, not -2.5"),
            ({"temperature": None}, "`temperature` must be a finite number"),
            ({"temperature": "1"}, "`temperature` must be a finite number"),
            ({"bias": True}, "`bias` must be a finite number"),
            ({"bias": [1]}, "`bias` must be a finite number"),
            ({"weights_sha256": "ab"}, "`weights_sha256` must be a SHA-256"),
            ({"weights_sha256": "G" * 64}, "`weights_sha256` must be a SHA-256"),
            ({"weights_sha256": "0" * 64}, "Fit it again with `crossrank calibrate`"),
        ):
            path = self.write("bad.json", json.dumps(good | change))
            self.fails(3, *use, path, self.input, says=["bad.json", says])
        for key in ("format", "temperature", "bias", "weights_sha256"):
            path = self.write("bad.json", json.dumps({k: v for k, v in good.items() if k != key}))
            self.fails(3, *use, path, self.input, says=[f"`{key}`", "missing"])
        text = json.dumps(good)
        for content, says in (
            ("", "bad.json"),
            ("[1]", "must be an object"),
            ("[" * 100_000, "bad.json"),
            (text[:-1], "bad.json"),
            (b"\xff" + text.encode(), "bad.json"),
            (re.sub(r'("bias": )[^,]*', r"\1NaN", text), "bad.json"),
            (re.sub(r'("bias": )[^,]*', r"\g<1>1e999", text), "bad.json"),
            (text + " " * (65 << 10), "more than 64 KB"),
            (text + " " * (2 << 20), "larger than 1 MB"),
        ):
            self.fails(3, *use, self.write("bad.json", content), self.input, says=says)
        self.fails(3, *use, self.folder / "nowhere.json", self.input, says="nowhere.json")
        self.fails(3, *use, self.folder, self.input, says=str(self.folder))
        self.fails(2, *use, "", self.input, says="--calibration")
        self.fails(
            3, *use[:2], WIDE, "--calibration", self.out, self.input, says="fitted for the weights"
        )
        self.fails(3, *use[:2], LABELS3, "--calibration", self.out, self.input, says="one label")

    def test_pairs_that_cannot_be_used(self):
        bad = self.pairs[0] | {"label": "yes"}
        for line, says in (
            (bad, '"label" must be true, false or a number, not a string'),
            (bad | {"label": None}, '"label" must be true, false or a number, not null'),
            ({k: v for k, v in bad.items() if k != "label"}, '"label" is missing'),
            ({k: v for k, v in bad.items() if k != "document"}, '"document" is missing'),
        ):
            self.refused(4, [*self.pairs[:4], line], ["refused.jsonl:5: ", says])
        self.refused(4, jsonl(self.pairs[:1])[:-2] + "\n", "refused.jsonl:1: ")
        self.refused(4, "tea\tgreen tea\n", ["refused.jsonl:1: ", "no label"])
        huge = jsonl([bad]).replace('"yes"', "1e999")
        self.refused(4, huge, "refused.jsonl:1: ")
        run = self.ok(*self.args, "--skip-bad", self.write("some.jsonl", jsonl([bad, *self.pairs])))
        self.assertIn("skipped 1 line: ", run.err)

    def test_labels_that_say_too_little(self):
        for label in (True, False):
            one_kind = [pair | {"label": label} for pair in self.pairs]
            self.refused(4, one_kind, ["refused.jsonl: there are ", "0 ", "at least 20 of each"])
        self.refused(4, "", "0 relevant pairs and 0 other pairs")
        swapped = [pair | {"label": not pair["label"]} for pair in self.pairs]
        self.refused(4, swapped, ["refused.jsonl: ", "the wrong way round"])
        lonely = [pair | {"query": "tea"} for pair in self.pairs]
        self.refused(2, lonely, "1 queries, fewer than the 5 folds")
        self.refused(2, self.pairs, "--folds", "--folds", "1")

    def test_labels_that_the_scores_separate(self):
        middle = sorted(self.logits)[180]
        told = [p | {"label": x > middle} for p, x in zip(self.pairs, self.logits, strict=True)]
        run = self.ok(*self.args, self.write("told.jsonl", jsonl(told)))
        self.assertIn("separate the labels perfectly", run.err)
        fit = json.loads(run.out)
        self.assertGreater(fit["temperature"], 0)
        self.assertTrue(math.isfinite(fit["bias"]))

    def test_options_that_change_logits(self):
        fit = self.fitted(self.input)
        cut = self.fitted("--max-length", "8", "--max-chars", "9", self.input)
        self.assertEqual((cut["max_length"], cut["max_chars"]), (8, 9))
        self.assertNotEqual(cut["temperature"], fit["temperature"])
        self.assertEqual(self.fitted("--precision", "int8", self.input)["precision"], "int8")
        for policy in ("chunk_max", "chunk_top2", "first"):
            chunks = self.fitted("--truncation", policy, "--chunk-tokens", "40", self.input)
            self.assertEqual((chunks["truncation"], chunks["chunk_tokens"]), (policy, 40))
        self.fails(
            4,
            *self.args,
            "--truncation",
            "error",
            "--max-length",
            "6",
            self.input,
            says="pairs.jsonl:",
        )
        self.fails(2, *self.args, "--max-length", "2", self.input, says="--max-length")
        self.fails(3, "calibrate", "--model", LABELS3, "-o", self.out, self.input, says="one label")

    def test_a_table(self):
        lines = self.ok(*self.args, "--format", "table", self.input).lines
        self.assertRegex(lines[0], r"^probability +log loss +Brier +ECE")
        self.assertRegex(lines[1], r"^before( +\d\.\d{4}){3}")
        self.assertRegex(lines[2], r"^after( +\d\.\d{4}){3}")
        self.assertRegex(
            lines[3], r"^temperature \d+\.\d{4}, bias -?\d+\.\d{4}, from 360 pairs of 60"
        )
        self.assertIn("probabilities improve: on held-out queries", lines[4])

    def test_files_are_whole_or_not_there(self):
        report = self.folder / "report.html"
        self.refused(2, self.pairs, "--output", "--report", self.out)
        before = pathlib.Path(self.input).read_bytes()
        for given in (self.input, "-"):
            command = [BINARY, *map(str, self.args[:3]), "-o", self.input, given]
            with open(self.input, "rb") as stdin:
                done = subprocess.run(command, stdin=stdin, env=self.env, capture_output=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(pathlib.Path(self.input).read_bytes(), before)
        nowhere = self.folder / "no" / "x.json"
        self.fails(3, *self.args[:3], "-o", nowhere, self.input, says="x.json")
        self.fails(2, *self.args[:3], self.input, says="--output")
        self.refused(4, self.pairs[:30], "at least 20 of each", "--report", report)
        self.assertFalse(report.exists())

    def test_the_report(self):
        model = self.folder / "<script>alert(1)</script>"
        model.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(TINY, model)
        report = self.folder / "report.html"
        shown = json.loads(
            self.ok(
                "calibrate", "--model", model, "-o", self.out, "--report", report, self.input
            ).out
        )
        page = report.read_text("utf-8")
        self.assertEqual(page.count("<script"), 2)
        self.assertEqual(page.count("</script>"), 2)
        self.assertNotRegex(page, r"(src|href)=[\"']?(https?:)?//")
        [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
        data = json.loads(text)
        self.assertEqual(data["model"], str(model))
        for side in ("before", "after"):
            self.assertEqual(data[side]["bins"], shown[side]["bins"])
            histogram = data[side]["histogram"]
            self.assertEqual(sum(histogram["relevant"]), data["relevant"])
            self.assertEqual(sum(histogram["others"]), 360 - data["relevant"])


if __name__ == "__main__":
    unittest.main()
