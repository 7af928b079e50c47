"""The README's Python program prints what the README says."""

import contextlib
import io
import re

from conftest import ROOT


def test_the_program_of_the_readme():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    [(program, printed)] = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(program, "README.md", "exec"), {})
    assert output.getvalue() == printed
