"""crossrank score: pairs in, one line each out, in order, whatever the batches and threads."""

import json
import random
import select
import unittest

from harness import LABELS3, MODELS, TINY, WIDE, CliTest, golden_pairs, jsonl

WORDS = (
    "tea coffee sea night press printing moon tide bread river tokyo naïve ÉCOLE 東京 don't 1,234 x"
).split()


def random_pairs(count, seed=1):
    rng = random.Random(seed)

    def text(longest):
        return " ".join(rng.choices(WORDS, k=rng.randrange(longest)))

    return [{"query": text(8), "document": text(60)} for _ in range(count)]


class Formats(CliTest):
    def score(self, pairs, *args, **kwargs):
        stdin = pairs if isinstance(pairs, (str, bytes)) else jsonl(pairs)
        return self.ok("score", "--model", TINY, *args, stdin=stdin, **kwargs)

    def test_jsonl(self):
        run = self.score(random_pairs(5))
        for index, row in enumerate(run.rows):
            self.assertEqual(list(row), ["index", "logit", "probability", "score", "truncation"])
            self.assertEqual(row["index"], index)
        self.assertRegex(
            run.err,
            rf"^crossrank: scored 5 pairs.* at [0-9,]+/s with {TINY}, weights "
            r"[0-9a-f]{12}, fp32, \w+, \d+ threads?\n$",
        )
        self.assertEqual(self.score(random_pairs(5), "--quiet").err, "")

    def test_json(self):
        pairs = random_pairs(3)
        result = json.loads(self.score(pairs, "--format", "json").out)
        self.assertEqual(
            list(result),
            [
                "results",
                "model",
                "weights_sha256",
                "precision",
                "skipped_lines",
                "truncated_documents",
                "elapsed_ms",
            ],
        )
        self.assertEqual(result["results"], self.score(pairs).rows)
        self.assertEqual(json.loads(self.score("", "--format", "json").out)["results"], [])

    def test_tsv(self):
        pairs = random_pairs(4)
        for row, line in zip(
            self.score(pairs).rows, self.score(pairs, "--format", "tsv").lines, strict=True
        ):
            self.assertEqual(
                [float(field) for field in line.split("\t")],
                [row["index"], row["logit"], row["probability"], row["score"]],
            )

    def test_tsv_input_is_recognised(self):
        pairs = random_pairs(20)
        text = "".join(f"{p['query']}\t{p['document']}\n" for p in pairs)
        wanted = self.score(pairs).out
        self.assertEqual(self.score(text).out, wanted)
        self.assertEqual(
            self.score("\n" + text.replace("\n", "\r\n"), "--input-format", "tsv").out, wanted
        )

    def test_documents_as_objects_and_echoed(self):
        lines = [
            '{"query":"q","document":{ "text":"tea" , "n":1.0}}',
            '{"document":"x","query":"q","document":"te\\u0061"}',
            '{"query":"q","document":{"page_content":"tea"}}',
        ]
        run = self.score("\n".join(lines), "--return-documents")
        self.assertEqual(len({row["logit"] for row in run.rows}), 1)
        self.assertIn('"document":{ "text":"tea" , "n":1.0},"truncation"', run.lines[0])
        self.assertIn('"document":"te\\u0061","truncation"', run.lines[1])
        run = self.score("q\ttea\t2\n", "--return-documents")
        self.assertEqual(run.rows[0]["document"], "tea\t2")

    def test_several_labels(self):
        cases = golden_pairs("labels3")
        run = self.ok("score", "--model", LABELS3, stdin=jsonl(cases))
        for case, row in zip(cases, run.rows, strict=True):
            self.assertEqual(list(row), ["index", "logits", "probabilities", "score", "truncation"])
            for logit, wanted in zip(row["logits"], case["logits"], strict=True):
                self.assertLessEqual(abs(logit - wanted), 1e-4 * max(1, abs(wanted)))
            self.assertAlmostEqual(sum(row["probabilities"]), 1, places=5)
            self.assertEqual(len(row["score"]), 3)
        tsv = self.ok("score", "--model", LABELS3, "--format", "tsv", stdin=jsonl(cases[:1]))
        self.assertEqual(len(tsv.lines[0].split("\t")), 10)

    def test_table(self):
        run = self.score(random_pairs(3), "--format", "table")
        self.assertEqual(
            run.lines[0].split(), ["index", "logit", "prob", "tokens", "query", "document"]
        )
        self.assertEqual(len(run.lines), 4)

    def test_every_model_of_the_goldens(self):
        for model in ("electra", "vocab_txt", "sharded", "bf16_head32", "gamma_beta", "types1"):
            cases = golden_pairs(model)
            run = self.ok("score", "--model", MODELS / model, stdin=jsonl(cases))
            for case, row in zip(cases, run.rows, strict=True):
                (wanted,) = case["logits"]
                self.assertLessEqual(abs(row["logit"] - wanted), 1e-4 * max(1, abs(wanted)), model)
                self.assertEqual(row["truncation"]["tokens_used"], len(case["ids"]))


class Invariance(CliTest):
    def test_batches_threads_and_order_change_no_byte(self):
        pairs = random_pairs(3000)  # several parts
        wanted = self.ok("score", "--model", WIDE, stdin=jsonl(pairs)).out
        self.assertEqual(wanted.count(b"\n"), 3000)
        for args in (
            ["--batch-tokens", "64"],
            ["--batch-tokens", "16384"],
            ["--threads", "1"],
            ["--threads", "2"],
        ):
            self.assertEqual(
                self.ok("score", "--model", WIDE, *args, stdin=jsonl(pairs)).out, wanted
            )
        order = list(range(3000))
        random.Random(2).shuffle(order)
        shuffled = self.ok("score", "--model", WIDE, stdin=jsonl(pairs[i] for i in order)).lines
        restored = [""] * 3000
        for place, line in enumerate(shuffled):
            restored[order[place]] = line.replace(
                f'{{"index":{place},', f'{{"index":{order[place]},'
            )
        self.assertEqual("\n".join(restored) + "\n", wanted.decode())


class Streaming(CliTest):
    def test_a_producer_that_waits_gets_its_answer(self):
        process = self.start("score", "--model", TINY, "--quiet")
        for index in range(3):
            process.stdin.write(jsonl([{"query": "tea", "document": f"number {index}"}]).encode())
            process.stdin.flush()
            self.assertTrue(select.select([process.stdout], [], [], 30)[0], "no answer in 30 s")
            self.assertEqual(json.loads(process.stdout.readline())["index"], index)
        process.stdin.close()
        self.assertEqual(process.wait(timeout=30), 0)

    def test_a_line_may_come_in_pieces(self):
        process = self.start("score", "--model", TINY, "--quiet")
        process.stdin.write(b'{"query":"a","docu')
        process.stdin.flush()
        self.assertEqual(select.select([process.stdout], [], [], 0.3)[0], [])
        process.stdin.write(b'ment":"b"}')  # and no line break at the end
        process.stdin.close()
        self.assertEqual(len(process.stdout.read().splitlines()), 1)
        self.assertEqual(process.wait(timeout=30), 0)

    def test_a_document_of_ten_megabytes(self):
        document = "tea " * (10 * 1024 * 1024 // 4)
        run = self.ok(
            "score",
            "--model",
            TINY,
            stdin=jsonl([{"query": "a", "document": document}, {"query": "a", "document": "tea"}]),
        )
        self.assertEqual(len(run.rows), 2)
        self.assertEqual(run.rows[0]["truncation"]["tokens_used"], 64)
        self.assertGreater(run.rows[0]["truncation"]["tokens_total"], 2_000_000)


class BadLines(CliTest):
    GOOD = '{"query":"a","document":"b"}\n'

    def bad(self, line, *says, good_before=2):
        """Good lines before it are answered, the bad one is named, what follows is not read."""
        path = self.write("pairs.jsonl", self.GOOD * good_before + line + "\n" + self.GOOD)
        run = self.fails(
            4, "score", "--model", TINY, path, says=[f"{path}:{good_before + 1}: ", *says]
        )
        self.assertEqual([row["index"] for row in run.rows], list(range(good_before)))

    def test_what_is_no_pair(self):
        self.bad('{"query":"a","document":"b"', "not valid JSON")
        self.bad('{"query":"a","document":5}', '"document" must be a string', "a number")
        self.bad('{"query":["a"],"document":"b"}', '"query" must be a string, not an array')
        self.bad('{"query":"a"}', '"document" is missing')
        self.bad('{"document":"a"}', '"query" is missing')
        self.bad('{"query":"a","document":{"title":"b"}}', "page_content")
        self.bad('["a","b"]', "object", "an array")
        self.bad("a\tb", "not valid JSON")
        self.bad("[" * 100000, "nested")
        self.bad('{"query":"a","document":"b","n":[' + "0," * 1000000 + "0]}", "values")
        self.bad('{"query":"a","document":"b","n":-1e999}', "too large for a double")

    def test_an_array_is_told_how_to_become_lines(self):
        self.fails(
            4,
            "score",
            "--model",
            TINY,
            stdin='[{"query": "a", "document": "b"}]\n',
            says=["standard input:1: ", "jq -c"],
        )

    def test_a_bad_line_far_behind(self):
        self.bad("{", "not valid JSON", good_before=2500)

    def test_neither_json_nor_tsv(self):
        self.fails(
            4, "score", "--model", TINY, stdin="\nhello\n", says=["standard input:2: ", "TAB"]
        )
        self.fails(
            4, "score", "--model", TINY, stdin="a\tb\nhello\n", says=["standard input:2: ", "TAB"]
        )

    def test_skip_bad_counts_and_keeps_the_index(self):
        run = self.ok(
            "score",
            "--model",
            TINY,
            "--skip-bad",
            stdin=self.GOOD + "{\n\n" + self.GOOD + '{"query":1}\n' + self.GOOD,
        )
        self.assertEqual([row["index"] for row in run.rows], [0, 2, 4])
        self.assertIn("skipped 2 lines, the first: standard input:2: ", run.err)

    def test_json_stays_json_when_a_line_is_bad(self):
        run = self.fails(
            4,
            "score",
            "--model",
            TINY,
            "--format",
            "json",
            stdin=self.GOOD + "{\n",
            says="standard input:2: ",
        )
        result = json.loads(run.out)
        self.assertEqual(len(result["results"]), 1)
        self.assertIn("standard input:2: ", result["error"])

    def test_a_line_above_the_bound(self):
        # Written by hand: the bound is 64 MB, and the line behind it must be read right.
        path = self.folder / "long.jsonl"
        with open(path, "wb") as file:
            file.write(self.GOOD.encode() + b'{"query":"a","document":"')
            for _ in range(65):
                file.write(b"x" * (1 << 20))
            file.write(b'"}\n' + self.GOOD.encode())
        run = self.fails(4, "score", "--model", TINY, path, says=[f"{path}:2: ", "bytes"])
        self.assertEqual(len(run.rows), 1)
        run = self.ok("score", "--model", TINY, path, "--skip-bad")
        self.assertEqual([row["index"] for row in run.rows], [0, 2])

    def test_a_pair_that_may_not_be_cut(self):
        lines = [self.GOOD] * 5 + [jsonl([{"query": "a", "document": "tea " * 90}])] + [self.GOOD]
        run = self.fails(
            4,
            "score",
            "--model",
            TINY,
            "--truncation",
            "error",
            stdin="".join(lines),
            says=["standard input:6: ", "64"],
        )
        self.assertEqual(len(run.rows), 5)
        self.assertNotIn("counting from 0", run.err)
        run = self.fails(
            4,
            "score",
            "--model",
            TINY,
            "--truncation",
            "error",
            "--format",
            "table",
            stdin="".join(lines),
            says="standard input:6: ",
        )
        self.assertEqual([line.split()[0] for line in run.lines], ["index", *"01234"])
        run = self.ok(
            "score", "--model", TINY, "--truncation", "error", "--skip-bad", stdin="".join(lines)
        )
        self.assertEqual([row["index"] for row in run.rows], [0, 1, 2, 3, 4, 6])
        cut = ("--truncation", "error", "--max-chars", "100")
        says = ["standard input:6: ", "360 characters", "--max-chars"]
        self.fails(4, "score", "--model", TINY, *cut, stdin="".join(lines), says=says)

    def test_nothing_scored_is_not_counted(self):
        run = self.fails(4, "score", "--model", TINY, stdin="{\n" + self.GOOD)
        self.assertEqual(len(run.err.splitlines()), 1)
        run = self.fails(4, "score", "--model", TINY, "--format", "table", stdin="{\n" + self.GOOD)
        self.assertEqual(run.out, b"")
        self.assertIn("scored 1 pair at", self.ok("score", "--model", TINY, stdin=self.GOOD).err)

    def test_a_query_that_leaves_no_room(self):
        lines = self.GOOD + jsonl([{"query": "tea " * 90, "document": "b"}]) + self.GOOD
        run = self.fails(
            4,
            "score",
            "--model",
            TINY,
            "--truncation",
            "document_only",
            stdin=lines,
            says="standard input:2: ",
        )
        self.assertEqual(len(run.rows), 1)

    def test_bytes_that_are_not_utf8(self):
        wanted = self.ok(
            "score",
            "--model",
            TINY,
            stdin=jsonl(
                [
                    {"query": "a\ufffd", "document": "\ufffd\ufffdb"},
                    {"query": "\ufffd", "document": "c"},
                ]
            ),
        ).out
        run = self.ok(
            "score",
            "--model",
            TINY,
            stdin=b'{"query":"a\xff","document":"\xe4\xb8\xc3b"}\n{"query":"\\uDC00","document":"c"}\n',
        )
        self.assertEqual(run.out, wanted)
        self.assertIn("2 lines of standard input", run.err)
        self.assertIn("the first is line 1", run.err)
        self.assertEqual(run.err.count("U+FFFD"), 1)
        self.assertEqual(len(self.ok("score", "--model", TINY, stdin=b"\xff\t\xfe\n").rows), 1)


if __name__ == "__main__":
    unittest.main()
