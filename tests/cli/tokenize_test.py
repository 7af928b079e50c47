"""crossrank tokenize: token ids as the golden cases have them, without weights."""

import shutil
import unittest

from harness import MODELS, TINY, CliTest, golden_pairs, jsonl


class Tokenize(CliTest):
    def test_pairs_of_the_goldens(self):
        for model in ("scores_identity", "cased", "added_tokens", "truncate_left", "vocab_txt"):
            cases = golden_pairs(model)
            run = self.ok("tokenize", "--model", MODELS / model, stdin=jsonl(cases))
            for case, row in zip(cases, run.rows, strict=True):
                self.assertEqual(list(row), ["ids", "type_ids", "tokens", "truncation"])
                self.assertEqual((row["ids"], row["type_ids"]), (case["ids"], case["type_ids"]))
                self.assertEqual(len(row["tokens"]), len(row["ids"]))

    def test_a_single_text_is_cut_only_when_asked(self):
        text = "tea " * 100
        (row,) = self.ok("tokenize", "--model", TINY, stdin=jsonl([{"text": text}])).rows
        self.assertGreater(len(row["ids"]), 200)
        self.assertEqual(set(row["type_ids"]), {0})
        (cut,) = self.ok(
            "tokenize", "--model", TINY, "--max-length", "8", stdin=jsonl([{"text": text}])
        ).rows
        self.assertEqual(len(cut["ids"]), 8)
        self.assertEqual(cut["truncation"]["tokens_total"], len(row["ids"]))

    def test_text_flag_lines_and_json_agree(self):
        wanted = self.ok("tokenize", "--model", TINY, stdin=jsonl([{"text": "naïve tea"}])).out
        self.assertEqual(self.ok("tokenize", "--model", TINY, "--text", "naïve tea").out, wanted)
        self.assertEqual(
            self.ok("tokenize", "--model", TINY, "--lines", stdin="naïve tea\n").out, wanted
        )

    def test_a_text_that_is_not_utf8_or_no_json(self):
        text = b"a\xff".decode("utf-8", errors="surrogateescape")
        run = self.ok("tokenize", "--model", TINY, "--text", text)
        self.assertIn("the text had bytes that are not UTF-8", run.err)
        self.fails(4, "tokenize", "--model", TINY, stdin="hello\n", says="--lines")

    def test_a_folder_without_weights(self):
        folder = self.folder / "model"
        shutil.copytree(TINY, folder)
        (folder / "model.safetensors").unlink()
        run = self.ok("tokenize", "--model", folder, "--text", "tea")
        self.assertEqual(run.out, self.ok("tokenize", "--model", TINY, "--text", "tea").out)

    def test_bad_lines(self):
        for line, word in (
            ('{"text": 5}', "number"),
            ("{", "not valid JSON"),
            ('{"text":"a","n":1e999}', "too large for a double"),
            ('{"title":"a"}', "text"),
            ('{"query":"a"}', "document"),
        ):
            run = self.fails(
                4,
                "tokenize",
                "--model",
                TINY,
                stdin='{"text":"a"}\n' + line + "\n",
                says=["standard input:2: ", word],
            )
            self.assertEqual(len(run.rows), 1)
        run = self.ok(
            "tokenize", "--model", TINY, "--skip-bad", stdin='{"text":"a"}\n{\n{"text":"b"}\n'
        )
        self.assertEqual(len(run.rows), 2)
        self.assertIn("skipped 1 line: standard input:2: ", run.err)


if __name__ == "__main__":
    unittest.main()
