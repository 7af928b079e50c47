"""Exceptions: each code of the engine has a class, and each class is what others catch."""

import pathlib
import pickle
import re

import pytest
from conftest import ROOT

import crossrank
from crossrank import errors


def test_each_code_has_a_class():
    header = (ROOT / "include/crossrank/result.h").read_text()
    enum = header[header.index("enum class ErrorCode") : header.index("};")]
    codes = re.findall(r"^  (k\w+),", enum, re.M)
    switch = (ROOT / "python/src/errors.cc").read_text()
    assert len(codes) > 15
    for code in codes:
        assert f"ErrorCode::{code}:" in switch
    for name in set(re.findall(r'return "(\w+)"', switch)):
        assert issubclass(getattr(errors, name), crossrank.CrossRankError)
        assert getattr(crossrank, name) is getattr(errors, name)


@pytest.mark.parametrize(
    "error, builtin",
    [
        (errors.InvalidArgumentError, ValueError),
        (errors.InputTypeError, TypeError),
        (errors.InputTypeError, ValueError),
        (errors.ModelNotFoundError, FileNotFoundError),
        (errors.ModelError, ValueError),
        (errors.FileError, OSError),
        (errors.NetworkError, ConnectionError),
        (errors.OutOfMemoryError, MemoryError),
    ],
)
def test_each_class_is_a_builtin_one(error, builtin):
    assert issubclass(error, builtin)
    made = error("Say what to do.", "SomeCode")
    assert str(made) == "Say what to do." and made.code == "SomeCode"
    again = pickle.loads(pickle.dumps(made))
    assert type(again) is error and str(again) == str(made) and again.code == made.code


def test_files_that_are_malformed(tmp_path):
    source = pathlib.Path(ROOT / "tests/golden/data/models/scores_identity")
    for file in source.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(crossrank.ModelError, match="config.json") as caught:
        crossrank.CrossEncoder(tmp_path)
    assert caught.value.code == "BadConfig"
