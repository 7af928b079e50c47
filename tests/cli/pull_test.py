"""crossrank pull against a hub on the loopback, and models that are fetched on first use."""

import pathlib
import re
import signal
import time
import unittest

from harness import CliTest, jsonl, run_on_terminal, with_hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"  # of every repository of the fake hub


class Hub(CliTest):
    def setUp(self):
        super().setUp()
        with_hub(self)

    def incomplete(self):
        return list((self.folder / "hub").rglob("*incomplete*"))


class Pull(Hub):
    def test_prints_the_folder(self):
        run = self.ok("pull", "test/plain")
        (path,) = run.lines
        self.assertEqual(pathlib.Path(path).name, COMMIT)
        self.assertTrue((pathlib.Path(path) / "model.safetensors").is_file())
        self.assertFalse((pathlib.Path(path) / "onnx").exists())
        self.assertEqual(self.incomplete(), [])
        self.assertEqual(self.ok("pull", "test/plain").out, run.out)
        self.assertEqual(self.ok("pull", f"test/plain@{COMMIT}").out, run.out)
        self.env["HF_HUB_OFFLINE"] = "1"
        self.assertEqual(self.ok("pull", "test/plain").out, run.out)
        del self.env["HF_HUB_OFFLINE"]
        self.assertIn("test/plain", [row["id"] for row in self.ok("models").rows])

    def test_failures(self):
        self.fails(3, "pull", "test/does-not-exist", says="test/does-not-exist")
        self.fails(3, "pull", "test/private", says="HF_TOKEN")
        self.fails(3, "pull", "test/wrong-digest", says="model.safetensors")
        self.fails(2, "pull", "no such/id/../x", says="no such/id")

    def test_ctrl_c_keeps_what_came(self):
        process = self.start("pull", "test/stalls")
        deadline = time.monotonic() + 30

        def arrived(path):  # of the weights; a small file may be whole and renamed any moment
            try:
                return path.stat().st_size > 10_000
            except FileNotFoundError:
                return False

        while not any(map(arrived, self.incomplete())):
            self.assertLess(time.monotonic(), deadline, "no byte came")
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=30), 130)
        self.assertTrue(self.incomplete())
        self.assertEqual(list((self.folder / "hub").rglob("model.safetensors")), [])

    def test_progress_bar(self):
        code, shown = run_on_terminal(["pull", "test/slow"], self.env, columns=100)
        self.assertEqual(code, 0, shown)
        self.assertRegex(shown.decode(), r"\rpull  \[[#-]+\] +\d+%  [\d.]+ k?M?B  [\d.]+ k?M?B/s")
        last = re.sub(r"\r[^\n\r]*\x1b\[K", "", shown.decode()).strip()
        self.assertTrue(last.endswith(COMMIT), last)


class FetchOnFirstUse(Hub):
    def test_a_model_that_was_named_is_fetched(self):
        pair = jsonl([{"query": "a", "document": "b"}])
        run = self.fails(
            3, "score", "--model", "test/plain", stdin=pair, says="fetching test/plain"
        )
        self.assertTrue(list((self.folder / "hub").rglob("model.safetensors")))
        # The fake hub's model is none; that is said of the folder that was fetched.
        self.assertIn("models--test--plain", run.err)
        self.assertNotIn("fetching", self.run_cli("score", "--model", "test/plain", stdin=pair).err)

    def test_one_that_is_not_there_names_the_way_out(self):
        self.fails(3, "score", "--model", "test/does-not-exist", says=["crossrank pull", "builtin"])

    def test_a_name_that_is_here_but_no_model_is_not_asked_of_the_hub(self):
        self.env["CROSSRANK_BUILTIN"] = str(self.folder)
        path = self.write("mymodel", "x")
        for model in ("builtin", path, "./none", ""):
            run = self.run_cli("score", "--model", model, stdin="a\tb\n")
            self.assertIn(run.code, (2, 3), model)
            self.assertNotIn("fetching", run.err)
        self.assertFalse((self.folder / "hub").exists())

    def test_a_revision_behind_the_name(self):
        pair = jsonl([{"query": "a", "document": "b"}])
        run = self.run_cli("score", "--model", f"test/plain@{COMMIT}", stdin=pair)
        self.assertIn(f"fetching test/plain@{COMMIT}", run.err)
        self.assertTrue(list((self.folder / "hub").rglob("model.safetensors")))
        self.fails(3, "score", "--model", "test/plain@none", stdin=pair, says="no revision")
        self.fails(2, "score", "--model", "test/plain@", stdin=pair, says="revision")

    def test_the_default_never_downloads(self):
        self.ok("score", stdin="a\tb\n")
        self.assertFalse((self.folder / "hub").exists())

    def test_tokenize_fetches_no_weights(self):
        self.run_cli("tokenize", "--model", "test/plain", "--text", "a")
        self.assertTrue(list((self.folder / "hub").rglob("tokenizer.json")))
        self.assertEqual(list((self.folder / "hub").rglob("model.safetensors")), [])


if __name__ == "__main__":
    unittest.main()
