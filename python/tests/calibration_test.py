"""A calibration in Python: probabilities change and scores do not; pickles, copies, forks and the
rerankers keep it."""

import copy
import hashlib
import json
import os
import pathlib
import pickle
import shutil

import numpy as np
import pytest
from conftest import DOCUMENTS, QUERY, golden, in_child

import crossrank

TINY = golden("scores_identity")
PAIRS = [(QUERY, document) for document in DOCUMENTS]


def calibration(model: str = TINY, temperature: float = 2.5, bias: float = -0.75) -> str:
    weights = (pathlib.Path(model) / "model.safetensors").read_bytes()
    return json.dumps(
        {
            "format": 1,
            "temperature": temperature,
            "bias": bias,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
        }
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "calibration.json"
    path.write_text(calibration())
    return path


def wanted(logit: float) -> float:
    return 1 / (1 + np.exp(-(logit / 2.5 - 0.75)))


def test_probability_changes_and_nothing_else_does(tiny, file):
    encoder = crossrank.CrossEncoder(TINY, calibration=file)
    assert encoder.info.calibration == (str(file), 2.5, -0.75)
    assert tiny.info.calibration is None
    assert encoder.predict(PAIRS).tolist() == tiny.predict(PAIRS).tolist()
    assert encoder.rank(QUERY, DOCUMENTS) == tiny.rank(QUERY, DOCUMENTS)
    for before, after in zip(tiny.score(PAIRS), encoder.score(PAIRS)):
        assert (after.logit, after.score) == (before.logit, before.score)
        assert after.probability == pytest.approx(wanted(before.logit), abs=1e-6)


def test_rerankers_filter_by_it(file):
    reranker = crossrank.CrossEncoderReRanker(TINY, top_k=0, calibration=file)
    results = reranker.rank(QUERY, DOCUMENTS).results
    for result in results:
        assert result.probability == pytest.approx(wanted(result.logit), abs=1e-6)
    least = results[1].probability
    kept = crossrank.CrossEncoderReRanker(
        reranker.cross_encoder, top_k=0, min_probability=least
    ).rank(QUERY, DOCUMENTS)
    assert len(kept) == 2


def test_pickles_copies_and_children_keep_it(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    encoder = crossrank.CrossEncoder(TINY, calibration=file.name)
    monkeypatch.chdir("/")
    probability = encoder.score(PAIRS)[0].probability
    for other in (
        pickle.loads(pickle.dumps(encoder)),
        copy.copy(encoder),
        copy.deepcopy(encoder),
        pickle.loads(pickle.dumps(copy.deepcopy(encoder))),
    ):
        assert other.info.calibration == encoder.info.calibration
        assert other.score(PAIRS)[0].probability == probability
    assert in_child(lambda: encoder.score(PAIRS)[0].probability) == probability
    none = pickle.loads(pickle.dumps(crossrank.CrossEncoder(TINY, calibration=False)))
    assert none.info.calibration is None


def test_a_folder_has_its_own(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(TINY, folder)
    own = folder / "crossrank_calibration.json"
    own.write_text(calibration())
    assert crossrank.CrossEncoder(folder).info.calibration == (str(own), 2.5, -0.75)
    assert crossrank.CrossEncoder(folder, calibration=False).info.calibration is None
    own.write_text("{")
    with pytest.raises(crossrank.ModelError, match="crossrank_calibration.json"):
        crossrank.CrossEncoder(folder)


def test_what_is_refused(tmp_path, file):
    with pytest.raises(crossrank.ModelError, match="fitted for the weights"):
        crossrank.CrossEncoder(golden("head64x2"), calibration=file)
    with pytest.raises(crossrank.ModelError, match="one label"):
        crossrank.CrossEncoder(golden("labels3"), calibration=file)
    with pytest.raises(crossrank.ModelNotFoundError, match="nowhere"):
        crossrank.CrossEncoder(TINY, calibration=tmp_path / "nowhere")
    with pytest.raises(crossrank.InvalidArgumentError, match="calibration is True"):
        crossrank.CrossEncoder(TINY, calibration=True)
    with pytest.raises(TypeError, match="calibration is of type int"):
        crossrank.CrossEncoder(TINY, calibration=3)


def test_none_is_a_file_here(tmp_path, monkeypatch):
    """Only False is no calibration: a str is always a path."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(crossrank.ModelNotFoundError, match=os.path.join(str(tmp_path), "none")):
        crossrank.CrossEncoder(TINY, calibration="none")
