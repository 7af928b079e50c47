"""Makes a small training set and a small random model; nothing is downloaded or read elsewhere."""

import json
import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import torch  # noqa: E402
from transformers import BertConfig, BertForSequenceClassification  # noqa: E402

REPOSITORY = pathlib.Path(__file__).parents[3]
TOPICS = (
    "volcano glacier copper violin harbour orchard telescope bakery railway lighthouse desert "
    "parliament falcon cathedral vaccine bicycle submarine festival library compass"
).split()
ASPECTS = "history cost size colour owner climate repair music law diet".split()


def passage(topic: str, aspect: str, number: int) -> str:
    """Six sentences; every third passage has more words than fit a window."""
    parts = [f"The {aspect} of the {topic} is told in book {number}."]
    parts += [
        f"Many visitors of the {topic} ask about its {aspect} because of reason {number} {place}."
        for place in range(5 if number % 3 else 12)
    ]
    return " ".join(parts)


torch.set_num_threads(1)  # a second one waits more than it works


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> pathlib.Path:
    """Ten passages of each topic: one group a topic; the last two topics are a held-out source."""
    folder = tmp_path_factory.mktemp("data")
    passages, questions = [], []
    for topic in TOPICS:
        first = len(passages)
        mates = range(first, first + len(ASPECTS))
        for number, aspect in zip(mates, ASPECTS):
            passages.append({"id": number, "text": passage(topic, aspect, number)})
            questions.append(
                {
                    "source": "covidqa" if topic in TOPICS[-2:] else "squad_dev",
                    "query": f"What is the {aspect} of the {topic}?",
                    "positive": number,
                    "negatives": [mate for mate in mates if mate != number][:5],
                    "group": topic,
                    "bm25_rank": 1,
                }
            )
    second = dict(questions[0], positive=1)  # another answer to the first question
    for name, rows in (("passages", passages), ("questions", [*questions, second])):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> pathlib.Path:
    """Two layers of 64, random, with real token ids."""
    torch.manual_seed(1)
    config = BertConfig(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        num_labels=1,
        sentence_transformers={"activation_fn": "torch.nn.modules.linear.Identity"},
    )
    folder = tmp_path_factory.mktemp("model")
    made = BertForSequenceClassification(config)
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.1) if weight.dim() > 1 else None
    made.save_pretrained(folder)
    like = REPOSITORY / "models/minilm-l6-crossrank"
    for name in ("special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (folder / name).write_bytes((like / name).read_bytes())
    return folder


@pytest.fixture
def vectors():
    """Unit vectors by chance."""

    def made(count: int, seed: int) -> np.ndarray:
        rows = np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    return made
