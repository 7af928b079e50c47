"""The blocks of docs/python.md and docs/migration.md, and examples/python/tutorial.py, are run;
what they print is what the pages say. Blocks that need torch are adapters/pages_test.py's."""

import ast
import os
import pathlib
import re
import subprocess
import sys

import pages
import pytest
from conftest import ROOT
from judge_test import judge_server, prefer

import crossrank

TUTORIAL = ROOT / "examples/python/tutorial.py"


@pytest.fixture
def judge(monkeypatch):
    """A judge on loopback that gives 9 to texts with "Paris" or "Armstrong", 1 to others."""

    def answer(prompt, labels):
        ratings = [prefer(word)(prompt, labels) for word in ("Paris", "Armstrong")]
        return {label: max(rating[label] for rating in ratings) for label in labels}

    with judge_server(answer) as (url, bodies):
        monkeypatch.setenv("CROSSRANK_JUDGE_URL", url)
        monkeypatch.setenv("CROSSRANK_JUDGE_MODEL", "stand-in")
        monkeypatch.delenv("CROSSRANK_JUDGE_API_KEY", raising=False)
        yield bodies


@pytest.mark.parametrize("name, least", [("python.md", 7), ("migration.md", 5)])
def test_a_page(name, least, judge, monkeypatch):
    monkeypatch.chdir(ROOT)
    count, wrong = pages.run(ROOT / "docs" / name, "")
    assert not wrong, "\n".join(wrong)
    assert count >= least


def test_blocks_of_other_packages_are_python():
    for name in ("python.md", "migration.md"):
        for block in pages.blocks(ROOT / "docs" / name):
            if block.needs:
                ast.parse(block.code)


def test_a_page_that_is_wrong(tmp_path):
    """The runner sees what a reader would."""
    page = tmp_path / "page.md"

    def wrong(text):
        page.write_text(text)
        return pages.run(page, "")[1]

    assert wrong("```python\nprint(1)\n```\n\n```text\n1\n```\n") == []
    assert "printed\n2\n" in wrong("```python\nprint(2)\n```\n```text\n1\n```\n")[0]
    assert "prints" in wrong("```python\nprint(1)\n```\nIt prints:\n```text\n1\n```\n")[0]
    assert wrong("```python other\nraise SystemExit\n```\n```sh\nfalse\n```\n") == []
    with pytest.raises(ZeroDivisionError):
        wrong("text\n\n```python\n1 / 0\n```\n")
    for text in ("```python tourch\n```\n", "```python\nprint(1)\n"):
        with pytest.raises(ValueError):
            wrong(text)


def tutorial(**environment):
    """What the tutorial prints, as {title of a cell: lines}."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("CROSSRANK_JUDGE")}
    # Not resolve(): in a build folder the files are links, and the compiled part is beside them.
    variables["PYTHONPATH"] = str(pathlib.Path(crossrank.__file__).absolute().parents[1])
    # Nothing of it may depend on where it is started.
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", str(TUTORIAL)],
        cwd="/",
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    cells = re.split(r"^== (.*)\n", done.stdout, flags=re.M)
    assert cells[0] == ""
    return dict(zip(cells[1::2], (text.strip().split("\n") for text in cells[2::2])))


def test_the_tutorial():
    cells = tutorial()
    source = TUTORIAL.read_text(encoding="utf-8")
    titles = re.findall(r"^# %% (.*)$", source, re.M)
    assert list(cells) == titles and len(titles) == 8
    assert "builtin" in cells["Load"][0]
    rows = cells["Rank"]
    assert rows[0].split() == ["rank", "logit", "probability", "text"]
    assert len(rows) == 5 and "Neil Armstrong" in rows[1] and rows[1].split()[0] == "1"
    assert any("title" in line for line in cells["Rank documents with metadata"])
    assert "moon-1" in cells["Rank documents with metadata"][1]
    assert "0 of 37" in cells["Leave out what does not answer"][-1]
    assert "512 of" in " ".join(cells["What was cut"])
    assert cells["Hybrid"] == ["skipped: CROSSRANK_JUDGE_URL is not set"]
    figures = {line.split()[0]: line.split()[1:] for line in cells["Evaluate"][1:]}
    # The passages are fixed, and so are the figures; with words alone, three answers are first.
    assert figures == {
        "words": ["0.617", "0.536", "3", "of", "8"],
        "crossrank": ["1.000", "1.000", "8", "of", "8"],
    }


def test_the_tutorial_with_a_judge(judge):
    environment = {name: os.environ[name] for name in os.environ if name.startswith("CROSSRANK_J")}
    lines = tutorial(**environment)["Hybrid"]
    assert lines[0].split()[:3] == ["rank", "was", "relevance"]
    assert "9" in lines[1].split() and "Armstrong" in lines[1]
    assert lines[-1].startswith("judged, 1 call") and len(judge) == 1
