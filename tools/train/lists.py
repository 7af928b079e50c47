"""What a training step sees, a function of seed and step alone; a resumed run needs no more."""

import dataclasses
import hashlib
import pathlib

import numpy as np
from prepare import LEXICAL, NEAR, SURE

LISTS, PASSAGES = 8, 8  # a step's queries, and passages of each: one positive, seven others
FROM_SURE, FROM_NEAR = 1, 3  # of the seven; the rest from BM25's top

# How often an epoch draws a query: questions of real searchers and on abstracts more.
SOURCE_DRAWS = {"nq_gold": 4.0, "pubmedqa": 3.0, "covid_faq": 3.0, "squad_dev": 0.4,
                "squadshifts_new_wiki": 0.5, "squad_train_part": 0.7, "squad_nqg_test": 0.6,
                "fairytaleqa": 0.6, "docs_apache_httpd": 0.6, "docs_django": 0.6,
                "docs_python": 0.6, "docs_sqlite": 0.6}  # fmt: skip

# The target: label_share on the positive, the rest as softmax(cosine / TEMPERATURE + COVERAGE x
# BM25's coverage), cosine being the teachers' weighted mean. A claim's own passage is a weaker
# label than an annotated one, a keyword's none.
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
            repr((LABEL_SHARE, TEACHERS, TEMPERATURE, COVERAGE, SOURCE_DRAWS)).encode()
        )

        def read(name: str) -> np.ndarray:
            array = np.load(folder / f"{name}.npy")
            sha.update(array.tobytes())
            return array

        for name in ("candidates", "cosine", "coverage", "kind", "source"):
            setattr(self, name, read(name))
        for name in ("query", "unit"):
            tokens, ends = read(f"{name}_tokens"), read(f"{name}_ends")
            setattr(self, f"{name}_tokens", np.split(tokens, ends[1:-1]))
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
            columns = self.columns(query, chance)
            units = self.candidates[query][columns]
            pairs += [(self.query_tokens[query], self.unit_tokens[unit]) for unit in units]
            missing = PASSAGES - len(columns)
            pairs += [(self.query_tokens[query], [])] * missing
            targets.append(np.pad(self.target(query, columns), (0, missing)))
            present.append(np.arange(PASSAGES) < len(columns))
            is_label.append(self.kind[query] == "question")
        return Step(pairs, np.array(targets, np.float32), np.array(present), np.array(is_label))

    def columns(self, query: int, chance) -> np.ndarray:
        """Places in the query's candidates: the positive, then negatives of all kinds."""
        there = np.flatnonzero(self.candidates[query] >= 0)
        sure = there[(there > 0) & (there <= SURE)]
        near = there[(there > SURE) & (there <= SURE + NEAR)]
        lexical = there[there > SURE + NEAR]
        assert len(lexical) <= LEXICAL
        sure = chance.permutation(sure)[:FROM_SURE]
        near = chance.permutation(near)[:FROM_NEAR]
        rest = PASSAGES - 1 - len(sure) - len(near)
        return np.concatenate([[0], sure, near, chance.permutation(lexical)[:rest]])

    def target(self, query: int, columns: np.ndarray) -> np.ndarray:
        cosine = np.array(TEACHERS) @ self.cosine[:, query, columns]
        scores = cosine / TEMPERATURE + COVERAGE * self.coverage[query][columns]
        taught = np.exp(scores - scores.max())
        share = LABEL_SHARE[str(self.kind[query])]
        target = (1 - share) * taught / taught.sum()
        target[0] += share
        return target
