"""The demo is real: every query finds its answer, and another corpus gives another table."""

import shutil
import subprocess
import unittest

from harness import BINARY, SOURCE, CliTest

ANSWERS = {
    "how do I stop the brakes of my bicycle from squealing": "bike-1",
    "is the money on my account lost when a bank goes bankrupt": "bank-1",
    "who walked on the moon first": "moon-1",
    "should I see a doctor with a temperature of 39": "fever-1",
    "what can I do against snails in the vegetable patch": "slug-1",
    "why does the sea rise and fall twice a day": "tide-1",
    "how do I undo my last commit in git": "git-1",
    "how many days can I stay in Japan without a visa": "visa-1",
}


class Demo(CliTest):
    def test_answers_come_first_and_follow_the_corpus(self):
        examples = self.folder / "examples"
        shutil.copytree(SOURCE / "examples", examples)
        self.assertEqual(self.demo(examples), ANSWERS)
        corpus = (examples / "corpus.jsonl").read_text("utf-8")
        changed = corpus.replace(
            "Neil Armstrong stepped onto the lunar surface on 20 July 1969, while",
            "A cake needs flour, butter and eggs. It was baked and",
        )
        self.assertNotEqual(changed, corpus)
        (examples / "corpus.jsonl").write_text(changed, "utf-8")
        (examples / "queries.tsv").write_text("q3\twho walked on the moon first\n")
        self.assertEqual(self.demo(examples), {"who walked on the moon first": "moon-2"})

    def test_pairs_are_pairs(self):
        rows = self.ok("score", "--model", "builtin", SOURCE / "examples/pairs.jsonl").rows
        self.assertEqual(len(rows), 3)
        self.assertGreater(rows[0]["logit"], rows[1]["logit"])

    def demo(self, examples):
        """Query -> id of the first result, as the printed tables say."""
        text = subprocess.run(
            [examples / "demo.sh", BINARY], capture_output=True, env=self.env, check=True, text=True
        ).stdout
        first = {}
        for block in text.strip().split("\n\n"):
            lines = block.splitlines()
            first[lines[0].removeprefix("query: ")] = lines[2].split()[4]
        return first


if __name__ == "__main__":
    unittest.main()
