"""The blocks of docs/python.md and docs/migration.md with those that need torch or
sentence-transformers, which examples_test.py leaves out."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # every model is a folder

import pages  # noqa: E402
import pytest  # noqa: E402
from conftest import ROOT  # noqa: E402
from examples_test import judge  # noqa: E402, F401  (a fixture)


@pytest.mark.parametrize("name", ["python.md", "migration.md"])
def test_a_page_with_torch(name, judge, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.chdir(tmp_path)  # as who installed the package, without a clone
    page = ROOT / "docs" / name
    count, wrong = pages.run(page, "", "torch")
    assert not wrong, "\n".join(wrong)
    assert count > sum(block.needs == "" for block in pages.blocks(page))
