"""What the tests of foreign clients share: a server with a key, and the right answers. Standard
library only; tests nothing.
"""

import json
import unittest

import server as serving
from server import SOURCE, Server

MODEL = "builtin"
KEY = "sk-clients-0123456789"
GOLDENS = [
    json.loads(line)
    for line in (SOURCE / "tests/golden/cases/rank.jsonl").read_text("utf-8").split("\n")
    if line
]
TOP = 3


class ServedTestCase(unittest.TestCase):
    """Clients must give the order of sentence-transformers and the scores of the library."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--api-key-env", "CLIENTS_KEY", model=MODEL, env={"CLIENTS_KEY": KEY})
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        golden = GOLDENS[0]
        cls.query, cls.documents, cls.order = golden["query"], golden["documents"], golden["order"]
        cls.rows = serving.score([(cls.query, text) for text in cls.documents], model=MODEL)

    def check(self, ranked, top=None, name="probability"):
        """`ranked`: (index, score) as a client gives them."""
        wanted = [(i, self.rows[i][name]) for i in self.order[:top]]
        self.assertEqual([(index, score) for index, score in ranked], wanted)

    def index_of(self, text, seen):
        """Texts may come twice: the first result is the first of them."""
        index = next(i for i, t in enumerate(self.documents) if t == text and i not in seen)
        seen.append(index)
        return index

    def by_text(self, pairs):
        seen = []
        return [(self.index_of(text, seen), score) for text, score in pairs]
