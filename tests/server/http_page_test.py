"""docs/http.md is true: its examples run against a real server and print what it shows, and it
names every flag, route, status, metric and field of the log that there is.

In a console block `$ crossrank serve` starts a server, in place of the one before; the lines below
it are the first of its log. Other commands run in one folder, with the server's address in place of
127.0.0.1:8080 and its process in $SERVER. The block after <!-- log --> is the end of the log.
"""

import functools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from docs_test import Outdated, shown_numbers
from harness import BINARY, SOURCE, CliTest

PATH = SOURCE / "docs" / "http.md"
PAGE = PATH.read_text("utf-8")
STEPS = re.compile(
    r"^```console\n(?P<console>.*?)^```|^<!-- log -->\n+```json\n(?P<log>.*?)^```", re.M | re.S
)
ADDRESS = "127.0.0.1:8080"
# What differs from run to run, in JSON and in headers.
MEASURED = (
    r'(?<="ts":)[\d.e+]+',
    r'(?<="created":)\d+',
    r'(?<="port":)\d+',
    r'(?<=_ms":)[\d.e+-]+',
    r'(?<="threads":)\d+',
    r'(?<="tokenization_workers":)\d+',
    r'(?<="bytes_out":)\d+',
    r'(?<="remote":")[\d.:]+',
    r"(?<=-time: )\d+",
    r"\b[0-9a-f]{32}\b",
)


def steps(page):
    """("serve" | "run" | "log", command or "", what is shown) in the order of the page."""
    for block in STEPS.finditer(page):
        if block["log"] is not None:
            yield "log", "", block["log"]
            continue
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block["console"], re.M):
            yield "serve" if command.startswith("crossrank serve") else "run", command, shown


def comparable(text):
    """The text without its numbers, and those that must come out."""
    text = text.replace("\r", "")
    for measured in MEASURED:
        text = re.sub(measured, "@", text)
    return shown_numbers(text)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A running `crossrank serve` and the lines of its log."""

    def __init__(self, command, env, folder):
        self.port = free_port()
        command = f"exec {command} --port {self.port}"
        self.process = subprocess.Popen(
            ["bash", "-c", command], env=env, cwd=folder, stderr=subprocess.PIPE, text=True
        )
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr))
        self.reader.start()

    def wait_for(self, shown):
        """The log's last lines once they read like `shown`; after a minute those that there are.

        A request's line may come after its answer, so that an earlier one is the last for a while.
        """
        end = time.monotonic() + 60
        count = len(shown.splitlines())
        last = ""
        while time.monotonic() < end and self.process.poll() is None:
            last = "".join(self.lines[-count:])
            if comparable(last)[0] == comparable(shown)[0]:
                break
            time.sleep(0.02)
        return last

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stderr.close()
        return self.process.returncode


class Page(CliTest):
    def setUp(self):
        super().setUp()
        self.server = None
        self.work = self.folder / "work"
        (self.folder / "bin").mkdir()
        self.work.mkdir()
        shutil.copy(BINARY, self.folder / "bin" / "crossrank")
        for name in ("examples", "tests"):
            (self.work / name).symlink_to(SOURCE / name)
        self.env |= {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "no_proxy": "*"}
        self.log_fields = set()

    def assert_shown(self, printed, shown):
        words, numbers = comparable(printed)
        shown_words, wanted = comparable(shown)
        self.assertEqual(words, shown_words)
        for number, want in zip(numbers, wanted, strict=True):
            # 1e-4 between instruction sets
            self.assertLessEqual(abs(number - want), 2e-4 * max(1, abs(want)))

    def serve(self, command, shown):
        self.end_server()
        self.server = Server(command, self.env, self.work)
        self.addCleanup(self.server.stop)
        return self.server.wait_for(shown)

    def end_server(self):
        if self.server is None:
            return
        self.assertEqual(self.server.stop(), 0)
        for line in self.server.lines:
            self.log_fields |= json.loads(line).keys()

    def run_command(self, command):
        command = (
            command.replace(ADDRESS, f"127.0.0.1:{self.server.port}") if self.server else command
        )
        server = {"SERVER": str(self.server.process.pid)} if self.server else {}
        done = subprocess.run(
            ["bash", "-c", command],
            env=self.env | server,
            cwd=self.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return done.stdout

    def test_examples_print_what_the_page_shows(self):
        count = 0
        outdated = Outdated(PATH)  # docs_test.py says how a page is updated
        for kind, command, shown in steps(PAGE):
            with self.subTest(command=command or "the log"):
                if kind == "serve":
                    printed = self.serve(command, shown)
                elif kind == "log":
                    printed = self.server.wait_for(shown)
                else:
                    printed = self.run_command(command)
                    if printed and not printed.endswith("\n"):
                        printed += "\n"
                fresh = printed.replace("\r", "").replace(str(self.server.port), "8080")
                check = functools.partial(self.assert_shown, printed, shown)
                outdated.check(check, shown, fresh, before=f"$ {command}\n" if command else "")
            count += 1
        outdated.write()
        self.assertGreater(count, 30)
        self.end_server()
        table = PAGE.split("## Log\n")[1].split("\n## ")[0]
        for field in self.log_fields:
            self.assertIn(f"`{field}`", table)


class Contents(CliTest):
    """What the page must name, and what it must not."""

    def help_text(self):
        return self.ok("serve", "--help").out.decode()

    def test_flags(self):
        known = set(re.findall(r"^ +(?:-\w,)?(--[a-z][a-z-]+)", self.help_text(), re.M))
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
        self.assertEqual(known - named - {"--help"}, set())
        self.assertEqual(named - known, set())

    def test_defaults_of_limits(self):
        limits = dict(re.findall(r"(--[a-z-]+)[^-]*?\(default (\d+)\)", self.help_text()))
        rows = re.findall(r"^\| [^|]* \| `(--[a-z-]+)` \| ([\d,]+) \|", PAGE, re.M)
        self.assertGreater(len(rows), 4)
        for flag, default in rows:
            self.assertEqual(default.replace(",", ""), limits[flag], flag)

    def test_routes_and_statuses(self):
        text = (SOURCE / "apps/server/openapi.json").read_text("utf-8")
        paths = json.loads(text)["paths"]
        named = set(re.findall(r"`(?:(?:GET|POST) )?(/[\w./]*)`", PAGE))
        named |= set(re.findall(r"(?:GET|POST) (/[\w./]+)", PAGE))
        for path in set(paths) - {"/"}:
            self.assertIn(path, named)
        table = PAGE.split("## Status codes\n")[1].split("\n## ")[0]
        rows = set(re.findall(r"^\| (\d{3}) \|", table, re.M))
        statuses = {s for item in paths.values() for op in item.values() for s in op["responses"]}
        self.assertEqual(statuses - rows, set())

    def test_metrics(self):
        source = (SOURCE / "apps/server/metrics.cc").read_text("utf-8")
        known = set(re.findall(r'"(crossrank_\w+)"', source))
        table = PAGE.split("## Metrics\n")[1].split("\n## ")[0]
        named = {
            name
            for row in re.findall(r"^\| (`crossrank_.*?) \|", table, re.M)
            for name in re.findall(r"`(crossrank_\w+)`", row)
        }
        self.assertEqual(named, known)
        for name in re.findall(r"\b(crossrank_[a-z_]+)\b", PAGE):
            self.assertTrue(any(one.startswith(name) for one in known), name)

    def test_commands_are_whole(self):
        for kind, command, _ in steps(PAGE):
            if kind != "log":
                shlex.split(command)


if __name__ == "__main__":
    unittest.main()
