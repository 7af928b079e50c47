"""The release binary on a CPU of 2006, without AVX, emulated: the start-up code and the baseline.

Needs qemu-x86_64 (package qemu-user); skipped where it is missing. Part of `make test-long`.
"""

import json
import os
import platform
import shutil
import subprocess
import unittest

from harness import BINARY, TINY

QEMU = shutil.which("qemu-x86_64")


@unittest.skipUnless(QEMU, "there is no qemu-x86_64: the package qemu-user has it")
@unittest.skipUnless(platform.machine() in ("x86_64", "AMD64"), "the binary is not for x86-64")
@unittest.skipIf(os.environ.get("CROSSRANK_SANITIZE"), "a sanitizer's memory is not emulated")
class OldCpu(unittest.TestCase):
    def test_doctor_on_a_cpu_without_avx(self):
        # A tiny model: the builtin one takes many minutes here.
        command = [QEMU, "-cpu", "core2duo", BINARY, "doctor", "--model", TINY]
        run = subprocess.run(command, capture_output=True, check=False)
        self.assertEqual(run.returncode, 0, run.stdout.decode() + run.stderr.decode())
        checks = {row["check"]: row for row in map(json.loads, run.stdout.splitlines())}
        self.assertEqual(checks["instruction sets"]["result"], "ok")
        # Had the emulator not hidden AVX, this test would prove nothing.
        self.assertRegex(checks["instruction sets"]["detail"], "^scalar;")


if __name__ == "__main__":
    unittest.main(verbosity=2)  # with the reason of a skip
