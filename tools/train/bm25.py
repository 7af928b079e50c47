"""BM25 over texts as one sparse matrix product; it has no stemmer and no phrases."""

import collections
import re

import numpy as np
import scipy.sparse

K1, B = 0.9, 0.4  # Anserini's, which retrieval papers compare with

STOP_WORDS = frozenset(
    "a an and are as at be been but by can could did do does for from had has have he her his how "
    "i if in into is it its may me my no not of on or our she should so such than that the their "
    "them then there these they this those to was we were what when where which while who whom "
    "whose why will with would you your".split()
)


def words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.lower()) if word not in STOP_WORDS]


class Bm25:
    """Immutable after construction."""

    def __init__(self, texts: list[str]):
        self.term_ids: dict[str, int] = {}
        rows, columns, values, lengths = [], [], [], []
        for row, text in enumerate(texts):
            found = collections.Counter(words(text))
            lengths.append(sum(found.values()))
            for word, count in found.items():
                rows.append(row)
                columns.append(self.term_ids.setdefault(word, len(self.term_ids)))
                values.append(count)
        rows, columns = np.array(rows), np.array(columns)
        counts = np.array(values, np.float32)
        relative = np.array(lengths, np.float32) / max(1.0, float(np.mean(lengths)))
        present = np.bincount(columns, minlength=len(self.term_ids))
        self.idf = np.log1p((len(texts) - present + 0.5) / (present + 0.5)).astype(np.float32)
        saturated = counts * (K1 + 1) / (counts + K1 * (1 - B + B * relative[rows]))
        shape = (len(texts), len(self.term_ids))
        weights = (saturated * self.idf[columns], (rows, columns))
        self.matrix = scipy.sparse.csr_matrix(weights, shape=shape, dtype=np.float32)

    def query_matrix(self, queries: list[str]) -> scipy.sparse.csr_matrix:
        """[Q, terms], each word of a query counted once."""
        rows, columns = [], []
        for row, query in enumerate(queries):
            known = {self.term_ids[word] for word in words(query) if word in self.term_ids}
            rows += [row] * len(known)
            columns += sorted(known)
        shape = (len(queries), len(self.term_ids))
        ones = np.ones(len(rows), np.float32)
        return scipy.sparse.csr_matrix((ones, (rows, columns)), shape=shape)

    def coverage(self, scores: np.ndarray, queries: scipy.sparse.csr_matrix) -> np.ndarray:
        """Scores [Q, N] as a share of what a text with every query word would get, about 0 to 1."""
        return scores / self.highest(queries)[:, None]

    def shares(self, queries: list[str]) -> scipy.sparse.csr_matrix:
        """[Q, terms] whose product with rows of `matrix` is coverage."""
        asked = self.query_matrix(queries)
        return scipy.sparse.csr_matrix(asked.multiply(1 / self.highest(asked)[:, None]))

    def highest(self, queries: scipy.sparse.csr_matrix) -> np.ndarray:
        return np.maximum(queries @ self.idf * (K1 + 1), 1e-6)
