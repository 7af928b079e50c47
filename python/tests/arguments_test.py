"""The tables of docs/python.md that list a reranker's arguments, against its signature."""

import ast
import inspect
import re

import pytest
from conftest import ROOT

import crossrank


@pytest.mark.parametrize("name", ["CrossEncoderReRanker", "HybridReRanker", "LlmJudge"])
def test_every_argument_has_a_row(name):
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    section = page.split(f"\n### Arguments of {name}\n")[1].split("\n#")[0]
    listed = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            _, arguments, default, *_ = line.split("|")
            value = default.strip(" `")
            for argument in re.findall(r"`(\w+)`", arguments):
                listed[argument] = ast.literal_eval(value) if value else inspect.Parameter.empty
    signature = inspect.signature(getattr(crossrank, name)).parameters.values()
    assert list(listed.items()) == [(one.name, one.default) for one in signature]
