"""BM25 over passages in memory, for measurements that need a first stage and have none."""

import collections
import re

import numpy as np
from scipy import sparse

K1, B = 0.9, 0.4


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


class Bm25:
    def __init__(self, texts: list[str]):
        self.columns: dict[str, int] = {}
        counts, columns, ends = [], [], [0]
        for text in texts:
            for word, count in collections.Counter(words(text)).items():
                columns.append(self.columns.setdefault(word, len(self.columns)))
                counts.append(count)
            ends.append(len(columns))
        shape = (len(texts), len(self.columns))
        weights = sparse.csr_matrix((np.array(counts, float), columns, ends), shape)
        holders = np.bincount(weights.indices, minlength=shape[1])  # passages with the word
        rarity = np.log(1 + (len(texts) - holders + 0.5) / (holders + 0.5))
        lengths = weights.sum(axis=1).A1
        norms = K1 * (1 - B + B * lengths / lengths.mean())
        rows = np.repeat(np.arange(len(texts)), np.diff(weights.indptr))
        weights.data *= rarity[weights.indices] / (weights.data + norms[rows])
        self.weights = weights

    def top(self, query: str, count: int) -> list[int]:
        """The places of the best texts that share a word with the query."""
        vector = np.zeros(len(self.columns))
        for word in words(query):
            if word in self.columns:
                vector[self.columns[word]] += 1
        scores = self.weights @ vector
        best = np.argsort(-scores, kind="stable")[:count]
        return [int(i) for i in best if scores[i] > 0]
