"""Runs the Python of docs/integrations.md, a section after another, and holds its tables against
the code."""

import inspect
import re

import pytest
from adapter_support import ROOT, FaultServer

from crossrank.integrations import _shared, haystack, langchain, llama_index

PAGE = (ROOT / "docs/integrations.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


@pytest.mark.parametrize("name, blocks", [("LangChain", 3), ("LlamaIndex", 1), ("Haystack", 1)])
def test_snippets_run(name, blocks, monkeypatch, capsys):
    found = BLOCK.findall(SECTIONS[name])
    assert len(found) == blocks
    with FaultServer(["good"], least=0) as server:
        monkeypatch.setenv("CROSSRANK_JUDGE_URL", server.url)
        monkeypatch.setenv("CROSSRANK_JUDGE_MODEL", "judge-model")
        names = {}
        for block in found:
            exec(compile(block, "docs/integrations.md", "exec"), names)
        judged = len(server.requests)
    assert judged == (1 if name == "LangChain" else 0)
    assert capsys.readouterr().out.count("It says 0.") == 2 * judged


@pytest.mark.parametrize(
    "adapter",
    [langchain.CrossRankReranker, llama_index.CrossRankRerank, haystack.CrossRankRanker],
)
def test_tables_name_every_argument(adapter):
    table = PAGE[PAGE.index(f"| argument of `{adapter.__name__}`") :].split("\n\n")[0]
    first_column = " ".join(row.split("|")[1] for row in table.splitlines()[2:])
    told = set(re.findall(r"`(\w+)`", first_column))
    # Haystack's metaclass hides the signature, pydantic's __init__ does.
    taken_by = adapter.__init__ if adapter is haystack.CrossRankRanker else adapter
    taken = set(inspect.signature(taken_by).parameters) - {"self", "callback_manager"}
    assert told == taken


def test_table_names_every_key():
    table = PAGE[PAGE.index("| key in metadata") :].split("\n\n")[0]
    first_column = " ".join(row.split("|")[1] for row in table.splitlines()[2:])
    assert set(re.findall(r"`(\w+)`", first_column)) == set(_shared.OUR_KEYS)
