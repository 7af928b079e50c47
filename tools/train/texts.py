"""Reads the training set, holds groups back, cuts passages and makes queries; knows no model.

A *unit* is what the teachers see: a window of whole sentences of a passage, or of a passage without
the sentence that became a claim. A *block* is the units of one such text in their order, so that a
model may see a window, all of the text or several texts as one document.
"""

import collections
import dataclasses
import json
import pathlib
import re
import zlib

import numpy as np
from bm25 import STOP_WORDS, words

# Sources nobody trains on: scientific papers, a manual, web forums, questions of Google's users.
HELD_OUT_SOURCES = ("covidqa", "docs_postgresql", "stackexchange_small", "nq_qed_dev")
HELD_OUT_SHARE = 25  # of the others every 25th group, by a hash of its name

# The most questions that a source may add, with the passages that answer them: what two cores embed
# in half an hour. Templated and rebuilt ones, stories and headings have less to teach.
CAPS = {
    "docs_apache_httpd": 400,
    "docs_debian_handbook": 250,
    "docs_django": 400,
    "docs_python": 500,
    "docs_sqlite": 400,
    "fairytaleqa": 700,
    "medquad": 1500,
    "squad_dev": 3000,
    "squad_nqg_test": 1500,
    "squad_train_part": 1500,
    "squadshifts_new_wiki": 2000,
}

WINDOW_WORDS = 75  # a passage of a web index has about 60
CLAIMS, KEYWORDS = 5000, 2500  # queries made from passages; about a third of all

UNDECIDED = re.compile(
    r"(it|they|this|that|these|those|he|she|we|his|her|their|its|however|but|and|or|also|thus|then|"
    r"there|such|for example|in addition|as a result)\b",
    re.IGNORECASE,
)


@dataclasses.dataclass
class Query:
    kind: str  # question, claim or keywords
    source: str
    text: str
    positives: list[int]  # units
    sure: list[int]  # negatives that somebody saw not to hold the answer
    barred: list[int]  # units that are never a negative


@dataclasses.dataclass
class TrainingSet:
    units: list[str]
    unit_passage: list[int]
    mined: int  # units before this one are candidates for any query; later ones are one claim's
    queries: list[Query]

    def add(self, passage: int, parts: list[str]) -> range:
        """The units that a text's windows become."""
        first = len(self.units)
        self.units += parts
        self.unit_passage += [passage] * len(parts)
        return range(first, len(self.units))

    def blocks(self) -> np.ndarray:
        """[units]: the number of each one's block. They are neighbours there."""
        new = np.diff(self.unit_passage, prepend=self.unit_passage[:1]) != 0
        new[self.mined : self.mined + 1] = True
        return np.cumsum(new)


def read_rows(folder: pathlib.Path, name: str) -> list[dict]:
    with (folder / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_passages(folder: pathlib.Path) -> dict[int, str]:
    return {row["id"]: row["text"] for row in read_rows(folder, "passages.jsonl")}


def fixed_hash(text: str) -> int:
    return zlib.crc32(text.encode())


def is_held_out(row: dict) -> bool:
    return row["source"] in HELD_OUT_SOURCES or fixed_hash(row["group"]) % HELD_OUT_SHARE == 0


def held_out_rows(rows: list[dict]) -> tuple[list[dict], list[dict]]:
    """(held out, trained on). A title or a passage of the first is in no row of the second.

    A row's negatives are held back with its group where they are other passages of it; a passage
    that any held-out row names is out.
    """
    out = [row for row in rows if is_held_out(row)]
    titles = {row["group"] for row in out} | {row["title"] for row in out if "title" in row}
    passages = {row["positive"] for row in out}
    passages |= {i for row in out if "mined" not in row for i in row["negatives"]}
    kept = [
        row
        for row in rows
        if not is_held_out(row)
        and row["positive"] not in passages
        and row["group"] not in titles
        and row.get("title") not in titles
    ]
    return out, kept


def normal(query: str) -> str:
    return " ".join(re.findall(r"\w+", query.lower()))


def sentences(text: str) -> list[str]:
    return [s for s in re.split(r"(?<=[.!?])\s+", text) if s]


def windows(text: str) -> list[str]:
    """Whole sentences, about WINDOW_WORDS words each, the last one no crumb."""
    parts, count = [[]], 0
    for sentence in sentences(text):
        size = len(sentence.split())
        if parts[-1] and count + size > WINDOW_WORDS:
            parts.append([])
            count = 0
        parts[-1].append(sentence)
        count += size
    if len(parts) > 1 and count < WINDOW_WORDS // 3:
        crumb = parts.pop()
        parts[-1] += crumb
    return [" ".join(part) for part in parts]


def build(folder: pathlib.Path, seed: int) -> TrainingSet:
    chance = np.random.default_rng(seed)
    passages = read_passages(folder)
    out, rows = held_out_rows(read_rows(folder, "questions.jsonl"))
    named = {row["positive"] for row in out} | {i for row in out for i in row["negatives"]}
    asked = chosen_questions([row for row in rows if row["positive"] not in named], chance)
    source_of = {row["positive"]: row["source"] for same in asked for row in same}
    made = TrainingSet([], [], 0, [])
    units_of = {i: made.add(i, windows(passages[i])) for i in sorted(source_of)}
    made.mined = len(made.units)
    add_questions(made, asked, units_of, chance)
    add_claims(made, passages, source_of, units_of, chance)
    add_keywords(made, source_of, chance)
    return made


def chosen_questions(rows: list[dict], chance) -> list[list[dict]]:
    """For each question that is kept its rows: one a passage that answers it."""
    same = collections.defaultdict(list)
    for row in rows:
        same[normal(row["query"])].append(row)
    by_source = collections.defaultdict(list)
    for question in same.values():
        by_source[question[0]["source"]].append(question)
    kept = []
    for source, questions in sorted(by_source.items()):
        order = chance.permutation(len(questions))
        kept += [questions[place] for place in sorted(order[: CAPS.get(source)])]
    return kept


def add_questions(made: TrainingSet, asked, units_of, chance) -> None:
    for rows in asked:
        text = shortened(rows[0]["query"], chance)
        answers = sorted(unit for row in rows for unit in units_of[row["positive"]])
        seen = {i for row in rows if "mined" not in row for i in row["negatives"]}
        sure = {unit for passage in seen for unit in units_of.get(passage, ())}
        sure = sorted(sure.difference(answers))
        made.queries.append(
            Query("question", rows[0]["source"], text, answers, sure, barred=answers)
        )


def shortened(question: str, chance) -> str:
    """Some as keywords, some without the question mark: people type less than they ask."""
    draw = chance.random()
    if draw < 0.15:
        found = re.findall(r"[\w'-]+", question.lower())
        keywords = [word for word in found if word not in STOP_WORDS]
        if len(keywords) >= 3:
            return " ".join(keywords)
    return question.rstrip(" ?") if draw < 0.4 else question


def add_claims(made: TrainingSet, passages, source_of, units_of, chance) -> None:
    """A sentence as a query for the rest of its passage; in three of ten cases it stays in it."""
    count = 0
    for passage in chance.permutation(sorted(units_of)):
        parts = sentences(passages[passage])
        fit = [
            place
            for place, part in enumerate(parts)
            if 8 <= len(part.split()) <= 35 and part.endswith(".") and not UNDECIDED.match(part)
        ]
        if len(parts) < 4 or not fit:
            continue
        place = fit[chance.integers(len(fit))]
        whole = seen = units_of[passage]
        if chance.random() < 0.7:
            rest = " ".join(parts[:place] + parts[place + 1 :])
            seen = made.add(int(passage), windows(rest))
        claim = parts[place].rstrip(".")
        barred = sorted({*whole, *seen})
        made.queries.append(Query("claim", source_of[passage], claim, list(seen), [], barred))
        count += 1
        if count == CLAIMS:
            break


def add_keywords(made: TrainingSet, source_of, chance) -> None:
    """Two to four of a unit's rarest words, in its order; the label is weak."""
    mined = made.units[: made.mined]
    counts = collections.Counter(word for text in mined for word in set(words(text)))
    for unit in chance.permutation(made.mined)[:KEYWORDS]:
        text = made.units[unit]
        known = [word for word in dict.fromkeys(words(text)) if counts[word] > 2 and len(word) > 2]
        rare = set(sorted(known, key=lambda word: counts[word])[:8])
        size = int(chance.integers(2, 5))
        if len(rare) < size:
            continue
        drawn = set(chance.permutation(sorted(rare))[:size].tolist())
        query = " ".join(word for word in known if word in drawn)
        source = source_of[made.unit_passage[unit]]
        made.queries.append(Query("keywords", source, query, [int(unit)], [], [int(unit)]))
