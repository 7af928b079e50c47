"""tools/readme_snippets.py on small READMEs, good and bad."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "readme_snippets.py"
GOOD = """# Title
<!-- program: quickstart -->
```cpp
int main() {}
```
It prints:
<!-- prints: quickstart -->

```text
42
```
```sh
make demo
```
"""


class ReadmeSnippets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def tool(self, *arguments):
        run = subprocess.run(
            [sys.executable, TOOL, *arguments], capture_output=True, text=True, check=False
        )
        return run.returncode, run.stdout + run.stderr

    def extract(self, text):
        readme = self.folder / "README.md"
        readme.write_text(text, encoding="utf-8")
        return self.tool(readme, self.folder / "out")

    def test_a_program_and_its_output(self):
        self.assertEqual(self.extract(GOOD), (0, "quickstart\n"))
        self.assertEqual((self.folder / "out/quickstart.cc").read_text(), "int main() {}\n")
        self.assertEqual((self.folder / "out/quickstart.txt").read_text(), "42\n")

    def test_bad_readmes(self):
        for text, words in (
            ("# Nothing\n", "there must be some"),
            (GOOD.replace("<!-- program: quickstart -->\n", ""), "without <!-- program"),
            (GOOD.replace("<!-- prints: quickstart -->\n", ""), "there must be some"),
            (GOOD + GOOD, "is there twice"),
            (GOOD + "<!-- program: more -->\nWords.\n", "a fenced block must follow"),
            (GOOD + "```cpp\n", "without <!-- program"),
            (GOOD + "```sh\n", "has no end"),
        ):
            code, out = self.extract(text)
            self.assertEqual(code, 1, out)
            self.assertIn(words, out)

    def test_running(self):
        program, expected = self.folder / "program", self.folder / "expected"
        program.write_text("#!/bin/sh\necho 42\n", encoding="utf-8")
        program.chmod(0o755)
        expected.write_text("42\n", encoding="utf-8")
        self.assertEqual(self.tool("--run", program, expected), (0, ""))
        expected.write_text("43\n", encoding="utf-8")
        code, out = self.tool("--run", program, expected)
        self.assertEqual(code, 1)
        self.assertIn("-43\n+42\n", out)
        program.write_text("#!/bin/sh\necho 43\nexit 3\n", encoding="utf-8")
        self.assertEqual(self.tool("--run", program, expected)[0], 1)

    def paths(self, text):
        """--paths on a tree with src/a_test.cc, and docs/page.md with `text`."""
        for path, content in (("src/a_test.cc", ""), ("docs/page.md", text)):
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_text(content, encoding="utf-8")
        return self.tool("--paths", self.folder)

    def test_paths_that_exist(self):
        code, out = self.paths(
            "`src/a_test.cc:12` `src/<module>_test.cc` `src/` `src/*.cc` [test](../src/a_test.cc)\n"
            "`of/another/tree` `make src` [elsewhere](https://example.org/src/b) [here](#part)\n"
            "```\n`src/fenced.cc`\n```\n"
        )
        self.assertEqual((code, out), (0, "5 paths on 1 pages\n"))

    def test_paths_that_do_not_exist(self):
        for text, words in (
            ("a\n`src/b_test.cc`\n", "docs/page.md:2: src/b_test.cc does not exist"),
            ("`docs/<isa>.cc`\n", "docs/page.md:1: docs/<isa>.cc does not exist"),
            ("[page](other.md)\n", "docs/page.md:1: other.md does not exist"),
            ("```sh\nmake\n```\n`src/b/`\n", "docs/page.md:4: src/b/ does not exist"),
            ("no path\n", "names a path"),
        ):
            code, out = self.paths(text)
            self.assertEqual(code, 1, out)
            self.assertIn(words, out)

    def test_usage(self):
        self.assertEqual(self.tool()[0], 2)


if __name__ == "__main__":
    unittest.main()
