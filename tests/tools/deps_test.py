"""tools/deps.sh on machines that this one is not: no root, sudo or apt-get. Installs nothing."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "deps.sh"
# What the script itself runs. Everything else is missing from the PATH that the tests make.
TOOLS = ["bash", "awk", "grep", "cut", "sort", "tr", "cat", "env"]


class Deps(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.bin = Path(self.folder.name)
        self.log = self.bin / "log"
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))

    def command(self, name, script):
        path = self.bin / name
        path.write_text(f"#!{shutil.which('bash')}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def user(self, number):
        self.command("id", f"echo {number}")

    def apt(self, install="exit 0"):
        self.command(
            "apt-get",
            f'echo "apt-get $*" >> {self.log}\nif [[ "$*" == *install* ]]; then {install}; fi',
        )

    def deps(self, *arguments):
        run = subprocess.run(
            [TOOL, *arguments],
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return run.returncode, run.stdout + run.stderr

    def ran(self):
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def test_a_compiler_of_two_words(self):
        self.user(0)
        self.command("cxx", 'cat > /dev/null; [[ "$1" == -std=c++20 ]]')
        self.command("wrapper", '"$@"')
        self.apt()
        for compiler in ("cxx", "wrapper cxx"):
            run = subprocess.run(
                [TOOL, "build"],
                env={"PATH": str(self.bin), "CXX": compiler},
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            words = run.stdout + run.stderr + self.ran()
            self.assertNotIn("nlohmann", words, compiler)

    def test_root_installs_only_what_is_missing_and_says_what(self):
        self.user(0)
        self.command("git", "")
        self.command("python3", "")
        self.command("objdump", "")
        self.command("shellcheck", "")
        self.apt(
            install=f"for t in clang-format-14 clang-tidy-14; do"
            f" printf '#!/bin/sh\\n' > {self.bin}/$t; done;"
            f" {shutil.which('chmod')} +x {self.bin}/clang-*"
        )
        code, out = self.deps("lint")
        self.assertEqual(code, 0, out)
        self.assertIn("Installing 2 missing packages: clang-format-14 clang-tidy-14", out)
        self.assertRegex(
            self.ran(), r"apt-get update.*\n.*install.*clang-format-14 clang-tidy-14\n"
        )
        self.log.unlink()
        self.assertEqual(self.deps("lint"), (0, ""))  # the second time there is nothing to do
        self.assertEqual(self.ran(), "")

    def test_a_user_with_sudo(self):
        self.user(1000)
        self.command("sudo", f'echo "sudo $*" >> {self.log}; [[ $1 == -n ]] && exit 0; "$@"')
        self.apt(
            install=f"printf '#!/bin/sh\\n' > {self.bin}/gcovr;"
            f" {shutil.which('chmod')} +x {self.bin}/gcovr"
        )
        code, out = self.deps("coverage")
        self.assertEqual(code, 0, out)
        self.assertIn("sudo env DEBIAN_FRONTEND=noninteractive apt-get install", self.ran())

    def test_neither_root_nor_sudo_prints_the_line_and_stops(self):
        self.user(1000)
        self.apt()
        code, out = self.deps("build", "test")
        self.assertEqual(code, 1, out)
        lines = [line for line in out.splitlines() if line.startswith("apt-get update && ")]
        self.assertEqual(len(lines), 1, out)
        for package in ("build-essential", "cmake", "nlohmann-json3-dev", "libgtest-dev"):
            self.assertIn(package, lines[0])
        self.assertEqual(self.ran(), "")

    def test_no_apt_prints_the_list_and_stops(self):
        self.user(0)
        code, out = self.deps("build")
        self.assertEqual(code, 1, out)
        self.assertIn("no apt-get", out)
        self.assertIn("cmake ninja-build nlohmann-json3-dev libcli11-dev", out)

    def test_a_failed_install_is_an_error(self):
        self.user(0)
        self.apt(install="exit 100")
        code, out = self.deps("coverage")
        self.assertEqual(code, 1, out)
        self.assertIn("could not install: gcovr", out)

    def test_an_install_that_installs_nothing_is_an_error(self):
        self.user(0)
        self.apt()
        code, out = self.deps("coverage")
        self.assertEqual(code, 1, out)
        self.assertIn("installed, but still not found: gcovr", out)

    def test_usage(self):
        self.assertEqual(self.deps()[0], 2)
        code, out = self.deps("nonsense")
        self.assertEqual(code, 2)
        self.assertIn("unknown group 'nonsense'", out)

    def test_list(self):
        code, out = self.deps("--list", "build", "test")
        self.assertEqual(code, 0, out)
        self.assertIn("libcli11-dev\n", out)
        self.assertEqual(len(out.split()), len(set(out.split())))


if __name__ == "__main__":
    unittest.main()
