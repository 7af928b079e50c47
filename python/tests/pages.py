"""Runs the Python blocks of a page. Not a test: examples_test.py and adapters/ say which pages.

A block that begins with ```python is run, in the order of the page, in one namespace. A ```text
block behind it, with nothing but empty lines between, is what it prints. A word behind `python`
names what it needs: `torch`; or `other`, the package that the page compares with: nobody runs it.
"""

import contextlib
import io
import pathlib
import re
from dataclasses import dataclass


@dataclass
class Block:
    line: int  #: Of its first line of code, from 1.
    needs: str  #: "" or the word behind `python`.
    code: str
    output: str | None  #: None: nothing is said about it.


NEEDS = ("", "torch", "other")


def blocks(page: pathlib.Path) -> list[Block]:
    """The Python blocks of a page. Raises ValueError for an unknown word and for an open block."""
    found: list[Block] = []
    fence = None  # (first line, info, lines)
    behind = False  # only empty lines since the last Python block
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if fence is not None:
            if line != "```":
                fence[2].append(line + "\n")
                continue
            first, info, lines = fence
            fence = None
            match = re.fullmatch(r"python ?(\w*)", info)
            if match:
                if match[1] not in NEEDS:
                    raise ValueError(f"{page.name}:{first}: python {match[1]}: not one of {NEEDS}")
                found.append(Block(first, match[1], "".join(lines), None))
            elif info == "text" and behind:
                found[-1].output = "".join(lines)
            behind = match is not None
        elif line.startswith("```"):
            fence = (number + 1, line[3:], [])
        elif line:
            behind = False
    if fence is not None:
        raise ValueError(f"{page.name}:{fence[0]}: a block without an end")
    return found


def run(page: pathlib.Path, *needs: str) -> tuple[int, list[str]]:
    """(how many blocks that need one of `needs` were run, what is wrong with what they printed)."""
    namespace = {"__name__": "__main__"}
    count, wrong = 0, []
    for block in blocks(page):
        if block.needs not in needs:
            continue
        # Empty lines in front: a traceback then names the page's own line.
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        count += 1
        if block.output is None:
            if printed.getvalue():
                wrong.append(f"{page.name}:{block.line} prints, and no ```text block says what")
        elif printed.getvalue() != block.output:
            wrong.append(
                f"{page.name}:{block.line} printed\n{printed.getvalue()}and not\n{block.output}"
            )
    return count, wrong
