"""What the tests of the Python package share: models that are loaded once, made-up texts."""

import gc
import os
import pathlib
import pickle

import pytest

import crossrank

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "tests/golden/data/models"

QUERY = "what is the capital of France?"
DOCUMENTS = [
    "Berlin is the capital of Germany.",
    "Paris is the capital and largest city of France.",
    "The Louvre is the most visited museum in the world.",
    "France is a country in Western Europe.",
]


def golden(name: str) -> str:
    """A tiny model of random weights, in milliseconds loaded."""
    return str(MODELS / name)


@pytest.fixture(scope="session")
def builtin() -> crossrank.CrossEncoder:
    return crossrank.CrossEncoder("builtin")


@pytest.fixture(scope="session")
def tiny() -> crossrank.CrossEncoder:
    return crossrank.CrossEncoder(golden("scores_identity"))


@pytest.fixture(scope="session")
def labels3() -> crossrank.CrossEncoder:
    return crossrank.CrossEncoder(golden("labels3"))


def pairs(count: int) -> list[tuple[str, str]]:
    """Pairs of different lengths, the same in each run."""
    words = "the moon orbits earth while rivers carry ancient stone toward silent seas".split()
    return [
        (
            " ".join(words[(i + k) % len(words)] for k in range(1 + i % 5)),
            " ".join(words[(i * 7 + k * 3) % len(words)] for k in range(1 + (i * 13) % 40)),
        )
        for i in range(count)
    ]


def in_child(call):
    """What `call` returns in a forked child. What it dropped is destroyed there."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            out = call()
            gc.collect()
            os.write(writer, pickle.dumps(out))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0
    return pickle.loads(content)
