"""Runs every *.json of this folder through the command. README.md says what they hold."""

import hashlib
import json
import pathlib
import unittest

from harness import SOURCE, CliTest, with_hub

HERE = pathlib.Path(__file__).resolve().parent
KEYS = {"what", "files", "hub", "args", "stdin", "exit", "stdout", "says", "lacks", "sha256"}


class Regress(CliTest):
    def run_case(self, case):
        self.assertLessEqual(case.keys(), KEYS, "a key that means nothing here")
        self.assertTrue(case["what"])
        self.assertTrue({"stdout", "says", "lacks", "sha256"} & case.keys(), "nothing is expected")

        def filled(text):
            return text.replace("{folder}", str(self.folder)).replace("{source}", str(SOURCE))

        for path, text in case.get("files", {}).items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            self.write(path, text)
        if case.get("hub"):
            with_hub(self)
        run = self.run_cli(*map(filled, case["args"]), stdin=case.get("stdin", ""))
        self.assertEqual(run.code, case["exit"], run.err)
        if "stdout" in case:
            self.assertEqual(run.out.decode(), filled(case["stdout"]))
        for words in case.get("says", []):
            self.assertIn(words, run.err)
        for words in case.get("lacks", []):
            self.assertNotIn(words, run.err)
        for path, digest in case.get("sha256", {}).items():
            data = (self.folder / path).read_bytes()
            self.assertEqual(hashlib.sha256(data).hexdigest(), digest, path)


def add_test(path):
    def test(self):
        self.run_case(json.loads(path.read_text("utf-8")))

    setattr(Regress, "test_" + path.stem, test)


for file in sorted(HERE.glob("*.json")):
    add_test(file)


class Cases(unittest.TestCase):
    def test_they_are_there(self):
        self.assertTrue(any(name.startswith("test_") for name in vars(Regress)))


if __name__ == "__main__":
    unittest.main()
