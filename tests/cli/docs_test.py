"""docs/cli.md is true: its examples run and print what it shows (docs/calibration.md's, too), and
it names every flag and every environment variable there is.

Times, memory and instruction sets differ between machines and are not compared; other numbers may
differ as much as instruction sets may. After a new model or another deliberate change
CROSSRANK_UPDATE_PAGES=1 writes what is printed now to the page: read the diff.
"""

import functools
import os
import re
import shutil
import subprocess
import unittest

from harness import BINARY, SOURCE, CliTest

CLI_PAGE = SOURCE / "docs" / "cli.md"
CALIBRATION_PAGE = SOURCE / "docs" / "calibration.md"
PAGE = CLI_PAGE.read_text("utf-8")
UPDATE = os.environ.get("CROSSRANK_UPDATE_PAGES") == "1"


NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")


def spelled(digest):
    return digest[0].translate(str.maketrans("0123456789", "ghijklmnop"))


def shown_numbers(text):
    """The text without its numbers, and those that must come out."""
    # A digest is a word, though 12345e678901 looks like a number.
    text = re.sub(r"\b[0-9a-f]{12}(?:[0-9a-f]{52})?\b", spelled, text)
    text = re.sub(r"\b(avx512|avx2|neon|scalar)\b(, (avx512|avx2|neon|scalar)\b)*", "ISA", text)
    for measured in (
        r'(?<="elapsed_ms":)[\d.]+',
        r"[\d,]+(?=( ms|/s)\b)",
        r"[\d.]+(?= [kMG]B\b)",
        r"\b[\d.]+(e-\d+)?(?= % of)",
        r"\d+(?= threads?\b)",
        r"(?<=^threads)\s+\d+$",
    ):
        text = re.sub(measured, "@", text, flags=re.M)
    text = re.sub(r"[ \t]+", " ", text.replace("threads", "thread"))
    numbers = [float(number.replace(",", "")) for number in NUMBER.findall(text)]
    return NUMBER.sub("#", text), numbers


class Outdated:
    """Parts of a page that no longer hold, each with what should stand there."""

    def __init__(self, path):
        self.path = path
        self.parts = []

    def check(self, check, shown, printed, before=""):
        """Calls `check`; when that fails and pages are updated, notes the part behind `before`."""
        try:
            check()
        except AssertionError:
            if not UPDATE:
                raise
            self.parts.append((before + shown, before + printed))

    def write(self):
        text = self.path.read_text("utf-8")
        for old, new in self.parts:
            text = text.replace(old, new, 1)
        if self.parts:
            self.path.write_text(text, "utf-8")


def variables_read():
    """Names of the variables that the sources ask for. An argument that is no literal must be the
    `name` of a loop over literals, or of the two functions that take any."""
    calls = re.compile(r"\b(?:getenv|environment)\(([^)]*)\)")
    names = set()
    for path in sorted([*SOURCE.glob("src/**/*.cc"), *SOURCE.glob("apps/**/*.cc")]):
        text = path.read_text("utf-8")
        for argument in calls.findall(text):
            if literal := re.fullmatch(r'"(\w+)"', argument):
                names.add(literal[1])
            elif argument == "name":
                loops = re.findall(r"for \(const char\* name : \{([^}]*)\}\)", text)
                names.update(name for loop in loops for name in re.findall(r'"(\w+)"', loop))
            elif argument not in ("const char* name", "name.c_str("):
                raise AssertionError(f"{path}: cannot tell which variable `{argument}` is")
    return names


COMMANDS = (
    "rank",
    "hybrid",
    "score",
    "rerank",
    "eval",
    "tune",
    "calibrate",
    "tokenize",
    "info",
    "models",
    "pull",
    "serve",
    "bench",
    "doctor",
)


class Page(CliTest):
    def test_examples_print_what_the_page_shows(self):
        self.assertGreater(self.run_examples(CLI_PAGE, SOURCE), 20)

    def test_examples_of_calibration(self):
        """They write files, so they see the examples from a folder of their own."""
        (self.folder / "examples").symlink_to(SOURCE / "examples")
        self.assertGreaterEqual(self.run_examples(CALIBRATION_PAGE, self.folder), 4)

    def run_examples(self, path, folder):
        """How many there were."""
        (self.folder / "bin").mkdir(exist_ok=True)
        shutil.copy(BINARY, self.folder / "bin" / "crossrank")
        env = self.env | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "COLUMNS": "110",
        }
        count = 0
        outdated = Outdated(path)
        for block in re.findall(r"^```console\n(.*?)^```", path.read_text("utf-8"), re.M | re.S):
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
                done = subprocess.run(
                    ["bash", "-c", command],
                    stdout=subprocess.PIPE,
                    env=env,
                    text=True,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                )
                printed = done.stdout
                if done.returncode != 0:
                    printed += f"[exit code {done.returncode}]\n"
                with self.subTest(command=command):
                    check = functools.partial(self.assert_shown, printed, shown)
                    outdated.check(check, shown, printed, before=f"$ {command}\n")
                count += 1
        outdated.write()
        return count

    def assert_shown(self, printed, shown):
        words, numbers = shown_numbers(printed)
        shown_words, wanted = shown_numbers(shown)
        self.assertEqual(words, shown_words)
        for number, want in zip(numbers, wanted, strict=True):
            # 1e-4 between instruction sets, and the rounding of tables
            self.assertLessEqual(abs(number - want), 2e-4 * max(1, abs(want)))

    def test_every_flag_is_named(self):
        for command in COMMANDS:
            for flag in re.findall(r"--[a-z-]+", self.ok(command, "--help").out.decode()):
                self.assertTrue(flag in PAGE, f"{flag} of {command} is not on the page")

    def test_it_names_no_flag_that_does_not_exist(self):
        known = "".join(self.ok(command, "--help").out.decode() for command in COMMANDS)
        for flag in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)):
            self.assertTrue(flag in known, f"{flag} does not exist")

    def test_the_table_of_variables_is_what_the_sources_read(self):
        section = PAGE.split("## Environment\n")[1].split("\n## ")[0]
        cells = re.findall(r"^\| (`.*?) \|", section, re.M)
        named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
        self.assertEqual(named, variables_read())


if __name__ == "__main__":
    unittest.main()
