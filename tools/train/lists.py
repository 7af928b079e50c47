"""What a training step sees, a function of seed and step alone; a resumed run needs no more."""

import dataclasses
import hashlib
import pathlib

import numpy as np
import scipy.sparse
from prepare import LEXICAL, NEAR, SURE
from teacher import PASSAGE_TOKENS

LISTS, PASSAGES = 8, 8  # a step's queries, and passages of each: one positive, seven others
FROM_SURE, FROM_NEAR = 1, 3  # of the seven; the rest from BM25's top

# What a list shows of its candidates, and how often: windows as a web index holds them; as much of
# their texts as fits, like abstracts; or that beside another candidate's text, like documents. The
# teachers saw windows, and a document is worth its best one.
SHOWN = {"window": 0.5, "text": 0.35, "two texts": 0.15}
TOKENS = {"text": PASSAGE_TOKENS, "two texts": 420}  # at most; a unit fits the first

# How often an epoch draws a query: questions of real searchers and on abstracts more.
SOURCE_DRAWS = {"nq_gold": 4.0, "pubmedqa": 3.0, "covid_faq": 3.0, "squad_dev": 0.4,
                "squadshifts_new_wiki": 0.5, "squad_train_part": 0.7, "squad_nqg_test": 0.6,
                "fairytaleqa": 0.6, "docs_apache_httpd": 0.6, "docs_django": 0.6,
                "docs_python": 0.6, "docs_sqlite": 0.6}  # fmt: skip

# The target: label_share on the positive, the rest as softmax(cosine / TEMPERATURE + COVERAGE x
# BM25's coverage), cosine being the teachers' weighted mean for the best window. A claim's own
# passage is a weaker label than an annotated one, a keyword's none.
LABEL_SHARE = {"question": 0.4, "claim": 0.2, "keywords": 0.0}
TEACHERS = (0.25, 0.75)  # all-MiniLM-L6-v2, all-mpnet-base-v2
TEMPERATURE = 0.05
# By `heldout.py --teachers`, nDCG@10: the small teacher 0.713, the large one 0.760, BM25 0.634; so
# mixed 0.757 alone, 0.805 at 4 and 0.817 at 8. Not 8: it is better on papers alone (0.74 to 0.81),
# whose rare words BM25 knows, and worse on questions of people (forums 0.79 to 0.77).
COVERAGE = 4.0


@dataclasses.dataclass
class Step:
    pairs: list  # LISTS x PASSAGES of (query tokens, passage tokens), list after list
    target: np.ndarray  # [LISTS, PASSAGES], rows sum to one; what is absent has 0
    present: np.ndarray  # [LISTS, PASSAGES]
    is_label: np.ndarray  # [LISTS]: the first is an annotated answer, the others are not


class Lists:
    """The prepared arrays. Immutable after construction."""

    def __init__(self, folder: pathlib.Path, seed: int):
        self.seed = seed
        sha = hashlib.sha256(
            repr(
                (LABEL_SHARE, TEACHERS, TEMPERATURE, COVERAGE, SOURCE_DRAWS, SHOWN, TOKENS)
            ).encode()
        )

        def read(name: str) -> np.ndarray:
            array = np.load(folder / f"{name}.npy")
            sha.update(array.tobytes())
            return array

        def read_sparse(name: str) -> scipy.sparse.csr_matrix:
            matrix = scipy.sparse.load_npz(folder / f"{name}.npz")
            for array in (matrix.indptr, matrix.indices, matrix.data):
                sha.update(array.tobytes())
            return matrix

        for name in ("candidates", "kind", "source", "block"):
            setattr(self, name, read(name))
        for name in ("query", "unit"):
            tokens, ends = read(f"{name}_tokens"), read(f"{name}_ends")
            setattr(self, f"{name}_tokens", np.split(tokens, ends[1:-1]))
            vectors = [read(f"{name}_vectors_{number}") for number in range(len(TEACHERS))]
            setattr(self, f"{name}_vectors", vectors)
            setattr(self, f"{name}_terms", read_sparse(f"{name}_terms"))
        self.digest = sha.hexdigest()  # of all that a step depends on, beside the seed

    def epoch(self, number: int) -> np.ndarray:
        """Query numbers in the order of that epoch; a draw of 0.6 is there in 6 epochs of 10."""
        chance = np.random.default_rng([self.seed, 0, number])
        draws = np.array([SOURCE_DRAWS.get(source, 1.0) for source in self.source])
        draws[self.kind != "question"] = 1.0
        times = np.floor(draws + chance.random(len(draws))).astype(int)
        return chance.permutation(np.repeat(np.arange(len(draws)), times))

    def queries_of(self, step: int) -> list[int]:
        """Epochs differ in length by chance; the last of each that fills no step is left out."""
        number = 0
        order = self.epoch(number)
        while step >= len(order) // LISTS:
            step -= len(order) // LISTS
            number += 1
            order = self.epoch(number)
        return order[step * LISTS : (step + 1) * LISTS].tolist()

    def step(self, step: int) -> Step:
        chance = np.random.default_rng([self.seed, 1, step])
        pairs, targets, present, is_label = [], [], [], []
        for query in self.queries_of(step):
            documents = self.documents(query, chance)
            missing = PASSAGES - len(documents)
            seen = [np.concatenate([self.unit_tokens[unit] for unit in one]) for one in documents]
            pairs += [(self.query_tokens[query], one) for one in [*seen, *[[]] * missing]]
            targets.append(np.pad(self.target(query, documents), (0, missing)))
            present.append(np.arange(PASSAGES) < len(documents))
            is_label.append(self.kind[query] == "question")
        return Step(pairs, np.array(targets, np.float32), np.array(present), np.array(is_label))

    def documents(self, query: int, chance) -> list[list[int]]:
        """The units of each, the positive first."""
        row = self.candidates[query]
        columns = self.columns(query, chance)
        shown = str(chance.choice(list(SHOWN), p=list(SHOWN.values())))
        if shown == "window":
            return [[unit] for unit in row[columns]]
        made = [self.around(unit, TOKENS[shown]) for unit in row[columns]]
        if shown == "two texts":
            seen = set(self.block[row[columns]])
            others = [u for u in row[1 + SURE :] if u >= 0 and self.block[u] not in seen]
            for place, other in enumerate(chance.permutation(others)[: len(made)]):
                left = TOKENS[shown] - self.length(made[place])
                parts = [made[place], self.around(other, left)]
                made[place] = sum(parts if chance.random() < 0.5 else parts[::-1], [])
        return made

    def columns(self, query: int, chance) -> list[int]:
        """Places in the query's candidates: the positive, then negatives of all kinds.

        Never two of one block: they may be shown as the same text.
        """
        row = self.candidates[query]
        there = np.flatnonzero(row >= 0)
        chosen, blocks = [0], {self.block[row[0]]}

        def take(places: np.ndarray, limit: int) -> None:
            for place in chance.permutation(places):
                if len(chosen) < limit and self.block[row[place]] not in blocks:
                    chosen.append(place)
                    blocks.add(self.block[row[place]])

        assert len(row) == 1 + SURE + NEAR + LEXICAL
        take(there[(there > 0) & (there <= SURE)], 1 + FROM_SURE)
        take(there[(there > SURE) & (there <= SURE + NEAR)], len(chosen) + FROM_NEAR)
        take(there[there > SURE + NEAR], PASSAGES)
        return chosen

    def around(self, unit: int, tokens: int) -> list[int]:
        """The unit with its neighbours in the block, as long as they fit; [] if it does not."""
        if len(self.unit_tokens[unit]) > tokens:
            return []
        made, block = [unit], self.block[unit]
        for step in (1, -1):
            near = unit + step
            while 0 <= near < len(self.block) and self.block[near] == block:
                if self.length(made) + len(self.unit_tokens[near]) > tokens:
                    break
                made.append(near)
                near += step
        return sorted(made)

    def length(self, units: list[int]) -> int:
        return sum(len(self.unit_tokens[unit]) for unit in units)

    def target(self, query: int, documents: list[list[int]]) -> np.ndarray:
        scores = self.scores(query, documents)
        taught = np.exp(scores - scores.max())
        share = LABEL_SHARE[str(self.kind[query])]
        target = (1 - share) * taught / taught.sum()
        target[0] += share
        return target

    def scores(self, query: int, documents: list[list[int]]) -> np.ndarray:
        """Of each: the teachers' cosine of its best unit, and BM25's coverage by all of them."""
        units = np.concatenate(documents)
        starts = np.cumsum([0] + [len(one) for one in documents])[:-1]
        cosine = sum(
            share * (of_units[units].astype(np.float32) @ of_queries[query].astype(np.float32))
            for share, of_units, of_queries in zip(TEACHERS, self.unit_vectors, self.query_vectors)
        )
        asked = self.query_terms[query]
        terms = np.maximum.reduceat(self.unit_terms[units][:, asked.indices].toarray(), starts)
        coverage = terms @ asked.data
        return np.maximum.reduceat(cosine, starts) / TEMPERATURE + COVERAGE * coverage
