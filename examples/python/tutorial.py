"""The Python package from loading a model to measuring a ranking: a notebook as a script.

    python examples/python/tutorial.py

An editor that knows `# %%` runs it cell by cell. It uses the builtin model and the passages beside
it, and needs no network; the cell on LLM judges is skipped unless CROSSRANK_JUDGE_URL is set.
"""

# %% Load
# "builtin" is in the package. A folder or a hub id, "cross-encoder/ms-marco-MiniLM-L-6-v2", works
# as well; precision="int8" is faster and moves the scores a little.
import json
import os
import pathlib
import re

import numpy as np

import crossrank

EXAMPLES = pathlib.Path(__file__).resolve().parents[1]


def table(title, *rows):
    """Prints rows of equal length under their title, as wide as they need."""
    widths = [max(len(str(value)) for value in column) for column in zip(*rows)]
    print(f"== {title}")
    for row in rows:
        cells = (
            str(value).ljust(width) if isinstance(value, str) else str(value).rjust(width)
            for value, width in zip(row, widths)
        )
        print("  ".join(cells).rstrip())


def short(text, length=56):
    return text if len(text) <= length else text[: length - 1] + "…"


model = crossrank.CrossEncoder("builtin")
print("== Load")
print(f"model {model.info.name}, {model.num_labels} label, {model.max_seq_length} tokens a pair")

# %% Score pairs
# predict gives what sentence-transformers gives: a numpy array of the model's scores. score gives
# three numbers a pair. The logit is the raw output, and what ranks; the probability is its sigmoid;
# the score is the model's own activation of the logit, for this model the logit itself.
pairs = [
    ("how long should green tea steep", "Steep green tea for two minutes in water of 75 degrees."),
    ("how long should green tea steep", "The kettle was invented long before the teapot."),
]
assert model.predict(pairs).dtype == np.float32
table(
    "Score pairs",
    ("logit", "probability", "score", "document"),
    *(
        (f"{one.logit:7.3f}", f"{one.probability:.4f}", f"{one.score:7.3f}", document)
        for one, (_, document) in zip(model.score(pairs), pairs)
    ),
)

# %% Rank
# One query, many texts. Equal scores keep the order of the input.
corpus = [
    crossrank.Document(row["page_content"], row["metadata"], row["id"])
    for row in map(json.loads, (EXAMPLES / "corpus.jsonl").read_text("utf-8").splitlines())
]
query = "who walked on the moon first"
texts = [document.page_content for document in corpus]
found = model.rank(query, texts, top_k=4)
table(
    "Rank",
    ("rank", "logit", "probability", "text"),
    *(
        (
            rank,
            f"{entry['score']:6.2f}",
            f"{1 / (1 + np.exp(-entry['score'])):.4f}",
            short(texts[entry["corpus_id"]]),
        )
        for rank, entry in enumerate(found, 1)
    ),
)

# %% Rank documents with metadata
# CrossEncoderReRanker takes documents and gives the very objects back. metadata_fields puts the
# named fields in front of the text; scored_text shows what the model is given. That moves the
# scores, up or down: measure whether it helps.
reranker = crossrank.CrossEncoderReRanker(model, top_k=3, metadata_fields=["title", "year"])
ranking = reranker.rank(query, corpus)
table(
    "Rank documents with metadata",
    ("id", "logit", "text"),
    *((one.id, f"{one.logit:6.2f}", short(one.page_content)) for one in ranking.results),
)
print("scored text, with title and year in front:")
print(short(repr(reranker.scored_text(ranking[0][0])), 76))

# %% Leave out what does not answer
# A ranking always has a first place, even where nothing answers. A threshold leaves the list empty
# then. Which one fits depends on model and texts: measure it. Thresholds are inclusive.
careful = crossrank.CrossEncoderReRanker(model, top_k=0, min_probability=0.5)
questions = [query, "how much does a ticket to Mars cost"]
table(
    "Leave out what does not answer",
    ("kept", "query"),
    *((f"{len(careful.rank(q, corpus))} of {len(corpus)}", q) for q in questions),
)

# %% What was cut
# A model reads so many tokens, and CrossEncoderReRanker the first 400 characters unless max_chars
# says otherwise. What was left out is reported, and truncation="chunk_max" looks into all of it.
book = "Nothing of interest is said here. " * 200 + texts[5]
answer = model.score([(query, texts[5])])[0].logit
rows = []
for truncation in ("longest_first", "chunk_max"):
    [one] = model.score([(query, book)], truncation=truncation)
    cut = one.truncation
    rows.append((truncation, f"{one.logit:6.2f}", f"{cut.tokens_used} of {cut.tokens_total}"))
table("What was cut", ("truncation", "logit", "tokens read"), *rows)
print(
    f"the passage alone: {answer:.2f}; it begins at character {book.index(texts[5])} of {len(book)}"
)
print(f"window with the best score: characters {one.span.begin_char} to {one.span.end_char}")

# %% Hybrid
# An LLM behind any OpenAI-compatible server rates the ten best. If it fails, the order is the
# cross-encoder's and `degraded` is true.
if not os.environ.get("CROSSRANK_JUDGE_URL"):
    print("== Hybrid")
    print("skipped: CROSSRANK_JUDGE_URL is not set")
else:
    first = crossrank.CrossEncoderReRanker(model, top_k=10)
    hybrid = crossrank.HybridReRanker(top_k=3, cross_encoder=first)
    ranking = hybrid.rank(query, corpus)
    table(
        "Hybrid",
        ("rank", "was", "relevance", "text"),
        *(
            (
                one.rank,
                one.first_stage_rank,
                f"{one.judge.relevance:g}" if one.judge else "-",
                short(one.page_content),
            )
            for one in ranking
        ),
    )
    report = ranking.judge
    calls = "1 call" if report.calls == 1 else f"{report.calls} calls"
    print(f"{report.outcome}, {calls}, degraded: {ranking.degraded} {report.message}".rstrip())

# %% Evaluate
# nDCG@10 and MRR@10 over eight queries, each with the passage that answers it. The first line ranks
# by how many of the query's words a passage has. Eight queries show how it is done; to decide
# something, take some hundred of your own.
answers = {
    "q1": {"bike-1": 1},
    "q2": {"bank-1": 1},
    "q3": {"moon-1": 1},
    "q4": {"fever-1": 1},
    "q5": {"slug-1": 1},
    "q6": {"tide-1": 1},
    "q7": {"git-1": 1},
    "q8": {"visa-1": 1},
}
queries = dict(
    line.split("\t") for line in (EXAMPLES / "queries.tsv").read_text("utf-8").splitlines()
)


def ndcg(ids, grades, k=10):
    discount = 1 / np.log2(np.arange(2, k + 2))
    gains = np.array([2.0 ** grades.get(name, 0) - 1 for name in ids[:k]])
    best = np.array(sorted((2.0**grade - 1 for grade in grades.values()), reverse=True)[:k])
    return (gains @ discount[: len(gains)]) / (best @ discount[: len(best)])


def reciprocal_rank(ids, grades, k=10):
    return next((1 / rank for rank, name in enumerate(ids[:k], 1) if grades.get(name, 0) > 0), 0.0)


def words(text):
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def by_words(text):
    order = np.argsort([-len(words(text) & words(passage)) for passage in texts], kind="stable")
    return [corpus[index].id for index in order]


def by_model(text):
    return [corpus[entry["corpus_id"]].id for entry in model.rank(text, texts)]


rows = []
for name, order in (("words", by_words), ("crossrank", by_model)):
    runs = [(order(queries[q]), grades) for q, grades in answers.items()]
    rows.append(
        (
            name,
            f"{np.mean([ndcg(*run) for run in runs]):.3f}",
            f"{np.mean([reciprocal_rank(*run) for run in runs]):.3f}",
            f"{sum(run[0][0] in run[1] for run in runs)} of {len(runs)}",
        )
    )
table("Evaluate", ("ranked by", "nDCG@10", "MRR@10", "answer first"), *rows)
