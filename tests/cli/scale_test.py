"""Much input: a million documents, and memory that does not grow with the number of pairs."""

import os
import subprocess
import tempfile
import unittest

from harness import BINARY, TINY, CliTest, jsonl


class Memory(CliTest):
    def peak(self, *args, stdin=None):
        """Peak resident memory of a run in bytes, as the kernel counted it."""
        with tempfile.TemporaryFile() as out:
            pid = os.posix_spawn(
                BINARY,
                [BINARY, *map(str, args)],
                self.env,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, out.fileno(), 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
            )
            _, status, usage = os.wait4(pid, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), 0)
            out.seek(0)
            return usage.ru_maxrss * 1024, sum(1 for _ in out)

    def write_pairs(self, count):
        path = self.folder / f"{count}.jsonl"
        block = jsonl(
            [{"query": f"tea {i}", "document": "the sea at night " * (i % 40)} for i in range(1000)]
        )
        with open(path, "w", encoding="utf-8") as file:
            for _ in range(count // 1000):
                file.write(block)
        return path

    def test_score_takes_no_more_for_a_hundred_times_the_pairs(self):
        small, lines = self.peak("score", "--model", TINY, self.write_pairs(1000))
        self.assertEqual(lines, 1000)
        large, lines = self.peak("score", "--model", TINY, self.write_pairs(100000))
        self.assertEqual(lines, 100000)
        print(
            f"peak memory: {small / 1e6:.1f} MB for 1,000 pairs, {large / 1e6:.1f} MB for 100,000"
        )
        self.assertLessEqual(large, 1.2 * small)

    def test_score_with_the_builtin_model(self):
        peak, lines = self.peak(
            "score", "--model", "builtin", "--threads", "2", self.write_pairs(1000)
        )
        self.assertEqual(lines, 1000)
        print(f"peak memory: {peak / 1e6:.1f} MB with the builtin model at 2 threads")
        self.assertLess(peak, 300e6)


class Million(CliTest):
    def test_a_million_documents(self):
        path = self.folder / "million.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            for i in range(1_000_000):
                file.write(f'{{"id":{i},"text":"tea {i % 1000} and the sea"}}\n')
        done = subprocess.run(
            [BINARY, "rank", "-q", "tea 7", "--model", TINY, "--top-k", "3", path],
            capture_output=True,
            env=self.env,
            timeout=900,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 3)
        self.assertIn(b"ranked 1,000,000 documents", done.stderr)


if __name__ == "__main__":
    unittest.main()
